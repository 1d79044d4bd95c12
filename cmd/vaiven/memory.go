package main

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	memoryEvery = 2 * time.Second
	// stormSize is how many handshakes leave enough behind to be worth a
	// collection of their own.
	stormSize = 500
)

// giveBack returns memory to the system when a storm of handshakes is over:
// net/http's buffers for each of them are garbage then, and without traffic the
// next collection would be minutes away. A machine with little memory (a Pi
// after the Wi-Fi came back) is where that matters.
func (a *app) giveBack(ctx context.Context) error {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	var before, released uint64 // handshakes at the last look, at the last release
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := a.gateway.Stats().Handshakes.Load()
		if quiet := now == before; quiet && now-released >= stormSize {
			debug.FreeOSMemory()
			released = now
		}
		before = now
	}
}
