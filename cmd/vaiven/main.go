// Command vaiven is a self-hosted WebSocket gateway for sensor boards.
//
// This package owns the program's door: commands, flags and configuration, signals
// and exit codes, and what a person reads in the terminal. The server itself is a value
// of package server; the commands that ask a running one use its API, as anybody else
// does. Everything that a command does is a function of its arguments and streams, so
// that tests run the program without a process.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // Windows and small systems have no zones of their own
)

// Exit codes: what a script may rely on.
const (
	exitOK    = 0
	exitError = 1 // it did not work, or verify found something wrong
	exitUsage = 2 // the command line was not understood
	exitMute  = 3 // set --wait: asked for, but the board does not report, so nothing confirms it

	exitSignal = 128 // and the signal's number: ended at once by the second one
)

// streams are the program's ends: tests hand in their own.
type streams struct {
	in     *os.File
	out    io.Writer
	err    io.Writer
	getenv func(string) string
}

func main() {
	os.Exit(run(untilSignal(), os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr, os.Getenv}))
}

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
