package stream

import (
	"context"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// long is an interval that no test waits for: what is committed meanwhile was not
// left to wait.
const long = time.Hour

// TestReadingsOfManyBoardsJoinOneRecord: with an interval they wait for each other, and
// what a person or a board waits for takes them with it.
func TestReadingsOfManyBoardsJoinOneRecord(t *testing.T) {
	for name, ev := range map[string]vaiven.Event{
		"a change":       &vaiven.Change{Device: "101", Key: "0123456789abcdef", States: []vaiven.Value{{Name: "LED", Num: 1}}},
		"sent":           &vaiven.Sent{Device: "101", Key: "0123456789abcdef"},
		"a change's end": &vaiven.ChangeEnd{Device: "101", Key: "0123456789abcdef", Outcome: vaiven.Confirmed},
		"a report":       &vaiven.Report{Device: "101", States: []vaiven.Value{{Name: "LED", Num: 1}}},
		"a name":         &vaiven.Described{Device: "101", Name: "door"},
		"forgotten":      &vaiven.Forgotten{Device: "101"},
	} {
		t.Run(name, func(t *testing.T) {
			l := start(t, Options{Dir: t.TempDir(), CommitEvery: long, StallAfter: time.Nanosecond})
			for board := range 20 {
				l.append(reading(board, 1))
			}
			if err := l.Health(); err != nil { // to wait on purpose is not to stall
				t.Error(err)
			}
			l.append(ev)
			l.await(21)
			for _, tk := range l.tickets {
				if tk.First.Record != 2 {
					t.Errorf("%v is not in the one record", tk.First)
				}
			}
			l.check()
		})
	}
}

func TestWhatFillsARecordDoesNotWait(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir(), CommitEvery: long})
	text := strings.Repeat("x", 30_000)
	for bytes := 0; bytes < MaxRecord && l.count() == 0; _, bytes = l.queue.pending() {
		l.append(&vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1, Text: text})
	}
	l.await(1)
	l.check()
}

// TestABoardWhoseWindowIsFullDoesNotWait: it can send no more until it is answered.
func TestABoardWhoseWindowIsFullDoesNotWait(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir(), CommitEvery: long})
	for i := range windowFull {
		l.append(reading(101, i+1))
	}
	l.await(windowFull)
	l.check()
}

func TestAFullQueueDoesNotWait(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir(), CommitEvery: long, QueueEvents: 3})
	for board := range 10 {
		l.append(reading(board, 1))
	}
	l.await(7)
	l.cancel()
	if err := <-l.done; err != nil { // nor does what is left at the end
		t.Fatal(err)
	}
	l.done <- nil
	if n := l.count(); n != 10 {
		t.Errorf("%d of 10 are committed", n)
	}
	l.check()
}

func TestTheIntervalPasses(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir(), CommitEvery: 20 * time.Millisecond})
	for i := range 5 {
		l.append(reading(101, i+1))
		l.await(i + 1)
	}
	l.check()
}

// TestABlockedAppendThatGivesUp leaves the committer neither hurried for ever nor stuck.
func TestABlockedAppendThatGivesUp(t *testing.T) {
	var q queue
	q.init(1, 1<<20, true)
	ts, err := cutTickets([]vaiven.Event{reading(1, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := q.putTickets(t.Context(), ts); err != nil {
		t.Fatal(err)
	}
	if q.waitMore(long) == 0 {
		t.Error("one reading does not wait")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.putTickets(ctx, ts); err == nil {
		t.Error("a full queue takes more")
	}
	if q.waitMore(long) != 0 {
		t.Error("while others wait for room, what is queued waits too")
	}
	var e encoder
	q.releaseTickets(q.encodeTickets(&e, nil))
	if err := q.putTickets(t.Context(), ts); err != nil {
		t.Fatal(err)
	}
	if q.waitMore(long) == 0 {
		t.Error("the hurry stays")
	}
}
