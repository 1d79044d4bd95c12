package main

import (
	"fmt"
	"syscall"
)

// spareDescriptors is what generator and servers open besides the connections.
const spareDescriptors = 200

// allowDescriptors makes sure that this process, and the servers that it will
// start, may open n files. Set explicitly: the runtime raises its own limit,
// but gives a child the one that it had found.
func allowDescriptors(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	if limit.Max < n {
		return fmt.Errorf("%d open files are needed and %d are allowed: try ulimit -n %d, as root", n, limit.Max, n)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	return nil
}
