// Package boardtest runs sketches as processes of this computer: it builds them
// with firmware/host/build, starts them, reads what they report and gives them
// control lines. firmware/host/board.h lists both.
//
// It owns the processes; each ends with its test, and dies with the test's
// process. A Board's methods may be called from several goroutines, except that
// Start, Kill and Quit are one goroutine's. A sanitizer's report, and a process
// that ends without being asked, fail the test.
package boardtest
