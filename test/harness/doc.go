// Package harness runs the real vaiven, and boards that talk to it, for the
// suites under test.
//
// It owns the processes that it starts (each ends with its test, and is killed
// if the test's process dies), and an implementation of a board that shares no
// code with the product: what a Board says was acknowledged is the witness that
// the CSV is held against. A Server is used by one goroutine; boards run in
// their own. Whatever does not happen within its deadline fails the test with
// what the server said.
package harness
