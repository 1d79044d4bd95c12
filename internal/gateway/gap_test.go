package gateway

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
)

// startBehindProxy is start with boards that say where they are, and a clock that
// the test sets forward.
func startBehindProxy(t *testing.T, edit ...func(*Options)) (r *rig, clock *atomic.Int64) {
	clock = new(atomic.Int64)
	r = start(t, Limit{}, append(edit, func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli() + clock.Load(), Synced: true} }
	})...)
	r.m.every = time.Second
	return r, clock
}

func (r *rig) dialFrom(address string) *board { return r.dial("X-Forwarded-For", address) }

// hasSent sends readings first..last, and waits until they are acknowledged.
func (b *board) hasSent(first, last int) {
	b.r.t.Helper()
	for seq := first; seq <= last; seq++ {
		b.send(reading, seq, 20)
	}
	b.wantAck(last)
}

// leaves ends the connection, and waits until the gateway has let it go: its
// disconnection, if anything of it was taken, is in the log's queue then.
func (b *board) leaves() {
	b.r.t.Helper()
	open := b.r.g.stats.Connections.Load()
	_ = b.c.Close(websocket.StatusNormalClosure, "")
	b.r.until("it is gone", func() bool { return b.r.g.stats.Connections.Load() < open })
}

// wantWelcome waits for a WELCOME; the acknowledgement of a gap may leave before it.
func (b *board) wantWelcome() map[string]any {
	b.r.t.Helper()
	for {
		if m := b.want("ACK"); m["WELCOME"] != nil {
			return m
		}
	}
}

// helloOf is a HELLO that says which SEQs the board holds.
const helloOf = `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":%d,"NEXT":%d,"UP":600000}`

const stranger, home101 = "192.0.2.66", "192.0.2.1"

func TestNoHelloOfAnotherMovesAConnectedDevice(t *testing.T) {
	r, clock := startBehindProxy(t)
	b := r.dialFrom(home101)
	b.hasSent(1, 10)
	clock.Store(time.Hour.Milliseconds())
	for _, boot := range []string{"9f3c02aa", bootB} {
		s := r.dialFrom(stranger)
		s.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"%s","OLDEST":1000,"NEXT":1001,"LOST":7,"LED":1,"REV":99,"SLEEP":600000,"UP":1}`, boot)
		if m := s.want("CODE"); m["CODE"] != "device_in_use" {
			t.Errorf("BOOT %s from elsewhere is told %v", boot, m)
		}
	}
	from := netip.MustParseAddrPort(stranger + ":40000")
	if m := r.post(from, helloOf, 1000, 1001).only("CODE"); m["CODE"] != "device_in_use" {
		t.Errorf("by HTTP: %v", m)
	}
	b.hasSent(11, 15)
	if got := events[*vaiven.Gap](r.m); len(got) != 0 {
		t.Errorf("gaps %v", got)
	}
	if got := events[*vaiven.Hello](r.m); len(got) != 0 {
		t.Errorf("hellos %v", got)
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 15 {
		t.Errorf("%d readings stored, want 15", got)
	}
}

func TestNoHelloOfAnotherMovesADeviceThatComesByHTTP(t *testing.T) {
	r := start(t, Limit{})
	r.post(home, reading, 1, 20).only("ACK")
	r.post(home, reading, 2, 21).only("ACK")
	for _, boot := range []string{"9f3c02aa", bootB} {
		s := r.dial()
		s.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"%s","OLDEST":40,"NEXT":41,"UP":1}`, boot)
		if m := s.want("CODE"); m["CODE"] != "device_in_use" {
			t.Errorf("BOOT %s from elsewhere is told %v", boot, m)
		}
	}
	if m := r.post(home, reading, 3, 22).only("ACK"); m["ACK"] != 3.0 {
		t.Errorf("the board is told %v", m)
	}
	if got := len(events[*vaiven.Gap](r.m)) + len(events[*vaiven.Hello](r.m)); got != 0 {
		t.Errorf("%d events of somebody else", got)
	}
	r.later(maxPresence) // the board has not come for long
	s := r.dial()
	s.send(helloOf, 4, 5)
	s.wantWelcome()
}

