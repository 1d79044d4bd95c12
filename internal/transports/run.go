package transports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// comparison is one call of Run.
type comparison struct {
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

const (
	// tailTime is what a follower that is told at once may need after the last reading.
	tailTime = 100 * time.Millisecond
	// settleTime bounds the wait for the last acknowledgements.
	settleTime = 30 * time.Second
)

// Run measures. An error is one of all: a transport alone that fails has it in
// its row. Done ctx ends everything that was started.
func Run(ctx context.Context, o Options) (*Result, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &comparison{o: o, at: schedule(o.Readings, o.Rate)}
	if slices.Contains(o.Transports, MQTT) {
		if c.broker, err = findMosquitto(o.Mosquitto); err != nil {
			return nil, err
		}
	}
	if c.dir, err = os.MkdirTemp(o.Dir, "vaiven-transports-"); err != nil {
		return nil, fmt.Errorf("folder for the servers: %w", err)
	}
	r, err := c.measureAll(ctx)
	if gone := os.RemoveAll(c.dir); gone != nil && err == nil {
		err = fmt.Errorf("folder of the servers: %w", gone)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (c *comparison) measureAll(ctx context.Context) (*Result, error) {
	// The runs without followers, of vaiven and the broker at the same time: nobody
	// waits there for a reading. Without vaiven nothing can be measured, without the
	// broker only that row is missing.
	var vaiven, broker *measured
	var vaivenErr, brokerErr error
	var wait sync.WaitGroup
	if c.broker != "" {
		wait.Go(func() { broker, brokerErr = c.measure(ctx, none, true) })
	}
	if c.o.overVaiven() {
		vaiven, vaivenErr = c.measure(ctx, none, false)
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if vaivenErr != nil {
		return nil, vaivenErr
	}

	r := newResult(c.o, vaiven, broker)
	for _, t := range c.o.Transports {
		alone, err := vaiven, error(nil)
		if t == MQTT {
			if c.broker == "" {
				r.Rows = append(r.Rows, Row{Transport: t, Install: installing(runtime.GOOS)})
				c.advance(c.o.Readings)
				continue
			}
			alone, err = broker, brokerErr
		}
		var m *measured
		if err == nil {
			m, err = c.measure(ctx, t, t == MQTT)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.add(t, m, alone, err)
	}
	return r, nil
}

func (c *comparison) advance(n int) { c.o.OnProgress(int(c.sent.Add(int64(n)))) }

var errOver = errors.New("the follower has ended")

// measure starts a server and a follower, sends all readings, and ends both. Queued is
// through the broker.
func (c *comparison) measure(ctx context.Context, t Transport, queued bool) (*measured, error) {
	server, addr, err := c.startServer(ctx, queued)
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
		return nil, fmt.Errorf("board: %w%s", err, server.stderr)
	}
	defer from.close()
	task, err := json.Marshal(Task{Transport: t, Addr: addr, Readings: c.o.Readings, Followers: c.o.Followers, Poll: c.o.Poll})
	if err != nil {
		return nil, err
	}
	f, err := startFollowers(ctx, c.o.Follower(string(task)))
	if err != nil {
		return nil, err
	}
	defer f.end()
	serving, following := server.meter(), f.meter()
	m := &measured{}
	m.sent, err = sendAll(ctx, from, c.at, f.over, func() {
		if !queued || t != none { // the broker's run without followers goes on beside vaiven's
			c.advance(1)
		}
	})
	if err == nil {
		// All runs go on as long as the slowest transport may need, so that processor
		// time is compared over the same stretch. That the followers have all they want
		// is no reason to go on.
		tail := tailTime
		if slices.Contains(c.o.Transports, Poll) || slices.Contains(c.o.Transports, Values) {
			tail = c.o.Poll
		}
		select {
		case <-time.After(tail):
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	serving.stop()
	following.stop()
	if early := errors.Is(err, errOver); err == nil || early {
		if m.notes, err = f.result(ctx, c.o.Poll); early && err == nil {
			err = errOver
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w%s", err, server.stderr)
	}
	f.end()
	server.end()
	m.server, m.follower = serving.used(), following.used()
	return m, nil
}

// startServer starts a vaiven or a broker with a folder of its own.
func (c *comparison) startServer(ctx context.Context, queued bool) (*child, string, error) {
	dir := filepath.Join(c.dir, fmt.Sprint(c.runs.Add(1)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, "", err
	}
	if queued {
		return startServer(ctx, func(addr string) (*exec.Cmd, error) { return brokerCommand(c.broker, addr, dir) }, readyTCP)
	}
	return startServer(ctx, func(addr string) (*exec.Cmd, error) { return c.o.Server(addr, dir), nil }, readyHTTP)
}

// schedule is when each reading is sent, from the run's start: the same for
// every run. The spaces are random, around 1/rate, or a follower that asks at
// regular times could always meet the same moment between two readings.
func schedule(readings int, rate float64) []time.Duration {
	r := rand.New(rand.NewPCG(1, 1))
	at := make([]time.Duration, readings)
	var t float64
	for i := range at {
		t += (0.5 + r.Float64()) / rate
		at[i] = time.Duration(t * float64(time.Second))
	}
	return at
}

// sendAll sends every reading at its time and returns when each was sent, in
// Unix ns. It ends early when over is closed.
func sendAll(ctx context.Context, s source, at []time.Duration, over <-chan struct{}, sent func()) ([]int64, error) {
	begun := time.Now()
	times := make([]int64, len(at))
	for i, t := range at {
		select {
		case <-time.After(time.Until(begun.Add(t))):
		case <-over:
			return nil, errOver
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		times[i] = time.Now().UnixNano()
		if err := s.send(ctx, i+1); err != nil {
			return nil, fmt.Errorf("reading %d: %w", i+1, err)
		}
		sent()
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	return times, s.settle(ctx)
}
