//go:build !unix

package main

import "os"

// diskFree is not asked here; the log has its own reserve.
func diskFree(string) (uint64, bool) { return 0, false }

// maxConnections is the gateway's own limit.
func maxConnections() int { return 0 }

// processRuns reports whether there is a process with that number.
func processRuns(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release() // nothing was acquired that could be kept
	return true
}

// owner is not asked here.
func owner(string) string { return "" }