func TestGapThatNothingExplainsIsNotTaken(t *testing.T) {
	r, clock := startBehindProxy(t)
	b := r.dialFrom(home101)
	b.hasSent(1, 10)
	b.leaves()
	clock.Store(time.Minute.Milliseconds())
	s := r.dialFrom(stranger)
	s.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1000,"NEXT":1001,"LOST":989,"LED":1,"REV":9,"SLEEP":600000}`)
	m := s.want("CODE")
	if m["CODE"] != "too_fast" || m["RETRY"] == nil || m["SEQ"] != nil || !strings.Contains(m["ERROR"].(string), "989") {
		t.Errorf("told %v", m)
	}
	s.leaves()
	for _, p := range events[*vaiven.Presence](r.m) {
		if p.Sleep != 0 {
			t.Errorf("the device counts as asleep: %+v", p)
		}
	}
	c := r.dialFrom(home101)
	c.send(helloOf, 11, 16)
	if m := c.wantWelcome(); m["ACK"] != 10.0 {
		t.Errorf("WELCOME %v", m)
	}
	c.hasSent(11, 15)
	if got := events[*vaiven.Gap](r.m); len(got) != 0 {
		t.Errorf("gaps %v", got)
	}
	if got := events[*vaiven.Hello](r.m); len(got) != 1 {
		t.Errorf("hellos %v", got)
	}
}

func TestGapOfALongAbsenceIsBelieved(t *testing.T) {
	r, clock := startBehindProxy(t)
	b := r.dialFrom(home101)
	b.hasSent(1, 10)
	b.leaves()
	clock.Store(time.Hour.Milliseconds()) // at one reading every 2 s the ring held 1,024
	c := r.dialFrom(home101)
	c.send(helloOf, 787, 1811)
	c.wantWelcome()
	c.hasSent(787, 790)
	if got := events[*vaiven.Gap](r.m); len(got) != 1 || got[0].From != 11 || got[0].To != 786 {
		t.Errorf("gaps %v", got)
	}
}

func TestABoardThatInsistsOnItsGapIsBelieved(t *testing.T) {
	r, clock := startBehindProxy(t)
	b := r.dialFrom(home101)
	b.hasSent(1, 10)
	b.leaves()
	clock.Store(time.Minute.Milliseconds())
	earlier := func() {
		d := r.g.lockDevice("101", true)
		defer d.mu.Unlock()
		d.claim.since -= gapInsisted
	}
	refused := func(from string, oldest int) *board {
		t.Helper()
		c := r.dialFrom(from)
		c.send(helloOf, oldest, 1<<21)
		if m := c.want("CODE"); m["CODE"] != "too_fast" {
			t.Errorf("told %v", m)
		}
		return c
	}
	refused(stranger, 1000).leaves()
	earlier()
	refused(home101, 1000).leaves() // that was somebody else
	earlier()
	c := r.dialFrom(home101)
	c.hasSent(11, 11)
	c.leaves()
	refused(home101, 1000).leaves() // it has been heard since
	earlier()
	c = refused(home101, 1<<20+13) // never
	c.send(helloOf, 2000, 1<<21)   // its ring runs over meanwhile
	c.wantWelcome()
	if got := events[*vaiven.Gap](r.m); len(got) != 1 || got[0].From != 12 || got[0].To != 1999 {
		t.Errorf("gaps %v", got)
	}
}

func TestWhatExplainsAGap(t *testing.T) {
	const now = 1795333377000
	type stored struct {
		taken int64 // 0: unknown
		every time.Duration
	}
	for _, x := range []struct {
		what   string
		last   *stored // nil: nothing of this BOOT
		up     int64
		synced bool
		oldest uint64 // 2..10 are in no gap: 10 is the last that is stored
		taken  bool
	}{
		{"a board that was never heard, up long enough", nil, 1_000_000, true, 2000, true},
		{"a board that was never heard, up for a second", nil, 1_000, true, 2000, false},
		{"a board that does not say", nil, -1, true, 1 << 20, true},
		{"nobody can have taken so many", nil, -1, true, 1<<20 + 2, false},
		{"a minute at one a second", &stored{now - 60_000, time.Second}, 1e9, true, 11 + 120 + 64, true},
		{"a little more", &stored{now - 60_000, time.Second}, 1e9, true, 11 + 120 + 65, false},
		{"a fast board", &stored{now - 60_000, 10 * time.Millisecond}, 1e9, true, 11 + 12_000, true},
		{"a pace that is not known yet", &stored{now - 60_000, 0}, 1e9, true, 11 + 120 + 64, true},
		{"a pace that is not known yet, and more", &stored{now - 60_000, 0}, 1e9, true, 11 + 120 + 65, false},
		{"nobody knows when it was taken", &stored{0, time.Second}, 1e9, true, 5000, true},
		{"the clock was set back", &stored{now + 60_000, time.Second}, 1e9, true, 5000, true},
		{"a clock that stood still, before this process", &stored{now - 60_000, time.Second}, 1e9, false, 5000, true},
		{"more than there can be, and a clock that stood still", &stored{now - 60_000, time.Second}, 1e9, false, 1<<20 + 12, false},
	} {
		t.Run(x.what, func(t *testing.T) {
			r := start(t, Limit{}, func(o *Options) {
				o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: now, Synced: x.synced} }
			})
			if x.last != nil {
				r.m.every = x.last.every
				for seq := range uint64(10) {
					r.m.elsewhere(&vaiven.Reading{Device: "101", Boot: "9f3c02aa", Seq: seq + 1, Measured: x.last.taken})
				}
			}
			b := r.dial()
			up := fmt.Sprintf(`,"UP":%d`, x.up)
			if x.up < 0 {
				up = ""
			}
			b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":%d,"NEXT":%d%s}`, x.oldest, x.oldest, up)
			m := b.want("")
			if x.taken != (m["CODE"] == nil) || !x.taken && m["CODE"] != "too_fast" {
				t.Errorf("told %v", m)
			}
			if got := len(events[*vaiven.Gap](r.m)); got == 1 != x.taken {
				t.Errorf("%d gaps", got)
			}
		})
	}
}

