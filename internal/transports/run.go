package transports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// bench is one call of Run.
type bench struct {
	o      Options
	dir    string
	broker string // Mosquitto's program, "" when there is none
	at     []time.Duration
	sent   atomic.Int64
	runs   atomic.Int64
}

// measured is what one run has shown.
type measured struct {
	sent     []int64 // Unix ns of each reading
	notes    []*notes
	server   time.Duration // processor time
	follower time.Duration
}

// Run measures. An error is one of all: a transport alone that fails has it in
// its row. Done ctx ends everything that was started.
func Run(ctx context.Context, o Options) (*Result, error) {
	o, err := o.withDefaults()
	if err == nil {
		err = o.Check()
	}
	if err != nil {
		return nil, err
	}
	b := &bench{o: o, at: schedule(o.Readings, o.Rate)}
	if slices.Contains(o.Transports, MQTT) {
		if b.broker, err = findMosquitto(o.Mosquitto); err != nil {
			return nil, err
		}
	}
	if b.dir, err = os.MkdirTemp(o.Dir, "vaiven-transports-"); err != nil {
		return nil, fmt.Errorf("folder for the servers: %w", err)
	}
	r, err := b.all(ctx)
	if gone := os.RemoveAll(b.dir); gone != nil && err == nil {
		err = fmt.Errorf("folder of the servers: %w", gone)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (b *bench) all(ctx context.Context) (*Result, error) {
	vaiven, broker, err := b.baselines(ctx)
	if err != nil {
		return nil, err
	}
	r := newResult(b.o, vaiven.measured, broker.measured)
	for _, t := range b.o.Transports {
		if t == MQTT && b.broker == "" {
			r.Rows = append(r.Rows, Row{Transport: t, Install: installing(runtime.GOOS)})
			b.step(b.o.Readings)
			continue
		}
		base := vaiven
		if t == MQTT {
			base = broker
		}
		m, err := &measured{}, base.err
		if err == nil {
			m, err = b.run(ctx, t, t == MQTT)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.add(t, m, base.measured, err)
	}
	return r, nil
}

func (b *bench) step(n int) { b.o.OnProgress(int(b.sent.Add(int64(n)))) }

// baseline is a run without followers, or why there is none.
type baseline struct {
	*measured
	err error
}

// baselines runs vaiven and the broker at the same time: nobody waits there for
// a reading. Without vaiven nothing can be measured, without the broker only
// that row is missing.
func (b *bench) baselines(ctx context.Context) (vaiven, broker baseline, err error) {
	var wait sync.WaitGroup
	if b.broker != "" {
		wait.Go(func() { broker.measured, broker.err = b.run(ctx, none, true) })
	}
	if b.o.overVaiven() {
		vaiven.measured, vaiven.err = b.run(ctx, none, false)
	}
	wait.Wait()
	if ctx.Err() != nil {
		return vaiven, broker, ctx.Err()
	}
	return vaiven, broker, vaiven.err
}

// tail is how long all runs go on behind the last reading: as long as the
// slowest transport may need for it, so that processor time is compared over
// the same stretch.
func (b *bench) tail() time.Duration {
	if slices.Contains(b.o.Transports, Poll) || slices.Contains(b.o.Transports, Values) {
		return b.o.Poll
	}
	return tailTime
}

// tailTime is what a follower that is told at once may need.
const tailTime = 100 * time.Millisecond

var errOver = errors.New("the follower has ended")

// run starts a server and a follower, sends all readings, and ends both.
func (b *bench) run(ctx context.Context, t Transport, queued bool) (*measured, error) {
	server, addr, err := b.startServer(ctx, queued)
	if err != nil {
		return nil, err
	}
	defer server.end()
	open := openBoard
	if queued {
		open = openPublisher
	}
	from, err := open(ctx, addr)
	if err != nil {
		return nil, fmt.Errorf("board: %w%s", err, server.said)
	}
	defer from.close()
	w, err := b.startWatch(ctx, t, addr)
	if err != nil {
		return nil, err
	}
	defer w.end()
	serving, following := server.meter(), w.meter()
	m := &measured{}
	m.sent, err = sendAll(ctx, from, b.at, w.over, func() {
		if !queued || t != none { // the broker's run without followers goes on beside vaiven's
			b.step(1)
		}
	})
	if err == nil {
		err = w.linger(ctx, b.tail())
	}
	serving.stop()
	following.stop()
	if early := errors.Is(err, errOver); err == nil || early {
		if m.notes, err = w.result(ctx, b.o.Poll); early && err == nil {
			err = errOver
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, server.said)
	}
	w.end()
	server.end()
	m.server, m.follower = serving.used(), following.used()
	return m, nil
}

// startServer starts a vaiven or a broker with a folder of its own.
func (b *bench) startServer(ctx context.Context, queued bool) (*child, string, error) {
	dir := filepath.Join(b.dir, fmt.Sprint(b.runs.Add(1)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, "", err
	}
	if queued {
		return startServer(ctx, func(addr string) (*exec.Cmd, error) { return brokerCommand(b.broker, addr, dir) }, readyTCP)
	}
	return startServer(ctx, func(addr string) (*exec.Cmd, error) { return b.o.Server(addr, dir), nil }, readyHTTP)
}

func (b *bench) startWatch(ctx context.Context, t Transport, addr string) (*watch, error) {
	task, err := json.Marshal(Task{Transport: t, Addr: addr, Readings: b.o.Readings, Followers: b.o.Followers, Poll: b.o.Poll})
	if err != nil {
		return nil, err
	}
	return startWatch(ctx, b.o.Follower(string(task)))
}
