package gateway

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/coder/websocket"

	"vaiven"
)

func TestCourseReadingsGetNoAnswer(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	for i := range 3 {
		b.send(`{"IDDEVICE":101,"TEMP":%d,"HUM":61}`, 20+i)
	}
	r.until("three readings", func() bool { return len(events[*vaiven.Reading](r.m)) == 3 })
	b.send(`{"IDDEVICE":101,"TEMP":nan,"HUM":nan}`)
	if m := b.want("ERROR"); m["CODE"] != "not_a_number" {
		t.Errorf("first answer is %v, want the error alone", m)
	}
}

func TestAckOnlyAfterCommit(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.m.set(func() { r.m.held = true })
	b.send(reading, 2, 21)
	b.send(reading, 3, 22)
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":2,"NEXT":4}`)
	if m := b.want("WELCOME"); m["ACK"] != 1.0 {
		t.Errorf("WELCOME says %v before the commit, want ACK 1", m)
	}
	r.until("queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 3 })
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.wantAck(3)
}

func TestSettlementInOrder(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1}`)
	if m := b.want("WELCOME"); m["ACK"] != 0.0 {
		t.Fatalf("WELCOME %v", m)
	}
	b.send(reading, 1, 20)
	b.wantAck(1)
	b.send(reading, 3, 22) // a jump that no HELLO covers
	b.send(reading, 4, 23)
	if m := b.want("WELCOME"); m["ACK"] != 1.0 {
		t.Fatalf("answer to a jump: %v", m)
	}
	b.send("["+reading+","+reading+","+reading+"]", 2, 21, 3, 22, 4, 23)
	b.wantAck(4)
	b.send(`{"IDDEVICE":101,"SEQ":5,"TEMP":"24.5"}`) // refused for good: settled
	said := b.next(2)                                // the error and the ACK, in whichever order they leave
	if !slices.ContainsFunc(said, func(m map[string]any) bool { return m["CODE"] == "not_a_number" && m["SEQ"] == 5.0 }) ||
		!slices.ContainsFunc(said, func(m map[string]any) bool { return m["ACK"] == 5.0 }) {
		t.Errorf("refusal: %v", said)
	}
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":9,"NEXT":10}`) // 6 to 8 are gone
	b.next(2)                                                                   // WELCOME, and the ACK of the gap
	b.send(reading, 9, 30)
	b.wantAck(9)
	if gaps := events[*vaiven.Gap](r.m); len(gaps) != 1 || gaps[0].From != 6 || gaps[0].To != 8 {
		t.Errorf("gaps %v", gaps)
	}
	b.send(reading, 9, 30) // a repeat is acknowledged again and not stored
	b.wantAck(9)
	if got := len(events[*vaiven.Reading](r.m)); got != 5 {
		t.Errorf("%d readings stored, want 5", got)
	}
}

