package access

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"vaiven"
)

// TestWaitingBounded proves that 300,000 ids that do not exist leave the list short,
// whether they come of one address or of many, and that one of them that goes on does
// not push out what waits at other addresses beyond its share.
func TestWaitingBounded(t *testing.T) {
	w := &waiting{}
	honest := netip.MustParseAddr("192.168.1.20")
	w.note("101", honest, true, "1.0.0", 1)
	flood := netip.MustParseAddr("192.168.1.66")
	for n := range 150_000 {
		w.note(vaiven.Device(fmt.Sprint("f", n)), flood, false, "", 2)
	}
	if list := w.list(2); len(list) != maxWaitingAddress+1 || list[0].Device != "101" {
		t.Fatalf("%d wait, first %v", len(list), list[0])
	}
	for n := range 150_000 {
		w.note(vaiven.Device(fmt.Sprint("g", n)), netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}), false, "", 2)
	}
	if list := w.list(2); len(list) != maxWaiting {
		t.Fatalf("%d wait", len(list))
	}
}

// TestWaitingTold proves that a board is news once, keeps what is known of it, and is
// forgotten when it comes no more; and that two addresses under one id are two.
func TestWaitingTold(t *testing.T) {
	w := &waiting{}
	a, b := netip.MustParseAddr("192.168.1.20"), netip.MustParseAddr("192.168.1.21")
	if !w.note("101", a, true, "1.0.0", 1000) || w.note("101", a, false, "", 2000) || !w.note("101", b, false, "", 3000) {
		t.Error("what is news is wrong")
	}
	list := w.list(3000)
	want := vaiven.Waiting{Device: "101", Remote: "192.168.1.20", Since: 1000, Last: 2000, Count: 2, Hello: true, FW: "1.0.0"}
	if len(list) != 2 || list[0] != want {
		t.Fatalf("waiting %+v", list)
	}
	late := 2000 + waitingFor.Milliseconds() + 1
	if list := w.list(late); len(list) != 1 || list[0].Remote != b.String() {
		t.Errorf("late: %+v", list)
	}
	w.remove("101")
	if len(w.list(3000)) != 0 {
		t.Error("who was approved waits")
	}
}

// TestFailuresBounded proves that guesses of ever other addresses under ever other names
// cost no more memory, and that those for whom there is no room are counted together.
func TestFailuresBounded(t *testing.T) {
	f := &failures{}
	now := time.Unix(1_800_000_000, 0)
	for n := range 300_000 {
		from := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		f.add(vaiven.DeniedProof, from, vaiven.Device(fmt.Sprint(n)), now)
	}
	if len(f.all) > maxFailing+1 {
		t.Fatalf("%d addresses are counted", len(f.all))
	}
	fresh := netip.MustParseAddr("10.200.0.1")
	if f.wait(fresh, now) == 0 {
		t.Error("whoever has addresses without end guesses without end")
	}
	if known := netip.AddrFrom4([4]byte{10, 0, 0, 1}); f.wait(known, now) != 0 {
		t.Error("one that guessed once is told to wait")
	}
	total := uint64(0)
	for _, d := range f.due(now, true) {
		total += d.Count
	}
	if total != 300_000 {
		t.Errorf("the summaries say %d", total)
	}
	f.add(vaiven.DeniedProof, fresh, "", now.Add(2*forgetTries))
	f.due(now.Add(2*forgetTries), true)
	if f.wait(fresh, now.Add(2*forgetTries)) != 0 {
		t.Error("an address is refused for ever")
	}
}

// TestSummaries proves that an address that goes on is recorded at once, then after ever
// longer pauses.
func TestSummaries(t *testing.T) {
	f := &failures{}
	now := time.Unix(1_800_000_000, 0)
	from := netip.MustParseAddr("192.168.1.66")
	var told []time.Duration
	for s := range 120 {
		f.add(vaiven.DeniedToken, from, "", now.Add(time.Duration(s)*time.Second))
		if len(f.due(now.Add(time.Duration(s)*time.Second), false)) > 0 {
			told = append(told, time.Duration(s)*time.Second)
		}
	}
	want := []time.Duration{0, 10 * time.Second, 30 * time.Second, 70 * time.Second}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Errorf("told at %v, want %v", told, want)
	}
}
