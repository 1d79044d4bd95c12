// Package prometheus holds vaiven's Prometheus API and its remote-write against
// Prometheus itself: the requests that Grafana's data source sends are answered by
// both over the same data and compared field by field, promtool asks vaiven as it asks
// Prometheus, and what vaiven sends on is looked for in a Prometheus that received it.
//
// The tests need Debian's prometheus; `make suites` runs them. No service is started:
// each test runs a process of its own on a port of its own.
package prometheus
