package gateway

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/limit"
)

// knownLog says which devices the rig's log knows.
type knownLog struct {
	*memory
	read  int // events of the log; as the devices it belongs to memory.mu
	known map[vaiven.Device]bool
}

func (k *knownLog) Known(d vaiven.Device) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range k.log[k.read:] {
		if !vaiven.Refuses(e) && e.Of() != "" {
			k.known[e.Of()] = true
		}
	}
	k.read = len(k.log)
	return k.known[d]
}

func (k *knownLog) Unverified() int {
	k.Known("")
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.known)
}

// bounded starts a gateway that asks its log which devices there are.
func bounded(t *testing.T, b Bounds, edit ...func(*Options)) *rig {
	t.Helper()
	return start(t, Limit{}, append(edit, func(o *Options) {
		o.Bounds, o.Devices = b, &knownLog{memory: o.Log.(*memory), known: map[vaiven.Device]bool{}}
	})...)
}

// approving is a class in which a person let one device in.
type approving struct {
	everybody
	device vaiven.Device
}

func (a approving) Standing(d vaiven.Device) vaiven.Standing {
	return vaiven.Standing{Approved: d == a.device}
}

// approve makes d approved, and bounds nothing else that a gateway without Access does not.
func approve(o *Options, d vaiven.Device) { o.Access, o.MaxUnproven = approving{device: d}, 256 }

func host(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), 0)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMadeUpIDsLeaveNothing: of 300,000 ids that strangers make up as many are taken in as
// may be, and the rest costs no memory and keeps nobody out who is known or approved. The
// race detector, under which each costs ten times as much, sees a tenth of them.
func TestMadeUpIDsLeaveNothing(t *testing.T) {
	const room, each = 100, 250
	ids := 300_000
	if underRace {
		ids /= 10
	}
	r := bounded(t, Bounds{Unverified: room}, func(o *Options) {
		approve(o, "900")
	})
	var message strings.Builder
	flood := func(from, to int) {
		for i := from; i < to; i += each {
			message.Reset()
			for j := i; j < i+each; j++ {
				fmt.Fprintf(&message, `,{"IDDEVICE":"x%d","TEMP":1}`, j)
			}
			_, _ = r.tryPost(t.Context(), host(i/each%7), "[%s]", message.String()[1:])
		}
	}
	flood(0, ids/10)
	before := heap()
	flood(ids/10, ids)
	if grown := int64(heap()) - int64(before); grown > 2<<20 {
		t.Errorf("%d ids more cost %d bytes", ids-ids/10, grown)
	}
	if n := r.g.o.Devices.Unverified(); n != room {
		t.Errorf("the log took %d devices in, want %d", n, room)
	}
	if n := r.known(); n > room+maxUntaken {
		t.Errorf("%d devices are remembered", n)
	}
	full := r.g.Full()
	if full == nil || full.Got != "100 from 198.51.0.0" {
		t.Errorf("full: %+v", full)
	}
	for id, want := range map[string]string{"900": "", "x7": "", "901": "not_approved"} {
		from := host(1000)
		if id == "x7" {
			from = host(0) // it came from there, and is still held from there
		}
		a := r.post(from, `{"IDDEVICE":%q,"TEMP":2}`, id)
		if got := refusalCode(a); got != want {
			t.Errorf("%s: %q, want %q (%v)", id, got, want, a.messages)
		}
	}
	for _, e := range events[*vaiven.Rejected](r.m) {
		if e.Device != "" && e.Device != "901" {
			t.Fatalf("the log has the made-up id %s", e.Device)
		}
	}
}

func refusalCode(a answer) string {
	if a.Refusal == nil {
		return ""
	}
	return string(a.Refusal.Code)
}

