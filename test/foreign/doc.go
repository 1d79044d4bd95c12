// Package foreign holds the workshop's 50 readings, sent by boards that nobody
// here wrote: Python's websockets with the headers of the Arduino library, that
// library's own handshake and frames byte for byte, and both through nginx.
//
// The tests need Debian's python3-websockets and nginx; `make suites` runs them.
package foreign
