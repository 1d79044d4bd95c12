package client

import (
	"testing"
	"time"

	"vaiven"
)

var t0 = time.Unix(1_795_333_377, 0)

// filled returns an outbox with SEQ 1..n, welcomed with nothing settled.
func filled(n, window int) *outbox {
	o := newOutbox(Options{Ring: 64, Window: window, Next: 1})
	for range n {
		o.push(slot{})
	}
	o.connected()
	o.saidHello(t0)
	o.welcome(0, t0)
	return &o
}

func (o *outbox) sendAll(now time.Time) (seqs []uint64) {
	for o.ready(now) && !o.jumps() {
		seqs = append(seqs, o.cursor)
		o.sent(now, now)
	}
	return seqs
}

func ignore(uint64, slot) {}

func TestOutboxSendsNothingBeforeWelcome(t *testing.T) {
	o := filled(3, 8)
	o.connected()
	if o.ready(t0) {
		t.Error("ready before HELLO")
	}
	o.saidHello(t0)
	if o.ready(t0) {
		t.Error("ready before WELCOME")
	}
	o.welcome(0, t0)
	if got := len(o.sendAll(t0)); got != 3 {
		t.Errorf("sent %d", got)
	}
}

func TestOutboxKeepsToItsWindow(t *testing.T) {
	o := filled(10, 4)
	if got := len(o.sendAll(t0)); got != 4 {
		t.Fatalf("sent %d at first", got)
	}
	o.settle(3, t0, ignore)
	if got := o.sendAll(t0); len(got) != 3 || got[0] != 5 {
		t.Errorf("then %v", got)
	}
}

func TestOutboxSettlesWhatAnEarlierConnectionSent(t *testing.T) {
	o := filled(6, 8)
	o.sendAll(t0)
	o.connected()
	o.saidHello(t0)
	o.settle(2, t0, ignore)
	o.welcome(2, t0)
	o.sent(t0, t0) // 3
	o.settle(5, t0, ignore)
	if got := o.sendAll(t0); len(got) != 1 || got[0] != 6 {
		t.Errorf("sent %v, want 6 alone", got)
	}
}

func TestOutboxGoesBackOnceForManyWelcomes(t *testing.T) {
	o := filled(10, 10)
	o.sendAll(t0)
	for range 5 {
		o.welcome(4, t0)
	}
	if o.cursor != 5 {
		t.Fatalf("cursor %d", o.cursor)
	}
	o.sendAll(t0)
	o.welcome(4, t0.Add(repeatedWelcome/2))
	if o.cursor != 11 {
		t.Errorf("went back again, to %d", o.cursor)
	}
	o.welcome(4, t0.Add(repeatedWelcome))
	if o.cursor != 5 {
		t.Errorf("a later WELCOME is meant: cursor %d", o.cursor)
	}
}

func TestOutboxTellsOfReadingsThatItGaveUp(t *testing.T) {
	o := filled(6, 2)
	o.sendAll(t0) // 1 and 2 are on their way
	for range 4 {
		o.giveUp()
	}
	if o.lost != 4 || o.head != 5 {
		t.Fatalf("lost %d, head %d", o.lost, o.head)
	}
	if !o.ready(t0) || !o.jumps() {
		t.Fatal("SEQ 5 behind 2 needs another HELLO")
	}
	o.saidHello(t0)
	o.welcome(2, t0)
	if o.jumps() {
		t.Error("HELLO with OLDEST 5 covers the jump")
	}
	if got := o.sendAll(t0); len(got) != 2 || got[0] != 5 {
		t.Errorf("sent %v", got)
	}
}

func TestOutboxWaitsAndReturnsToWhatWasRefusedForNow(t *testing.T) {
	o := filled(6, 6)
	o.sendAll(t0)
	o.refused(3, vaiven.CodeBusy, 2*time.Second, t0)
	o.refused(4, vaiven.CodeBusy, time.Second, t0)
	if o.ready(t0.Add(1900 * time.Millisecond)) {
		t.Error("ready before RETRY")
	}
	if got := o.sendAll(t0.Add(2 * time.Second)); len(got) != 4 || got[0] != 3 {
		t.Errorf("sent %v", got)
	}
}

func TestOutboxGoesBackWhenNothingMoves(t *testing.T) {
	o := filled(6, 6)
	if o.stalled(time.Second, t0.Add(time.Hour)) {
		t.Error("stalled with nothing on its way")
	}
	o.sendAll(t0.Add(time.Hour))
	o.settle(2, t0.Add(time.Hour), ignore)
	late := t0.Add(time.Hour + 10*time.Second)
	if o.stalled(10*time.Second, late.Add(-1)) || !o.stalled(10*time.Second, late) {
		t.Fatal("stalls after exactly 10 s")
	}
	if got := o.sendAll(late); len(got) != 4 || got[0] != 3 {
		t.Errorf("sent %v", got)
	}
}

func TestOutboxBelievesNothingThatItNeverSent(t *testing.T) {
	o := filled(6, 3)
	o.sendAll(t0)
	if o.plausible(4) || !o.plausible(3) {
		t.Error("only SEQ 1 to 3 were sent")
	}
}
