package gateway

import (
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"vaiven"
)

func TestRejectedIsRecordedOnceAndCounted(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	for range 50 {
		b.send(`hola`)
	}
	b.send(reading, 1, 20)
	r.until("the good one", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	if got := events[*vaiven.Rejected](r.m); len(got) != 1 || got[0].Code != vaiven.CodeNotJSON {
		t.Errorf("recorded %v", got)
	}
	r.g.flushRejects(t.Context(), time.Now().Add(time.Hour), rejectEvery)
	if got := events[*vaiven.Rejected](r.m); len(got) != 2 || got[1].Count != 49 {
		t.Errorf("summary %+v", got)
	}
	if want := map[vaiven.Code]uint64{vaiven.CodeNotJSON: 50}; !maps.Equal(r.g.Stats().Rejected(), want) {
		t.Errorf("counted %v", r.g.Stats().Rejected())
	}
}

func TestFloodUnderEverNewNamesDoesNotFillTheLog(t *testing.T) {
	r := start(t, Limit{})
	begin := time.Now()
	const flood = 3 * maxRejects
	for i := range flood {
		e := &vaiven.Error{Code: vaiven.CodeBadSeq, Device: vaiven.Device(fmt.Sprintf("x%d", i)), At: -1}
		key := rejectKey{device: e.Device, code: e.Code}
		if x := r.g.rejects.add(key, nil, e, netip.AddrPort{}, time.Now()); x != nil {
			r.g.recordRejected(t.Context(), key, x)
		}
	}
	most := recordBurst + recordRate*int(time.Since(begin).Seconds()+1)
	if got := len(events[*vaiven.Rejected](r.m)); got == 0 || got > most {
		t.Errorf("%d records of %d refusals, want 1 to %d", got, flood, most)
	}
	r.g.flushRejects(t.Context(), time.Now(), 0)
	var total uint64
	for _, e := range events[*vaiven.Rejected](r.m) {
		total += e.Count
	}
	if total != flood {
		t.Errorf("%d refusals counted, want %d", total, flood)
	}
	r.g.flushRejects(t.Context(), time.Now(), 0)
	if got := len(r.g.rejects.entries); got != 0 {
		t.Errorf("%d kinds are still counted", got)
	}
}

func TestEveryDeviceOfAConcentratorHearsThatTheLogIsBusy(t *testing.T) {
	const devices = 100
	r := start(t, Limit{})
	b := r.dial()
	message := func(seq int) string {
		var all []string
		for d := range devices {
			all = append(all, fmt.Sprintf(`{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":1}`, d, seq))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	b.send("%s", message(1))
	for range devices {
		b.want("ACK")
	}
	r.m.set(func() { r.m.busy = true })
	b.send("%s", message(2))
	for range devices {
		if m := b.want("CODE"); m["CODE"] != "busy" || m["SEQ"] != 2.0 {
			t.Fatalf("want busy, got %v", m)
		}
	}
	r.m.set(func() { r.m.busy = false })
}

func TestMessageOfInvalidItemsIsAnsweredBriefly(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send("[%s{}]", strings.Repeat("{},", 20_000))
	b.send(reading, 1, 20)
	b.wantAckAmongErrors(1)
	if got := r.g.Stats().Rejected()[vaiven.CodeMissingDevice]; got != 20_001 {
		t.Errorf("%d counted", got)
	}
}

func TestFaultsAreToldOncePerAddressAndKindAndAgainAfterAWhile(t *testing.T) {
	r := start(t, Limit{})
	fault := func(addr, reason string) {
		r.g.Refused(netip.MustParseAddrPort(addr), &vaiven.Error{Code: vaiven.CodeBadHandshake, Reason: reason, At: -1})
	}
	for port := range 20 {
		fault(fmt.Sprintf("192.0.2.1:%d", port+1), vaiven.FaultKey)
	}
	fault("192.0.2.1:1", vaiven.FaultVersion)
	fault("192.0.2.2:1", vaiven.FaultKey)
	if got := events[*vaiven.Rejected](r.m); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
	r.g.flushRejects(t.Context(), time.Now().Add(rejectEvery), rejectEvery)
	got := events[*vaiven.Rejected](r.m)
	if len(got) != 4 || got[3].Count != 19 || got[3].Device != "" || got[3].Code != vaiven.CodeBadHandshake {
		t.Errorf("after its window %+v", got)
	}
}