// TestAnAddressBringsNoMoreThanItMay: others are let in meanwhile.
func TestAnAddressBringsNoMoreThanItMay(t *testing.T) {
	r := bounded(t, Bounds{Newcomers: limit.Rate{PerSecond: 1e-6, Burst: 2}})
	for i, want := range []string{"", "", "too_fast", "too_fast"} {
		a := r.post(host(1), `{"IDDEVICE":%d,"TEMP":1}`, i)
		if got := refusalCode(a); got != want {
			t.Errorf("id %d: %q, want %q", i, got, want)
		}
	}
	if a := r.post(host(2), `{"IDDEVICE":5,"TEMP":1}`); a.Refusal != nil {
		t.Errorf("another address: %v", a.Refusal)
	}
	if a := r.post(host(1), `{"IDDEVICE":1,"TEMP":2}`); a.Refusal != nil {
		t.Errorf("one that is known: %v", a.Refusal)
	}
}

// TestABoardOutlivesItsForgottenDevice: a device of which nothing was taken is
// forgotten for the sake of others, and its board goes on with its next message.
func TestABoardOutlivesItsForgottenDevice(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":3,"TEMP":1}`) // ahead: not answered
	r.until("its device", func() bool { return r.known() == 1 })
	d := r.g.lockDevice("101", false)
	d.mu.Unlock()
	for i := 0; i < maxUntaken+250; i += 250 {
		var m strings.Builder
		for j := i; j < i+250; j++ {
			fmt.Fprintf(&m, `,{"IDDEVICE":"x%d","BOOT":"9f3c02aa","SEQ":3,"TEMP":1}`, j)
		}
		r.post(host(1), "[%s]", m.String()[1:])
	}
	d.mu.Lock()
	gone := d.gone
	d.mu.Unlock()
	if !gone || r.known() > maxUntaken {
		t.Fatalf("gone %v, %d devices are remembered", gone, r.known())
	}
	b.send(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":1}`)
	b.wantAck(1)
}

// TestADayIsUsedUp: what comes then is refused for now, says so, and is neither stored
// nor acknowledged; another device and another address go on.
func TestADayIsUsedUp(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) {
		o.Bounds.Day = 1000
		approve(o, "900")
	})
	send := func(from, id int) (taken int, a answer) {
		for taken = range 1000 {
			if a = r.post(host(from), `{"IDDEVICE":%d,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":1}`, id, taken+1); a.Refusal != nil {
				break
			}
		}
		return taken, a
	}
	n, a := send(1, 101)
	if n < 8 || n > 12 || refusalCode(a) != "too_fast" || a.Refusal.Retry <= 0 || !strings.Contains(fmt.Sprint(a.messages), "in a day") {
		t.Errorf("%d readings taken, then %v", n, a.messages)
	}
	for id := 102; id < 109; id++ { // 8 devices' worth is an address's
		if m, _ := send(1, id); m != n {
			t.Errorf("%d: %d readings, want %d as of 101", id, m, n)
		}
	}
	if m, _ := send(1, 109); m >= n {
		t.Errorf("an address goes on after its day: %d readings", m)
	}
	if m, _ := send(1, 900); m < n { // what is approved counts for itself alone
		t.Errorf("an approved device has %d readings, want %d", m, n)
	}
	if m, _ := send(2, 110); m != n {
		t.Errorf("another address: %d readings, want %d", m, n)
	}
	if got := r.g.Stats().OverDay.Load(); got == 0 {
		t.Error("not counted")
	}
	for _, x := range events[*vaiven.Rejected](r.m) {
		if x.Code != vaiven.CodeTooFast {
			t.Errorf("rejected %+v", x)
		}
	}
}

// TestADayOfAllIsUsedUp: it is for who is not approved.
func TestADayOfAllIsUsedUp(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) {
		o.Bounds.DayInAll = 1000
		approve(o, "900")
	})
	refused := 0
	for i := range 20 {
		if a := r.post(host(i), `{"IDDEVICE":%d,"TEMP":1}`, i); a.Refusal != nil {
			refused++
		}
	}
	if refused < 10 || refused > 15 {
		t.Errorf("%d of 20 refused", refused)
	}
	if a := r.post(host(1), `{"IDDEVICE":900,"TEMP":1}`); a.Refusal != nil {
		t.Errorf("approved, and refused: %v", a.Refusal)
	}
}