func TestBootUsedTwice(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	for i := 1; i <= 3; i++ {
		b.send(reading, i, 20)
	}
	b.wantAck(3)
	b.send(reading, 1, 33)
	if m := b.want("CODE"); m["CODE"] != "bad_boot" {
		t.Fatalf("other values under a SEQ: %v", m)
	}
	c := r.dial()
	c.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":2}`)
	if m := c.want("CODE"); m["CODE"] != "bad_boot" {
		t.Fatalf("NEXT below what is stored: %v", m)
	}
	c.send(reading, 4, 20)
	if m := c.want("CODE"); m["CODE"] != "bad_boot" {
		t.Fatalf("reading of a BOOT used twice: %v", m)
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 3 {
		t.Errorf("%d readings stored, want 3", got)
	}
}

func TestBusyIsNotSettled(t *testing.T) {
	r := start(t, Limit{Readings: 2})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.m.set(func() { r.m.busy = true })
	b.send(reading, 2, 21)
	if m := b.want("CODE"); m["CODE"] != "busy" || m["RETRY"] == nil {
		t.Fatalf("want busy with RETRY, got %v", m)
	}
	r.m.set(func() { r.m.busy = false })
	b.send(reading, 2, 21)
	b.wantAck(2)
	b.want("BYE")
	b.wantClose(websocket.StatusNormalClosure)
}

// of is a reading under a BOOT of the test's choice.
const of = `{"IDDEVICE":101,"BOOT":"%s","SEQ":%d,"AGE":0,"TEMP":%d}`

const bootA, bootB = "aaaaaaaa", "bbbbbbbb"

func TestBoardThatAlternatesTwoBoots(t *testing.T) {
	r := start(t, Limit{Readings: 4})
	b := r.dial()
	r.m.set(func() { r.m.held = true })
	b.send("["+of+","+of+","+of+","+of+"]", bootA, 1, 21, bootA, 2, 22, bootB, 1, 31, bootA, 3, 23)
	r.until("all taken, none asked for again", func() bool { return r.g.Stats().Readings.Load() == 4 })
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	acks := map[string]float64{}
	for m := b.want(""); m["BYE"] == nil; m = b.want("") {
		if m["ACK"] == nil {
			t.Fatalf("want acknowledgements alone, got %v", m)
		}
		acks[m["BOOT"].(string)] = max(acks[m["BOOT"].(string)], m["ACK"].(float64))
	}
	if want := map[string]float64{bootA: 3, bootB: 1}; !maps.Equal(acks, want) {
		t.Errorf("acknowledged %v, want %v", acks, want)
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 4 {
		t.Errorf("%d readings stored, want 4", got)
	}
}

func TestRepeatsOfTwoBootsInOneMessage(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(of, bootA, 1, 21)
	b.wantAck(1)
	b.send("["+of+","+of+"]", bootA, 1, 21, bootB, 1, 31)
	said := b.next(2)
	for _, boot := range []string{bootA, bootB} {
		if !slices.ContainsFunc(said, func(m map[string]any) bool { return m["BOOT"] == boot && m["ACK"] == 1.0 }) {
			t.Errorf("no ACK 1 of %s in %v", boot, said)
		}
	}
}

func TestTooManyBootsOnTheirWay(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	r.m.set(func() { r.m.held = true })
	for i := range maxBoots + 2 {
		b.send(of, fmt.Sprintf("%08x", i+1), 1, 20)
	}
	if m := b.want("CODE"); m["CODE"] != "busy" || m["SEQ"] != 1.0 {
		t.Errorf("want busy, got %v", m)
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.send(of, fmt.Sprintf("%08x", maxBoots+2), 1, 20)
	r.until("taken later", func() bool { return len(events[*vaiven.Reading](r.m)) == maxBoots+2 })
}

func TestBusyIsSaidOnceForAWindow(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.m.set(func() { r.m.busy = true })
	b.send("["+reading+","+reading+","+reading+"]", 2, 20, 3, 20, 4, 20)
	if m := b.want("CODE"); m["CODE"] != "busy" || m["SEQ"] != 2.0 || m["BOOT"] != "9f3c02aa" {
		t.Errorf("want busy of SEQ 2, got %v", m)
	}
	r.m.set(func() { r.m.busy = false })
	b.send("["+reading+","+reading+","+reading+"]", 2, 20, 3, 20, 4, 20)
	b.wantAck(4) // and nothing before it: no WELCOME made the board come back early
}

func TestHelloWithoutBootIsToldNoOther(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(reading, 1, 20)
	a.wantAck(1)
	_ = a.c.CloseNow()
	r.until("it is gone", func() bool { return len(events[*vaiven.Presence](r.m)) == 2 })
	b := r.dial()
	b.send(`{"HELLO":1,"IDDEVICE":101}`)
	if m := b.want("WELCOME"); m["BOOT"] != nil || m["ACK"] != 0.0 {
		t.Errorf("a board that named no BOOT is told %v", m)
	}
}

func TestHelloDoesNotPardonABootUsedTwice(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send("["+reading+","+reading+"]", 1, 20, 2, 20)
	b.wantAck(2)
	b.send(reading, 1, 33)
	b.want("ERROR")
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":9}`)
	if m := b.want("CODE"); m["CODE"] != "bad_boot" {
		t.Errorf("want bad_boot, got %v", m)
	}
}

// elsewhere writes what another gateway of the same log has stored.
func (m *memory) elsewhere(all ...vaiven.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = append(m.log, all...)
}

func TestBoardComesBackFromAnotherGateway(t *testing.T) {
	r := start(t, Limit{Readings: 4})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	_ = b.c.CloseNow()
	r.until("it is gone", func() bool { return len(events[*vaiven.Presence](r.m)) == 2 })
	for seq := range uint64(2) {
		r.m.elsewhere(&vaiven.Reading{Device: "101", Boot: "9f3c02aa", Seq: seq + 2, Values: []vaiven.Value{{Name: "TEMP", Num: 20}}})
	}
	c := r.dial()
	c.send(reading, 4, 20) // without HELLO
	c.wantAck(4)
	if m := c.want("BYE"); m["BYE"] != "4 readings received" {
		t.Errorf("BYE %v", m)
	}
}
