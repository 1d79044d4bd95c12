// Package diskfull holds the test of a disk that gets full under a running
// server and empty again, on a small tmpfs: nothing may be acknowledged that is
// not kept, and the server must heal by itself when space returns.
//
// The tmpfs needs a mount, so the test runs itself again in a mount namespace of
// its own; no root is needed, and nothing outside sees it.
package diskfull
