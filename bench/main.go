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
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"vaiven/bench/internal/board"
	"vaiven/bench/internal/echo"
	"vaiven/bench/internal/peer"
)

//go:embed course_server.py
var courseServer string

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
	o, err := parse(args, stderr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, o.timeout, fmt.Errorf("not finished after %v (-timeout)", o.timeout))
	defer cancel()
	return compare(ctx, o, stdout, stderr)
}

// options are what the flags say.
type options struct {
	plan    plan
	peers   []*peer.Peer
	legs    []leg
	dir     string
	out     string // "" keeps nothing
	keep    bool
	timeout time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	program := f.String("vaiven", "../bin/vaiven", "the `program` under test")
	extra := f.String("vaiven-args", "", "more flags for vaiven serve, separated by spaces")
	smoke := f.Bool("quick", false, "half a minute, one round: proves that the bench works, its figures prove nothing; kept only with -out")
	only := f.String("only", "", "compare only these: epoll, goroutines, mosquitto, course, vaiven (separated by commas)")
	parts := f.String("parts", "", "only these parts: load, idle, trickle (separated by commas)")
	rounds := f.Int("rounds", 0, "rounds (default 3, with -quick 1)")
	settle := f.Duration("settle", 0, "time without traffic before idle memory is read (default 10s)")
	out := f.String("out", "", "`folder` for AAAA-MM-DD.md and .json (default results, with -quick none)")
	f.StringVar(&o.dir, "dir", ".work", "`folder` for the servers' data, on the disk to be measured")
	f.BoolVar(&o.keep, "keep", false, "keep the servers' data")
	f.DurationVar(&o.timeout, "timeout", 45*time.Minute, "give up after this time")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o.plan, o.out = full(), "results"
	if *smoke {
		o.plan, o.out = quick(), ""
	}
	if *out != "" {
		o.out = *out
	}
	if *rounds > 0 {
		o.plan.rounds = *rounds
	}
	if *settle > 0 {
		o.plan.settle = *settle
	}
	path, err := filepath.Abs(*program)
	if err != nil {
		return o, err
	}
	all := []*peer.Peer{
		peer.Raw("epoll", "raw TCP, one thread, bare epoll: the floor"),
		peer.Raw("goroutines", "raw TCP echo in Go, a goroutine per connection"),
		peer.Mosquitto(),
		peer.Course(courseServer),
		peer.Vaiven(path, strings.Fields(*extra)),
	}
	if o.peers, err = choose(all, *only, func(p *peer.Peer) string { return p.Key }); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if o.legs, err = choose(legs, *parts, func(l leg) string { return l.key }); err != nil {
		return o, fmt.Errorf("-parts: %w", err)
	}
	return o, nil
}

// choose keeps those of all whose key is in the list; an empty list keeps all.
func choose[T any](all []T, list string, key func(T) string) ([]T, error) {
	if list == "" {
		return all, nil
	}
	wanted := strings.Split(list, ",")
	var chosen []T
	for _, v := range all {
		if i := slices.Index(wanted, key(v)); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
			chosen = append(chosen, v)
		}
	}
	if len(wanted) > 0 {
		return nil, fmt.Errorf("nothing is called %q", wanted[0])
	}
	return chosen, nil
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
