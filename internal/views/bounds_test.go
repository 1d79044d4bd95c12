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
