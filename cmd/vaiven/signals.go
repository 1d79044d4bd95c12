package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// sameSignal is how soon after the first a signal is still that one: timeout(1)
// sends it to a process and to its group, make hands Ctrl-C on.
const sameSignal = 500 * time.Millisecond

// untilSignal returns a context that ends with Ctrl-C, SIGTERM or SIGHUP (the
// terminal was closed), which all mean an end in order. Another Ctrl-C or SIGTERM
// ends the process at once; another SIGHUP means nothing, since a window that is
// closed behind a Ctrl-C must not cost the summary. Under nohup, which has SIGHUP
// ignored, that stays so.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	got := make(chan os.Signal, 8)
	signal.Notify(got, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(got, syscall.SIGHUP)
	}
	go func() {
		<-got
		first := time.Now()
		cancel()
		for s := range got {
			if s != syscall.SIGHUP && time.Since(first) >= sameSignal {
				n, _ := s.(syscall.Signal)
				os.Exit(exitSignal + int(n))
			}
		}
	}()
	return ctx
}

// catchBrokenPipes makes a write to a pipe that nobody reads an error. Without it
// the process dies of SIGPIPE, as filters should and servers must not. A signal
// that is caught, and not ignored, is as usual in the programs that we start.
func catchBrokenPipes() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }
