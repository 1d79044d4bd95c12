package views

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vaiven"
)

func hold(t *testing.T, p *Pump) (release func()) {
	t.Helper()
	release, err := p.Hold(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return release
}

// TestNothingIsTrimmedWhileHeld: a log that is old enough to be trimmed keeps its
// records and its snapshots for whoever copies it, and is trimmed afterwards.
func TestNothingIsTrimmedWhileHeld(t *testing.T) {
	log := newMemLog()
	n := startNode(t, log, t.TempDir(), 0)
	defer func() { _ = n.end() }()
	grow := func() {
		for range 10 {
			addReadings(log, 10)
			n.settle()
			n.round(false)
		}
	}
	first, second := hold(t, n.pump), hold(t, n.pump)
	grow()
	begun, err := log.Snapshots(t.Context())
	if err != nil || len(begun) == 0 {
		t.Fatal(begun, err)
	}
	first()
	first()
	grow()
	now, err := log.Snapshots(t.Context())
	if err != nil || log.First() != 1 || len(now) <= len(begun) || !slices.Equal(now[:len(begun)], begun) {
		t.Errorf("held, the log begins with %d, with the snapshots %v, which were %v; %v", log.First(), now, begun, err)
	}
	second()
	grow()
	if log.First() == 1 {
		t.Error("it is never trimmed again")
	}
	n.prove()
	// A disk that is full cannot wait.
	defer hold(t, n.pump)()
	held := log.First()
	grow()
	if log.First() != held {
		t.Error("held again, it is trimmed")
	}
	log.weight = leastRoom
	for range 3 {
		addReadings(log, 10)
		n.settle()
		n.round(true)
	}
	if log.First() == held {
		t.Error("a full disk got no room")
	}
}

// hangingBase is a view that has lost what it had, and hangs where it begins again.
type hangingBase struct {
	durableTape
	hangs, goOn chan struct{}
	once        sync.Once
}

func (v *hangingBase) Restore(snap []byte) error {
	if v.isLost() {
		v.once.Do(func() { close(v.hangs) })
		<-v.goOn
	}
	return v.durableTape.Restore(snap)
}

// firstHook is a log that does something while it is trimmed, at the second look at
// where it begins: it has just been decided how much goes.
type firstHook struct {
	*memLog
	looks atomic.Int64
	under func() bool // it is trimmed
	do    func()      // nil: nothing
}

func (l *firstHook) First() uint64 {
	if l.do != nil && l.under() {
		if l.looks.Add(1) == 2 {
			l.do()
		}
	}
	return l.memLog.First()
}

// TestAViewThatHangsHangsNobodyElse: a view that does not come back from where it looks
// for the log's beginning holds up the trimming, and with it whoever wants to copy the
// log; that one is told so, holds nothing, and may ask again.
func TestAViewThatHangsHangsNobodyElse(t *testing.T) {
	log := &firstHook{memLog: newMemLog()}
	v := &hangingBase{durableTape: durableTape{tape: tape{name: "stick"}}, hangs: make(chan struct{}), goOn: make(chan struct{})}
	now := time.Unix(1795333377, 0)
	p, err := Open(t.Context(), Options{
		Source: log, Views: []View{v}, Every: time.Hour, HoldTimeout: time.Millisecond,
		Retention: Retention{Age: longAge, Records: 11, Events: 1000},
		Now:       func() time.Time { now = now.Add(lookEvery); return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	end := run(t, p)
	round := func() error {
		addReadings(log.memLog, 80)
		last, _ := log.Last(t.Context())
		waitFor(t, p, last)
		c, err := p.checkpoint(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.retain(t.Context(), c, false)
		return err
	}
	if err := round(); err != nil || log.First() != 1 { // a snapshot to trim to
		t.Fatalf("%v, the log begins with record %d", err, log.First())
	}
	log.under = func() bool { p.holding.Lock(); defer p.holding.Unlock(); return p.trimming != nil }
	// The view loses what it had when it has just been seen that it lacks nothing.
	log.do = func() {
		v.lose()
		addReadings(log.memLog, 1)
		<-v.hangs
	}
	ended := make(chan error, 1)
	go func() { ended <- round() }()
	<-v.hangs
	var held *HoldError
	if _, err := p.Hold(t.Context()); !errors.As(err, &held) || !strings.HasSuffix(held.Text(vaiven.English), "view stick holds it up") ||
		!strings.HasSuffix(held.Text(vaiven.Spanish), "la vista stick") {
		t.Errorf("held with %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	p.opts.HoldTimeout = time.Hour
	if _, err := p.Hold(over); !errors.Is(err, context.Canceled) {
		t.Errorf("held with %v by somebody who is gone", err)
	}
	p.holding.Lock()
	if p.holders != 0 {
		t.Errorf("%d hold it who were told that they do not", p.holders)
	}
	p.holding.Unlock()
	close(v.goOn)
	release := hold(t, p) // who asks again waits, and gets it
	if err := <-ended; err != nil {
		t.Error(err)
	}
	first := log.First()
	if err := round(); err != nil || log.First() != first {
		t.Errorf("held, it is trimmed from %d to %d, %v", first, log.First(), err)
	}
	release()
	if err := round(); err != nil || log.First() <= first {
		t.Errorf("it begins with record %d and began with %d, %v", log.First(), first, err)
	}
	end()
}
