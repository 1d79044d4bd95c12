//go:build !unix

package main

// diskFree is not asked here; the log has its own reserve.
func diskFree(string) (uint64, bool) { return 0, false }

// maxConnections is the gateway's own limit.
func maxConnections() int { return 0 }
