package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vaiven/bench/internal/load"
	"vaiven/bench/internal/report"
)

// onceRate spreads the one reading that each idle board sends, so that it is
// no burst which would leave behind buffers that nobody needs when idle.
const onceRate = 4000.0

// playIdle measures the handshakes and the memory of connections at rest.
func playIdle(ctx context.Context, t *trial) error {
	if err := t.touch(ctx); err != nil {
		return fmt.Errorf("before the idle connections: %w", err)
	}
	f, err := load.NewFleet(t.server.Addr, t.plan.idle, t.peer.Board)
	if err != nil {
		return err
	}
	defer func() { t.retire(f) }()
	empty, err := t.resident(ctx, f)
	if err != nil {
		return err
	}
	if err := t.handshakes(ctx, f); err != nil {
		return err
	}
	open, err := t.resident(ctx, f)
	if err != nil {
		return err
	}
	t.record(report.IdleConnection, t.each(open, empty))
	if err := t.oneEach(ctx, f); err != nil {
		return err
	}
	used, err := t.resident(ctx, f)
	t.record(report.IdleBoard, t.each(used, empty))
	return err
}

// touch lets some boards come, send and go, so that memory which any use
// costs once is not counted as that of a connection.
func (t *trial) touch(ctx context.Context) error {
	f, err := t.fleet(ctx, min(touched, t.plan.idle))
	if err != nil {
		return err
	}
	defer func() { t.retire(f) }()
	if err := f.SetLoad(load.Load{Window: 1}); err != nil {
		return err
	}
	return f.Drain(ctx, patience)
}

func (t *trial) handshakes(ctx context.Context, f *load.Fleet) error {
	t.say("handshakes")
	before, err := t.server.Usage()
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	took, err := f.Connect(limited, t.plan.atOnce)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	after, err := t.server.Usage()
	if err != nil {
		return err
	}
	n := float64(t.plan.idle)
	t.record(report.Handshakes, n/took.Seconds())
	t.record(report.HandshakeCPU, us(after.CPU-before.CPU)/n)
	return nil
}

// oneEach makes every board greet and send one reading.
func (t *trial) oneEach(ctx context.Context, f *load.Fleet) error {
	t.say("one reading each")
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := f.Greet(limited, t.plan.atOnce); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	if err := f.SetLoad(load.Load{Window: 1, Rate: onceRate}); err != nil {
		return err
	}
	for f.Sent() < uint64(t.plan.idle) { // the boards send in turn, so this is one each
		if _, err := f.Run(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return f.Drain(ctx, patience)
}

// resident lets the server settle, answering its pings, and reads its memory.
func (t *trial) resident(ctx context.Context, f *load.Fleet) (float64, error) {
	t.say("settling")
	if _, err := f.Run(ctx, t.plan.settle); err != nil {
		return 0, errors.Join(errors.New("idle connections"), err)
	}
	n, err := t.server.Resident()
	return float64(n), err
}

func (t *trial) each(after, before float64) float64 {
	return (after - before) / float64(t.plan.idle)
}

func idleMethod(p plan) []string {
	return []string{fmt.Sprintf("Idle: %d connections, %d handshakes under way at a time; resident memory (smaps_rollup) after %v without traffic, minus that before, over the count; before it, %d boards have come and gone. Then HELLO where there is one and one reading on each, and the same again.", p.idle, p.atOnce, p.settle, touched)}
}
