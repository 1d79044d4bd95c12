// Package house holds the rules of the house that a compiler does not: who may
// import whom, and what no file may contain. Its tests read the module with
// `go list` and `git ls-files`; there is nothing to call.
package house
