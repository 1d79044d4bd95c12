package main

import (
	_ "embed"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"vaiven/bench/internal/peer"
)

//go:embed course_peer.py
var coursePeer string

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

// parse reads the flags; what is wrong with them goes to stderr, too.
func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	program := f.String("vaiven", "../bin/vaiven", "the `program` under test")
	course := f.String("course", "../course/servidor.py", "the course's own `server`")
	extra := f.String("vaiven-args", "", "more flags for vaiven serve, separated by spaces")
	smoke := f.Bool("quick", false, "half a minute, one round: proves that the bench works, its figures prove nothing; kept only with -out")
	only := f.String("only", "", "compare only these: epoll, goroutines, mosquitto, course, vaiven (separated by commas)")
	parts := f.String("parts", "", "only these parts: load, idle, trickle (separated by commas)")
	rounds := f.Int("rounds", 0, "rounds (default 3, with -quick 1)")
	settle := f.Duration("settle", 0, "time without traffic before idle memory is read (default 10s)")
	f.StringVar(&o.out, "out", "", "`folder` for AAAA-MM-DD.md and .json (default results, with -quick none)")
	f.StringVar(&o.dir, "dir", ".work", "`folder` for the servers' data, on the disk to be measured")
	f.BoolVar(&o.keep, "keep", false, "keep the servers' data")
	f.DurationVar(&o.timeout, "timeout", 45*time.Minute, "give up after this time")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	o.choosePlan(*smoke, *rounds, *settle)
	path, err := filepath.Abs(*program)
	if err != nil {
		return o, err
	}
	servidor, err := filepath.Abs(*course)
	if err != nil {
		return o, err
	}
	if o.peers, err = choose(allPeers(path, servidor, strings.Fields(*extra)), *only, func(p *peer.Peer) string { return p.Key }); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if o.legs, err = choose(legs, *parts, func(l leg) string { return l.key }); err != nil {
		return o, fmt.Errorf("-parts: %w", err)
	}
	return o, nil
}

func (o *options) choosePlan(smoke bool, rounds int, settle time.Duration) {
	o.plan = full()
	if smoke {
		o.plan = quick()
	} else if o.out == "" {
		o.out = "results"
	}
	if rounds > 0 {
		o.plan.rounds = rounds
	}
	if settle > 0 {
		o.plan.settle = settle
	}
}

func allPeers(vaiven, servidor string, args []string) []*peer.Peer {
	floor := peer.Raw("epoll", "raw TCP, one thread, bare epoll: the floor")
	floor.Floor = true
	return []*peer.Peer{
		floor,
		peer.Raw("goroutines", "raw TCP echo in Go, a goroutine per connection"),
		peer.Mosquitto(),
		peer.Course(servidor, coursePeer),
		peer.Vaiven(vaiven, args),
	}
}

// trials returns how many trials a run has.
func (o *options) trials() int {
	n := 0
	for _, l := range o.legs {
		for _, p := range o.peers {
			if l.meant(p) {
				n++
			}
		}
	}
	return n * o.plan.rounds
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
