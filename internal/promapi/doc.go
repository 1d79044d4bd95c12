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
// ([Options.Concurrent], half of that from one address; who comes beyond waits for a
// place until its time is over), the expression, its regular expressions and the labels
// that it makes (strict.go, patterns.go), the time ([Options.Timeout], waiting
// included), the samples that one query may hold ([Options.MaxSamples]), the points of a
// series (11,000), and the names and series in an answer. A large answer is written as it is encoded, without a copy of it in
// memory, and a client that does not read it keeps its place until writeTimeout; a
// small one is held, and its place is given back before it is sent (places.go).
//
// The handler may be called from any goroutine.
package promapi