func TestGapThatIsStillOnItsWayIsHeldAgainstNothingOlder(t *testing.T) {
	r, clock := startBehindProxy(t)
	r.m.freeze()
	b := r.dialFrom(home101)
	b.hasSent(1, 10)
	b.leaves()
	clock.Store(time.Hour.Milliseconds())
	c := r.dialFrom(home101)
	c.send(helloOf, 1000, 1001)
	if m := c.want("CODE"); m["CODE"] != "too_fast" {
		t.Errorf("told %v", m)
	}
	r.m.thaw()
	c.send(helloOf, 1000, 1001)
	c.wantWelcome()
}

// given records, as another gateway would, that SEQs are lost.
func (r *rig) given(from, to uint64) {
	r.m.elsewhere(&vaiven.Gap{Device: "101", Boot: "9f3c02aa", From: from, To: to})
}

func TestBoardComesBackWithWhatWasRecordedAsAGap(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.hasSent(1, 10)
	b.leaves()
	r.given(11, 999)
	c := r.dial()
	c.send(helloOf, 11, 13) // not bad_boot: it has sent nothing from there on
	if m := c.wantWelcome(); m["ACK"] != 10.0 {
		t.Fatalf("WELCOME %v", m)
	}
	c.hasSent(11, 13)
	c.send(reading, 12, 20) // again
	c.wantAck(13)
	c.leaves()
	d := r.dial() // it sends without HELLO, from where it stands
	d.hasSent(14, 15)
	d.send(`{"IDDEVICE":101,"SEQ":16,"TEMP":"24.5"}`)
	d.next(2)                 // the error and the ACK, in whichever order they leave
	d.send(helloOf, 900, 901) // and then its ring was full
	d.wantWelcome()
	for seq := 900; seq <= 1005; seq++ {
		d.send(reading, seq, 20)
	}
	d.wantAck(1005) // over the end of the gap
	if got := len(events[*vaiven.Reading](r.m)); got != 15+106 {
		t.Errorf("%d readings stored, want %d", got, 15+106)
	}
	if got := events[*vaiven.Gap](r.m); len(got) != 1 {
		t.Errorf("gaps %v", got)
	}
}

func TestHelloInsideAGapWaitsForTheViews(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.hasSent(1, 10)
	r.m.freeze()
	b.send(helloOf, 21, 22)
	b.wantWelcome()
	b.send(helloOf, 11, 22) // the gap is not in the views yet
	for m := b.want(""); m["CODE"] != "busy"; m = b.want("") {
		if m["ACK"] != 20.0 || m["WELCOME"] != nil { // of the gap
			t.Fatalf("told %v", m)
		}
	}
	r.m.thaw()
	b.send(helloOf, 11, 22)
	if m := b.wantWelcome(); m["ACK"] != 10.0 {
		t.Errorf("WELCOME %v", m)
	}
	b.hasSent(11, 21)
}

