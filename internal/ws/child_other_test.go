//go:build !linux

package ws_test

// child: only Linux tells a process's resident memory the way the benchmarks
// read it.
func child() int { return 1 }
