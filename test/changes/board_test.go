//go:build suites && linux

package changes

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
)

// vice is how a board is not what it says. The zero value is an honest one.
type vice string

const (
	honest   vice = ""
	claims   vice = "claims"   // reports what it was told and does not do it
	tardy    vice = "tardy"    // does what came too late all the same
	contrary vice = "contrary" // reports what it was told and does the opposite
)

// board is a device of the chaos: the real client, a network of its own, and the
// program that a board's author would write.
type board struct {
	device string
	url    string
	names  []string      // its states
	slow   time.Duration // at most, between hearing and doing
	reads  time.Duration // between readings, 0: sends none
	vice   vice
	net    network
	ledger *ledger

	mu   sync.Mutex
	life *life
}

// life is one power-up of a board.
type life struct {
	b    *board
	boot string
	c    *client.Client
	stop context.CancelFunc
	jobs sync.WaitGroup
	wake chan struct{} // holds one: something was heard

	mu     sync.Mutex
	off    bool
	states values
	rev    uint64           // that was done last
	heard  []client.Desired // not done yet, at most maxHeard
}

// maxHeard bounds what a slow board has still to do; the oldest makes room.
const maxHeard = 16

// on gives the board power: a new BOOT, and all states 0.
func (b *board) on(t testing.TB) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &life{b: b, stop: stop, wake: make(chan struct{}, 1), states: values{}}
	for _, n := range b.names {
		l.states[n] = 0
	}
	l.mu.Lock() // nothing is heard before the client is known
	c, err := client.Dial(ctx, client.Options{
		URL: b.url, Device: b.device, States: l.all(), NetDial: b.net.dial, Background: true,
		Backoff:      client.Backoff{Min: 20 * time.Millisecond, Max: 400 * time.Millisecond},
		WriteTimeout: time.Minute, CloseTimeout: 100 * time.Millisecond, DropOldest: true,
		OnDesired: l.hear, OnLate: l.tooLate,
	})
	if err != nil {
		l.mu.Unlock()
		stop()
		t.Errorf("board %s: %v", b.device, err)
		return
	}
	l.c, l.boot = c, string(c.Boot())
	b.ledger.note(b.device, l.deed(powered, 0, l.states))
	l.mu.Unlock()
	l.jobs.Go(func() { l.work(ctx) })
	if b.reads > 0 {
		l.jobs.Go(func() { l.measure(ctx) })
	}
	b.mu.Lock()
	b.life = l
	b.mu.Unlock()
}

// die takes the power away: nothing is done or said any more, no goodbye either.
// Unnoticed, the server keeps a connection that leads nowhere.
func (b *board) die(unnoticed bool) {
	l := b.present()
	if l == nil {
		return
	}
	l.mu.Lock()
	l.off = true
	l.mu.Unlock()
	b.net.cut(unnoticed)
	l.stop()
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = l.c.Close(now) // what it still held died with it
	l.jobs.Wait()
	b.mu.Lock()
	b.life = nil
	b.mu.Unlock()
}

// end is die for good.
func (b *board) end() {
	b.die(false)
	b.net.bury()
}

func (b *board) present() *life {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.life
}

// is returns what the board's states are.
func (b *board) is() values {
	l := b.present()
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.states)
}

// connected reports whether the server has welcomed the board, and it is still
// there.
func (b *board) connected() bool {
	l := b.present()
	return l != nil && l.c.Stats().Connected
}

// flip is a person at the board's own switch.
func (b *board) flip(name string) {
	l := b.present()
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, has := l.states[name]; !has || l.off {
		return
	}
	num := 1.0
	if l.states[name] != 0 {
		num = 0
	}
	b.ledger.note(b.device, l.deed(switched, 0, values{name: num}))
	l.states[name] = num
	l.report(0)
}

func (l *life) deed(what deed, rev uint64, states values) did {
	return did{at: time.Now().UnixMilli(), boot: l.boot, what: what, rev: rev, states: states}
}

// hear takes what the server wants. A slow board does it later.
func (l *life) hear(d client.Desired) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.slow == 0 {
		l.apply(d)
		return
	}
	if len(l.heard) == maxHeard {
		l.heard = l.heard[1:]
	}
	l.heard = append(l.heard, d)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// tooLate is told what the client refused.
func (l *life) tooLate(d client.Desired) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.b.vice == tardy {
		d.Until = time.Time{}
		l.apply(d)
		return
	}
	l.b.ledger.note(l.b.device, l.deed(late, d.Rev, valuesOf(d.States)))
}

// work does what a slow board has heard, in order.
func (l *life) work(ctx context.Context) {
	for {
		select {
		case <-l.wake:
		case <-ctx.Done():
			return
		}
		for l.next(ctx) {
		}
	}
}

// next does one thing, after a while; false when there is nothing to do.
func (l *life) next(ctx context.Context) bool {
	l.mu.Lock()
	if len(l.heard) == 0 {
		l.mu.Unlock()
		return false
	}
	d := l.heard[0]
	l.heard = l.heard[1:]
	l.mu.Unlock()
	if !pause(ctx, random(l.b.slow)) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.apply(d)
	return true
}

// apply does what the server wants, unless something newer was done or its time
// is over, and reports it. The caller holds mu.
func (l *life) apply(d client.Desired) {
	now := time.Now()
	states := valuesOf(d.States)
	switch {
	case l.off || d.Rev < l.rev:
		return
	case !d.Until.IsZero() && now.After(d.Until):
		l.b.ledger.note(l.b.device, l.deed(late, d.Rev, states))
		return
	}
	l.rev = d.Rev
	if l.b.vice == claims || l.b.vice == contrary {
		l.lie(d)
		return
	}
	l.b.ledger.note(l.b.device, did{at: now.UnixMilli(), boot: l.boot, what: applied, rev: d.Rev, states: states})
	maps.Copy(l.states, states)
	l.report(d.Rev)
}

// lie reports what was wanted. The caller holds mu.
func (l *life) lie(d client.Desired) {
	truth := maps.Clone(l.states)
	if l.b.vice == contrary {
		for _, v := range d.States {
			truth[v.Name] = 1 - v.Num
		}
		l.b.ledger.note(l.b.device, l.deed(applied, d.Rev, truth))
	}
	maps.Copy(l.states, valuesOf(d.States))
	_ = l.c.Report(l.all(), d.Rev)
	l.states = truth
}

// report says what the states are. The caller holds mu.
func (l *life) report(rev uint64) {
	l.b.ledger.note(l.b.device, l.deed(reported, rev, l.states))
	_ = l.c.Report(l.all(), rev) // fails for a client that has ended
}

// all are the states in the form of the client. The caller holds mu.
func (l *life) all() []vaiven.Value {
	var list []vaiven.Value
	for name, num := range l.states {
		list = append(list, vaiven.Value{Name: name, Num: num})
	}
	slices.SortFunc(list, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// measure sends readings.
func (l *life) measure(ctx context.Context) {
	for pause(ctx, l.b.reads) {
		_, err := l.c.Send(ctx, client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 21.5}}})
		if err != nil {
			return // the client has ended
		}
	}
}

func valuesOf(list []vaiven.Value) values {
	v := values{}
	for _, x := range list {
		v[x.Name] = x.Num
	}
	return v
}
