// Package api is the Go client of vaiven's HTTP API, and the place where the
// JSON that both sides speak is written down: the server answers with the types
// that the client reads.
//
// It owns no state of the server and no view of the log. A Client may be used
// from several goroutines. Every call takes a context and ends with it; answers
// are read up to a limit. A server that is slow or gone costs its caller what
// the context allows, but for Watch, which comes back by itself.
package api
