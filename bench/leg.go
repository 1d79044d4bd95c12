package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vaiven/bench/internal/load"
	"vaiven/bench/internal/machine"
	"vaiven/bench/internal/peer"
	"vaiven/bench/internal/report"
)

// leg is one part of the comparison, played with each server in turn that
// knows what it is about.
type leg struct {
	key, title string
	meant      func(p *peer.Peer) bool
	play       func(ctx context.Context, t *trial) error
	method     func(p plan) []string // what is done, a sentence each
}

var legs = []leg{
	{"load", "full speed and paced", anybody, playLoad, loadMethod},
	{"idle", "idle connections", whoRests, playIdle, idleMethod},
	{"trickle", "a classroom", whoRests, playTrickle, trickleMethod},
	{"changes", "changes of state", hasWayBack, playChanges, changesMethod},
	{"followers", "followers", hasWayBack, playFollowers, followersMethod},
}

func anybody(*peer.Peer) bool      { return true }
func whoRests(p *peer.Peer) bool   { return !p.Floor }
func hasWayBack(p *peer.Peer) bool { return p.WayBack }

// trial is one leg with one server: a fresh process and an empty folder.
type trial struct {
	plan   plan
	peer   *peer.Peer
	server *peer.Server
	found  report.Samples    // figures; of no worth when the trial fails
	proved []string          // by the leg itself
	say    func(what string) // progress
	acked  uint64            // readings acknowledged to fleets of the past
}

// runTrial starts the server, plays the leg, stops the server and checks what
// it stored; the returned line says what that check found, "" for nothing.
func runTrial(ctx context.Context, l leg, t *trial, dir string) (checked string, err error) {
	ctx, cancel := context.WithTimeout(ctx, legTime+3*t.plan.settle)
	defer cancel()
	t.say("starting")
	if t.server, err = peer.Start(ctx, t.peer, dir); err != nil {
		return "", err
	}
	played := t.server.Wrap(l.play(ctx, t))
	t.say("stopping")
	if err := errors.Join(played, t.server.Stop()); err != nil {
		return "", err
	}
	t.say("checking what was stored")
	if checked, err = t.check(ctx, dir); err != nil {
		return "", err
	}
	return strings.Join(append(t.proved, checked), "; "), nil
}

// check compares the rows with the acknowledgements: every reading that was
// sent was acknowledged before the server was stopped, so both are equal.
func (t *trial) check(ctx context.Context, dir string) (string, error) {
	if t.peer.CSV == "" {
		return "", nil
	}
	rows, err := t.peer.Rows(dir)
	if err != nil {
		return "", err
	}
	if rows != t.acked {
		return "", fmt.Errorf("%s holds %d readings, %d were acknowledged", t.peer.CSV, rows, t.acked)
	}
	line := fmt.Sprintf("%d readings acknowledged, as many rows in the CSV", rows)
	if t.peer.Verify == nil {
		return line, nil
	}
	said, err := t.peer.Verify(ctx, dir)
	return line + "; verify: " + said, err
}

// fleet connects n boards; the caller retires them.
func (t *trial) fleet(ctx context.Context, n int) (*load.Fleet, error) {
	return t.fleetOf(ctx, n, t.peer.Board)
}

// fleetOf connects n boards that say what says makes.
func (t *trial) fleetOf(ctx context.Context, n int, says func(i int) load.Protocol) (*load.Fleet, error) {
	f, err := load.NewFleet(t.server.Addr, n, says)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := f.Connect(ctx, t.plan.atOnce); err != nil {
		f.Close()
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := f.Greet(ctx, t.plan.atOnce); err != nil {
		f.Close()
		return nil, fmt.Errorf("greet: %w", err)
	}
	return f, nil
}

// retire closes the boards' connections and remembers what was acknowledged.
func (t *trial) retire(f *load.Fleet) {
	t.acked += f.Acked()
	f.Close()
}

// record notes a figure of the server.
func (t *trial) record(metric string, v float64) { t.recordAs(metric, t.peer.Key, v) }

// recordAs notes a figure in another column than the server's.
func (t *trial) recordAs(metric, column string, v float64) { t.found.Add(metric, column, v) }

// measured is what a stretch of load cost.
type measured struct {
	*load.Tally
	perReading time.Duration // CPU of the server
	written    uint64        // bytes, by the server
	others     float64       // % of the machine that went to anything else
}

// stretch warms up and measures; what the fleet sends was set before.
func (t *trial) stretch(ctx context.Context, f *load.Fleet, warm, d time.Duration) (m measured, err error) {
	if _, err = f.Run(ctx, warm); err != nil {
		return m, err
	}
	before, err := t.server.Usage()
	if err != nil {
		return m, err
	}
	busy, all := machine.Busy()
	if m.Tally, err = f.Run(ctx, d); err != nil {
		return m, err
	}
	after, err := t.server.Usage()
	if err != nil {
		return m, err
	}
	if m.Acked == 0 {
		return m, errors.New("not one reading was acknowledged")
	}
	cpu := after.CPU - before.CPU
	m.perReading = cpu / time.Duration(m.Acked)
	m.written = after.Written - before.Written
	m.others = othersShare(busy, all, cpu+m.CPU)
	return m, nil
}

// othersShare returns how much of the machine, in percent, was busy since with
// anything but ours.
func othersShare(busy, all uint64, ours time.Duration) float64 {
	nowBusy, nowAll := machine.Busy()
	if nowAll <= all {
		return 0
	}
	const ticksPerSecond = 100
	foreign := float64(nowBusy-busy) - ours.Seconds()*ticksPerSecond
	return max(0, 100*foreign/float64(nowAll-all))
}

// scratch is a folder for the data of all trials, on the disk to be measured.
func scratch(parent string) (string, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(parent, "bench-*")
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
