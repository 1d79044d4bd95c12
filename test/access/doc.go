// Package access holds the whole program against those who may not do what they ask: the
// matrix of who against what, directly and through Debian's nginx without and with headers,
// and names that are scripts in a real browser. What is allowed is read from the
// document that the server itself gives; that this is right is the web room's own test.
//
// The tests need Debian's nginx and chromium; `make suites` runs them.
package access
