package main

import (
	"testing"
	"time"

	"vaiven"
)

// comes is begins for a board at an address.
func comes(d vaiven.Device, remote string) []vaiven.Event {
	return []vaiven.Event{
		&vaiven.Presence{Device: d, Connected: true, Remote: remote}, &vaiven.SessionStart{Device: d, Readings: 50},
	}
}

// finishes is a board that begins and ends its session at once.
func (k *class) finishes(d vaiven.Device, remote string) {
	k.apply(comes(d, remote)...)
	k.apply(ends(d))
}

// TestAStrangerAloneEndsNoRun: whoever is first with made-up readings, before anybody else
// has come, does not end the class.
func TestAStrangerAloneEndsNoRun(t *testing.T) {
	k := newClass(t, "1", 0)
	k.finishes("666", "192.0.2.9:1")
	if k.over {
		t.Fatal("the first to finish has ended the run")
	}
	if lines := k.after(10 * time.Second); len(lines) != 1 {
		t.Errorf("%q", lines)
	}
	k.apply(comes("101", "192.0.2.1:1")...)
	if k.busy(time.Minute, "101"); k.over {
		t.Error("ended while a board measures")
	}
	k.apply(ends("101"))
	if !k.over {
		t.Error("goes on although all have finished")
	}
}

// TestALonelyBoardEndsItsRun a moment later, when nobody else has come.
func TestALonelyBoardEndsItsRun(t *testing.T) {
	k := newClass(t, "1", 0)
	k.finishes("101", "192.0.2.1:1")
	if k.after(aloneFor + time.Second); !k.over {
		t.Error("goes on for ever")
	}
}

// TestOneAddressIsNotManyBoards: a run that waits for five boards is not ended by one
// stranger under five ids, but by five that a person let in.
func TestOneAddressIsNotManyBoards(t *testing.T) {
	k := newClass(t, "5", 0)
	for _, d := range []vaiven.Device{"101", "102", "103", "104", "105"} {
		k.finishes(d, "192.0.2.9:1")
	}
	if k.after(time.Hour); k.over {
		t.Error("one address has ended the run")
	}
	k.standing = func(vaiven.Device) vaiven.Standing { return vaiven.Standing{Approved: true} }
	if k.review(); !k.over {
		t.Error("boards that were let in do not count")
	}
}
