package views

import (
	"bytes"
	"fmt"
	"testing"

	"vaiven"
)

// TestMadeUpIDsLeaveFewTraces: ids of which nothing is stored push each other out, and
// no board of which something is. A decider that goes on from a checkpoint forgets the
// same as one that has read all.
func TestMadeUpIDsLeaveFewTraces(t *testing.T) {
	d := begun(t)
	d.feed(t, reading("101", "aaaaaaaa", 1))
	other := d
	for i := range 3 * maxNobodies / 16 {
		var events []vaiven.Event
		for j := range 16 {
			events = append(events, refusal(vaiven.Device(fmt.Sprintf("x%d", 16*i+j)), "bbbbbbbb", 1))
		}
		d.feed(t, events...)
		if other != d {
			other.feed(t, events...)
		}
		if i == maxNobodies/16 {
			state := d.appendState(nil)
			var err error
			if other, _, err = parseState(state, checkpointVersion); err != nil {
				t.Fatal(err)
			}
		}
		if len(d.devices) > maxNobodies+1 {
			t.Fatalf("%d devices after %d ids", len(d.devices), 16*i+16)
		}
	}
	if !d.Settled("101", "aaaaaaaa").Known || d.Settled("x1", "bbbbbbbb").Known || !d.Settled(vaiven.Device(fmt.Sprintf("x%d", 3*maxNobodies-1)), "bbbbbbbb").Known {
		t.Error("the wrong ones were forgotten")
	}
	if !bytes.Equal(d.appendState(nil), other.appendState(nil)) {
		t.Error("a decider that went on from a checkpoint remembers others")
	}
	d.feed(t, reading("x1", "bbbbbbbb", 1))
	if n := d.nobodies; n >= len(d.devices) || !d.devices["x1"].real {
		t.Errorf("%d of %d are nobody", n, len(d.devices))
	}
}

// TestChangesOfStrangersLeaveFewTraces: changes of devices that sent nothing push each
// other out, the ended ones first, and no change of a board of which something is stored.
func TestChangesOfStrangersLeaveFewTraces(t *testing.T) {
	d := begun(t)
	id := func(i int) vaiven.Device { return vaiven.Device(fmt.Sprintf("x%d", i)) }
	d.feed(t, reading("101", "aaaaaaaa", 1), &vaiven.Change{Device: "101", Key: key(1)})
	d.feed(t, &vaiven.Change{Device: "102", Key: key(1)}, reading("102", "aaaaaaaa", 1)) // a stranger no more
	d.feed(t, &vaiven.Change{Device: "103", Key: key(1)}, &vaiven.Forgotten{Device: "103"})
	d.feed(t, &vaiven.Change{Device: "104", Key: key(1)}) // and stays open
	other := d
	for i := range 3 * maxNobodies / 16 {
		var events []vaiven.Event
		for j := range 16 {
			events = append(events, &vaiven.Change{Device: id(16*i + j), Key: key(1)}, &vaiven.ChangeEnd{Device: id(16*i + j), Key: key(1), Outcome: vaiven.Expired})
		}
		d.feed(t, events...)
		if other != d {
			other.feed(t, events...)
		}
		if i == maxNobodies/16+1 {
			var err error
			if other, _, err = parseState(d.appendState(nil), checkpointVersion); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(d.changes); n > maxNobodies+2 || d.strangers != n-2 {
			t.Fatalf("changes of %d devices, %d of them strangers, after %d ids", n, d.strangers, 16*i+16)
		}
	}
	for _, dev := range []vaiven.Device{"101", "102", "104"} {
		if got := d.feed(t, &vaiven.Change{Device: dev, Key: key(1)}); len(got) != 0 {
			t.Errorf("the change of %s was forgotten", dev)
		}
		other.feed(t, &vaiven.Change{Device: dev, Key: key(1)})
	}
	if !bytes.Equal(d.appendState(nil), other.appendState(nil)) {
		t.Error("a decider that went on from a checkpoint remembers others")
	}
	if got := d.feed(t, &vaiven.Change{Device: "x1", Key: key(1)}); len(got) != 1 {
		t.Error("the oldest stranger's change is remembered")
	}
}
