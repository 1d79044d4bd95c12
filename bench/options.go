package main

import (
	_ "embed"
	"errors"
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
	smoke := f.Bool("quick", false, "a minute, one round: proves that the bench works, its figures prove nothing; kept only with -out")
	only := f.String("only", "", "only these servers (epoll, goroutines, mosquitto, course, vaiven) and these parts (as -parts), separated by commas")
	parts := f.String("parts", "", "only these parts: load, idle, trickle, changes, followers (separated by commas)")
	rounds := f.Int("rounds", 0, "rounds (default 3, with -quick 1)")
	settle := f.Duration("settle", 0, "time without traffic before idle memory is read (default 10s)")
	f.StringVar(&o.out, "out", "", "`folder` for AAAA-MM-DD.md and .json (default results; of a run with -quick, -only or -parts none)")
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
	if !*smoke && *only == "" && *parts == "" && o.out == "" {
		o.out = "results"
	}
	path, err := filepath.Abs(*program)
	if err != nil {
		return o, err
	}
	servidor, err := filepath.Abs(*course)
	if err != nil {
		return o, err
	}
	if err := o.choose(allPeers(path, servidor, strings.Fields(*extra)), *only, *parts); err != nil {
		return o, err
	}
	return o, nil
}

// choose keeps the servers and parts that were named; a list that names none
// of a kind keeps all of them. What remains has somebody to play with.
func (o *options) choose(all []*peer.Peer, only, parts string) (err error) {
	named := strings.FieldsFunc(only, func(r rune) bool { return r == ',' })
	isPart := func(name string) bool {
		return slices.ContainsFunc(legs, func(l leg) bool { return l.key == name })
	}
	servers := slices.DeleteFunc(slices.Clone(named), isPart)
	chosen := slices.DeleteFunc(named, func(name string) bool { return !isPart(name) })
	if parts != "" {
		chosen = append(chosen, strings.Split(parts, ",")...)
	}
	if o.peers, err = choose(all, servers, func(p *peer.Peer) string { return p.Key }); err != nil {
		return fmt.Errorf("-only: %w", err)
	}
	if o.legs, err = choose(legs, chosen, func(l leg) string { return l.key }); err != nil {
		return fmt.Errorf("-parts: %w", err)
	}
	o.peers = slices.DeleteFunc(o.peers, func(p *peer.Peer) bool {
		return !slices.ContainsFunc(o.legs, func(l leg) bool { return l.meant(p) })
	})
	o.legs = slices.DeleteFunc(slices.Clone(o.legs), func(l leg) bool { return !slices.ContainsFunc(o.peers, l.meant) })
	if len(o.legs) == 0 {
		return errors.New("-only: none of these servers has a part in it")
	}
	return nil
}

func (o *options) choosePlan(smoke bool, rounds int, settle time.Duration) {
	o.plan = full()
	if smoke {
		o.plan = quick()
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
		peer.Vaiven(vaiven, append([]string{"--commit-every", "0"}, args...)),
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

// choose keeps those of all whose key is wanted; nothing wanted keeps all.
func choose[T any](all []T, wanted []string, key func(T) string) ([]T, error) {
	if len(wanted) == 0 {
		return all, nil
	}
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
