// Package promapi answers queries over the history the way a Prometheus server
// does, so that Grafana and every other program that asks Prometheus can ask
// vaiven. Paths, forms, times, errors and status codes are those of Prometheus's HTTP
// API (https://prometheus.io/docs/prometheus/latest/querying/api/), and PromQL is
// evaluated by Prometheus's own engine.
//
// It owns the requests and their answers. It does not own the samples, which it reads
// through a [storage.Queryable], nor who may ask. It reads only; there are no alerts,
// rules or exemplars, and it says so in empty lists, as a Prometheus without them.
//
// A request is read and its parameters are parsed (params.go), evaluated by the engine
// (query.go) or looked up among the labels (labels.go), and written (answer.go).
//
// What is bounded: the request ([Options.MaxForm]), what is evaluated at once
// ([Options.Concurrent]; who comes beyond waits for a place until its time is over),
// the time ([Options.Timeout], waiting included), the samples that one query may hold
// ([Options.MaxSamples]), the points of a series (11,000), and the names and series in
// an answer. An answer is written as it is encoded, without a copy of it in memory; a
// client that does not read keeps its place until writeTimeout.
//
// The handler may be called from any goroutine.
package promapi
