package gateway

import (
	"testing"

	"vaiven"
)

// TestWhatDescribesAReading: an AGE or TIME that cannot be used costs a numbered
// reading its time, and it is acknowledged as stored; a BOOT that cannot be read
// settles no SEQ of the BOOT before, whatever else is wrong with the reading.
func TestWhatDescribesAReading(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	b.send(`{"IDDEVICE":101,"SEQ":2,"AGE":-1,"TEMP":21}`)
	b.wantAck(2)
	b.send(`{"IDDEVICE":101,"SEQ":3,"TIME":"12:30:05","UP":"1d","REV":"A3","LED":1,"TEMP":22}`)
	b.wantAck(3)
	for _, broken := range []string{
		`{"IDDEVICE":101,"BOOT":7,"SEQ":4,"TEMP":23}`,
		`{"IDDEVICE":101,"TEMP":"x","SEQ":4,"BOOT":"nope"}`,
		`{"IDDEVICE":101,"TEMP":"x","SEQ":4,"BOOT":"9f3c02aa","boot":"9f3c02ab"}`,
	} {
		b.send("%s", broken)
		if m := b.want("CODE"); m["CODE"] != "bad_boot" {
			t.Errorf("%s: %v", broken, m)
		}
	}
	b.send(reading, 4, 23)
	b.wantAck(4)
	stored := events[*vaiven.Reading](r.m)
	if len(stored) != 4 || len(events[*vaiven.Refusal](r.m)) != 0 {
		t.Fatalf("stored %v, refused %v", stored, events[*vaiven.Refusal](r.m))
	}
	for i, timed := range []bool{true, false, false, true} {
		if (stored[i].Measured != 0) != timed || len(stored[i].States) != 0 {
			t.Errorf("reading %d: %+v", i+1, stored[i])
		}
	}
}
