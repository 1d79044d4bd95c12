// Package clienttest is the server's end of the device protocol, in memory, for
// tests and examples of programs that use package client: what httptest is to
// net/http.
//
// It owns a listener, the numbering rules of the protocol (in order, jumps
// answered with WELCOME, repeats acknowledged again), and a memory of what it
// took, with a commit and a crash that a test can trigger. It does not own
// sessions, limits or anything on disk: that is the real server.
//
// A Server may be used from several goroutines. Its hooks come from the
// goroutine of the connection concerned.
package clienttest