// TestWhoSendsTooMuchIsReadLater: nothing of it is refused, or lost.
func TestWhoSendsTooMuchIsReadLater(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) { o.Bounds.Connection = limit.Rate{PerSecond: 2000, Burst: 200} })
	b := r.dial()
	for seq := 1; seq <= 10; seq++ {
		b.send(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":1}`, seq)
	}
	b.wantAck(10)
	if r.g.Stats().Paused.Load() == 0 {
		t.Error("it was never made to wait")
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 10 {
		t.Errorf("%d readings", got)
	}
}

// TestASlowSenderWaitsForNoOtherOfItsAddress: a large message of an address that sent too
// much waits, a small one does not.
func TestASlowSenderWaitsForNoOtherOfItsAddress(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) { o.Bounds.Address = limit.Rate{PerSecond: 1e4, Burst: 1} })
	long := strings.Repeat(" ", 3000)
	r.post(host(1), `{"IDDEVICE":101,"TEMP":1}%s`, long)
	before := r.g.Stats().Paused.Load()
	r.post(host(1), `{"IDDEVICE":102,"TEMP":1}`)
	if before != 1 || r.g.Stats().Paused.Load() != 1 {
		t.Errorf("%d and %d pauses, want the large one's alone", before, r.g.Stats().Paused.Load())
	}
}

// TestAFloodIsNotInFrontOfTheOthers: while the disk stands still, a device that sends ever
// more has its share of what waits, and another's reading goes in at once.
func TestAFloodIsNotInFrontOfTheOthers(t *testing.T) {
	r := start(t, Limit{})
	r.m.set(func() { r.m.held = true })
	flood, honest := r.dial(), r.dial()
	const all = 20 * 1024
	for range all / 1024 {
		flood.send("[%s]", strings.Repeat(`{"IDDEVICE":1,"TEMP":1},`, 1023)+`{"IDDEVICE":1,"TEMP":1}`)
	}
	r.until("a wait for its share", func() bool { return r.g.Stats().Crowded.Load() > 0 })
	honest.send(`{"IDDEVICE":2,"BOOT":"9f3c02aa","SEQ":1,"TEMP":1}`)
	r.until("the other's reading in the queue", func() bool {
		r.m.mu.Lock()
		defer r.m.mu.Unlock()
		ours, theirs := 0, 0
		for _, t := range r.m.queue {
			switch t.Events[0].Of() {
			case "001":
				theirs += len(t.Events)
			case "002":
				ours++
			}
		}
		if theirs >= all {
			r.t.Fatal("the flood is in the queue as a whole")
		}
		return ours == 1
	})
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	honest.wantAck(1)
	r.until("all of the flood", func() bool { return r.g.Stats().Readings.Load() == all+1 })
	r.until("an empty queue", func() bool { return r.g.crowd.devices.Load() == 0 && r.g.pending.Load() == 0 })
}

func TestBudgetsAreBounded(t *testing.T) {
	b := budgets{bounds: Bounds{}.withDefaults()}
	for i := range maxBudgets + 1000 {
		b.spendBytes(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1, 0)
	}
	if len(b.of) != maxBudgets+1 {
		t.Errorf("%d addresses under count", len(b.of))
	}
	b.spendBytes(netip.MustParseAddr("192.0.2.1"), 1, time.Hour)
	if len(b.of) > 2 {
		t.Errorf("%d addresses under count, an hour after the others", len(b.of))
	}
	if b.spendBytes(netip.MustParseAddr("127.0.0.1"), 1<<40, 0) != 0 {
		t.Error("loopback is bounded")
	}
}