// behindAGap is a board that has given 4 to 9 up, and goes on with 10. Nothing is
// committed any more.
func behindAGap(t *testing.T) (*rig, *board) {
	t.Helper()
	r := start(t, Limit{})
	b := r.dial()
	b.hasSent(1, 3)
	r.given(4, 9)
	b.send(helloOf, 10, 10)
	b.wantWelcome()
	r.m.set(func() { r.m.held = true })
	return r, b
}

// TestWhatLiesBehindAGapIsAcknowledgedLast: its commit comes while the board is back
// inside the gap, and holds what it would forget then.
func TestWhatLiesBehindAGapIsAcknowledgedLast(t *testing.T) {
	r, b := behindAGap(t)
	b.send("["+reading+","+reading+","+reading+"]", 10, 20, 11, 20, 12, 20)
	b.send(helloOf, 5, 13)
	if m := b.wantWelcome(); m["ACK"] != 3.0 && m["ACK"] != 4.0 {
		t.Errorf("WELCOME %v", m)
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	for seq := 5; seq <= 9; seq++ {
		b.send(reading, seq, 20)
	}
	b.wantAck(9) // and nothing above it before
	b.send("["+reading+","+reading+","+reading+"]", 10, 20, 11, 20, 12, 20)
	b.wantAck(12)
	if got := len(events[*vaiven.Reading](r.m)); got != 11 {
		t.Errorf("%d readings stored, want 11", got)
	}
}

// TestGapOfABootThatWasLeft: a reading of another boot comes while what lies behind
// the gap is on its way, as from a board that sends what it kept beside what it
// measures now. The commit is acknowledged to the boot that was left no further than
// to the gap.
func TestGapOfABootThatWasLeft(t *testing.T) {
	for name, back := range map[string]bool{"committed while it is left": false, "committed once it is back": true} {
		t.Run(name, func(t *testing.T) {
			r, b := behindAGap(t)
			b.send("["+reading+","+reading+","+reading+"]", 10, 20, 11, 20, 12, 20)
			b.send(helloOf, 5, 13)
			b.wantWelcome()
			b.send(of, bootB, 1, 31)
			taken, next := 7, 5
			if back {
				b.send(reading, 5, 20)
				taken, next = 8, 6
			}
			r.until("all are taken", func() bool { return r.g.Stats().Readings.Load() == uint64(taken) })
			r.m.set(func() { r.m.held = false })
			r.m.commit()
			for told := false; !told; {
				m := b.want("ACK")
				told = m["BOOT"] == bootB
				if n := m["ACK"].(float64); !told && n >= float64(next) {
					t.Fatalf("told %v, and the board holds %d to 9", m, next)
				}
			}
			b.send(helloOf, next, 13)
			b.wantWelcome()
			for seq := next; seq <= 9; seq++ {
				b.send(reading, seq, 20)
			}
			b.wantAck(9)
			b.send("["+reading+","+reading+","+reading+"]", 10, 20, 11, 20, 12, 20)
			b.wantAck(12)
			if got := len(events[*vaiven.Reading](r.m)); got != 12 {
				t.Errorf("%d readings stored, want 12", got)
			}
		})
	}
}

// TestWhatLiesBehindAGapWaitsForWhatIsInIt: the board has sent all that was missing,
// and it is in the log's queue, when what lies behind it is committed.
func TestWhatLiesBehindAGapWaitsForWhatIsInIt(t *testing.T) {
	r, b := behindAGap(t)
	b.send("["+reading+","+reading+"]", 10, 20, 11, 20)
	b.send(helloOf, 5, 12)
	r.until("the HELLO is queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 3 })
	for seq := 5; seq <= 9; seq++ {
		b.send(reading, seq, 20)
	}
	r.until("all are queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 8 })
	b.wantWelcome()
	r.m.commitFirst(3)
	b.send(`{"IDDEVICE":101,"TEMP":"?"}`)
	for m := b.want(""); m["ERROR"] == nil; m = b.want("") {
		if m["ACK"] != nil && m["ACK"].(float64) > 4 {
			t.Fatalf("told %v, and 5 to 9 are on their way", m)
		}
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.wantAck(9)
	b.send(reading, 12, 20)
	b.wantAck(12)
}

// keeper is a board that keeps what was not acknowledged, and comes by HTTP: each
// of its messages is answered when what it brought is on disk.
type keeper struct {
	r            *rig
	oldest, next uint64 // what it holds
	cursor       uint64 // sent next
}

// post sends a message, and forgets what is acknowledged; that must be in the log.
// It reports whether it was told that it is too early. An answer that is lost on
// its way changes nothing.
func (k *keeper) post(message string, answered bool) (early bool) {
	k.r.t.Helper()
	all := k.r.post(home, "%s", message).messages
	k.r.t.Log(message, all, answered)
	for _, m := range all {
		if !answered {
			continue
		}
		if m["CODE"] == "busy" {
			early = true
			if seq, ok := m["SEQ"].(float64); ok {
				k.cursor = min(k.cursor, uint64(seq))
			}
			continue
		}
		said, ok := m["ACK"].(float64)
		if !ok {
			k.r.t.Fatalf("%s: %v", message, m)
		}
		ack := uint64(said)
		if ack >= k.next {
			k.r.t.Fatalf("%s: %v, and it has taken %d", message, m, k.next-1)
		}
		for ; k.oldest <= ack; k.oldest++ {
			if k.r.stored(k.oldest) == 0 {
				k.r.t.Fatalf("%s: %v, and %d is not stored", message, m, k.oldest)
			}
		}
		if m["WELCOME"] != nil {
			k.cursor = ack + 1
		}
		k.cursor = max(k.cursor, k.oldest)
	}
	return early
}

// hello begins a connection, as far as the board knows.
func (k *keeper) hello() {
	k.cursor = k.oldest
	if k.post(fmt.Sprintf(helloOf, k.oldest, k.next), true) {
		k.r.m.thaw()
		if k.post(fmt.Sprintf(helloOf, k.oldest, k.next), true) {
			k.r.t.Fatal("busy, though the views have read everything")
		}
	}
}

// send sends the next n.
func (k *keeper) send(n uint64, answered bool) {
	var list []string
	for ; n > 0 && k.cursor < k.next; n-- {
		list = append(list, fmt.Sprintf(reading, k.cursor, k.cursor%50))
		k.cursor++
	}
	if len(list) > 0 {
		k.post("["+strings.Join(list, ",")+"]", answered)
	}
}

// stored counts how often a SEQ is in the log.
func (r *rig) stored(seq uint64) (n int) {
	for _, e := range events[*vaiven.Reading](r.m) {
		if e.Seq == seq {
			n++
		}
	}
	return n
}

// TestNothingThatABoardHoldsIsAcknowledgedUnstored: whatever others declare as
// lost, in whichever order things happen, and however late the views are.
func TestNothingThatABoardHoldsIsAcknowledgedUnstored(t *testing.T) {
	for range 60 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { keepersDay(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func keepersDay(t *testing.T, dice *rand.Rand) {
	r := start(t, Limit{})
	k := &keeper{r: r, oldest: 1, next: 1, cursor: 1}
	var gone []uint64
	for range 80 {
		switch dice.IntN(10) {
		case 0, 1:
			k.next += dice.Uint64N(6)
		case 2: // its ring was full
			for n := dice.Uint64N(3); n > 0 && k.oldest < k.next; n-- {
				gone = append(gone, k.oldest)
				k.oldest++
			}
			k.hello()
		case 3:
			k.hello()
		case 4: // it goes on without HELLO, over another connection
			k.cursor = k.oldest
		case 5, 6, 7:
			k.send(1+dice.Uint64N(8), dice.IntN(4) > 0)
		case 8: // somebody else says that they are lost
			top := r.m.Settled("101", "9f3c02aa").Top
			to := top + 1 + dice.Uint64N(12)
			t.Logf("gap %d to %d", top+1, to)
			r.given(top+1, to)
		case 9:
			switch dice.IntN(3) {
			case 0: // the gateway has forgotten it meanwhile
				t.Log("the gateway forgets")
				r.later(maxPresence)
				r.forgetsAfter(2 * forgetAfter)
			case 1:
				t.Log("the views stand still")
				r.m.freeze()
			case 2:
				t.Log("the views go on")
				r.m.thaw()
			}
		}
	}
	r.m.thaw()
	for range 100 {
		if k.oldest == k.next {
			break
		}
		k.hello()
		k.send(5, true)
	}
	if k.oldest != k.next {
		t.Fatalf("%d to %d are never acknowledged", k.oldest, k.next-1)
	}
	for seq := uint64(1); seq < k.next; seq++ {
		if n := r.stored(seq); n > 1 || n == 0 && !slices.Contains(gone, seq) {
			t.Errorf("SEQ %d is stored %d times", seq, n)
		}
	}
}
