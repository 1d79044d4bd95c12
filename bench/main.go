//go:build linux

// Command bench compares vaiven, side by side and in one run on one machine,
// with what its user could have had instead: the bytes on raw TCP, Mosquitto,
// and the course's own server in Python.
//
// It owns the order of the trials and the load generator; every server runs in
// a process of its own, which bench starts, measures through /proc and ends by
// its pid. It needs Linux 5.11 and 20,000 file descriptors, and never runs
// longer than -timeout.
//
// It is a module of its own, so that what is compared stays out of vaiven's
// dependencies; it needs nothing but the standard library.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"vaiven/bench/internal/board"
	"vaiven/bench/internal/echo"
)

func main() {
	// The servers die with the thread that started them (package peer), and
	// the main thread is the one that lasts.
	runtime.LockOSThread()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout io.Writer, stderr *os.File) error {
	if len(args) > 0 && args[0] == "echo" {
		return serveEcho(args[1:])
	}
	if len(args) > 0 && args[0] == "intervals" {
		return runIntervals(ctx, args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "history" {
		return runHistory(ctx, args[1:], stdout, stderr)
	}
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not finished after %v (-timeout)", o.timeout))
	defer cancel()
	if err := allowDescriptors(uint64(o.plan.idle) + spareDescriptors); err != nil {
		return err
	}
	return compare(ctx, o, stdout, stderr)
}

// serveEcho is the process of a raw peer: echo KIND ADDR.
func serveEcho(args []string) error {
	if len(args) != 2 {
		return errors.New("echo: want KIND ADDR")
	}
	ln, err := net.Listen("tcp4", args[1])
	if err != nil {
		return err
	}
	defer ln.Close()
	request, answer := len(board.RawRequest()), board.RawAnswer()
	ended := make(chan error, 1)
	go func() {
		if args[0] == "epoll" {
			ended <- echo.Epoll(ln.(*net.TCPListener), request, answer)
		} else {
			ended <- echo.Goroutines(ln, request, answer)
		}
	}()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	select {
	case err := <-ended:
		return err
	case <-stop:
		return nil
	}
}
