package main

import "runtime/debug"

const (
	// memoryShare is the part of the machine's memory, in percent, from which on the
	// runtime collects rather than grows: what else runs on a Pi has the rest.
	memoryShare = 60
	// leastMemory is what is never taken for a machine's memory: a limit that is nearer to
	// what a server needs would have it collect all the time.
	leastMemory = 128 << 20
)

// limitMemory keeps a server from taking a small machine's memory while it collects
// lazily. A limit in GOMEMLIMIT counts more, also "off".
func (p *program) limitMemory() {
	if p.getenv("GOMEMLIMIT") != "" {
		return // the runtime has read it
	}
	if limit := memoryLimit(memory()); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}

// memoryLimit is that of a machine with so much; 0: none.
func memoryLimit(total int64) int64 {
	if total <= 0 {
		return 0
	}
	return max(total/100*memoryShare, leastMemory)
}
