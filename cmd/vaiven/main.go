// Command vaiven is a self-hosted WebSocket gateway for sensor boards.
//
// This package owns what no room below may know: flags and configuration,
// which part is given to which, the order of start and end, signals, and exit
// codes. Everything that a command does is a function of its arguments and
// streams, so that tests run the program without a process.
package main

import (
	"io"
	"os"
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
