package sim_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/internal/sim"
	"vaiven/test/leaks"
	"vaiven/wire"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

var quick = client.Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond}

func start(t *testing.T, o clienttest.Options) *clienttest.Server {
	t.Helper()
	s := clienttest.New(o)
	t.Cleanup(s.Close)
	return s
}

func run(t *testing.T, o sim.Options) sim.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	o.Backoff, o.Seed = quick, 7
	r, err := sim.Run(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// book is what boards were told is on disk.
type book struct {
	mu     sync.Mutex
	values map[string][]vaiven.Value
}

func newBook() *book { return &book{values: make(map[string][]vaiven.Value)} }

func place(d vaiven.Device, b vaiven.Boot, seq uint64) string {
	return fmt.Sprintf("%s %s %d", d, b, seq)
}

func (b *book) note(d vaiven.Device, boot vaiven.Boot, seq uint64, v []vaiven.Value) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.values[place(d, boot, seq)] = v
}

// check proves that each board's readings are on the server, each once, in
// order, and that nothing else was acknowledged.
func (b *book) check(t *testing.T, s *clienttest.Server, r sim.Result, readings int) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range r.Devices {
		got := s.Stored(d.ID, d.Boot)
		if len(got) != readings || d.Outcome != sim.Completed {
			t.Errorf("board %s %v (%v), %d readings stored", d.ID, d.Outcome, d.Err, len(got))
		}
		for i, g := range got {
			noted := b.values[place(d.ID, d.Boot, g.Seq)]
			if g.Seq != uint64(i+1) || len(noted) != 2 || noted[0] != g.Values[0] || noted[1] != g.Values[1] {
				t.Fatalf("stored %+v, acknowledged %v", g, noted)
			}
		}
	}
	if want := readings * len(r.Devices); len(b.values) != want || r.Acked != uint64(want) || r.Sent != uint64(want) {
		t.Errorf("%d acknowledged, %d sent, want %d", r.Acked, r.Sent, want)
	}
}

func TestBoardsAtFullSpeed(t *testing.T) {
	s := start(t, clienttest.Options{})
	acked := newBook()
	var last sim.Progress
	r := run(t, sim.Options{
		URL: s.URL, Devices: 20, Readings: 100, OnAcked: acked.note,
		OnProgress: func(p sim.Progress) { last = p },
	})
	acked.check(t, s, r, 100)
	if r.Latency.Count() != 2000 || r.Latency.Quantile(0.5) > r.Latency.Max() || r.Latency.Max() == 0 {
		t.Errorf("latency of %d readings, max %v", r.Latency.Count(), r.Latency.Max())
	}
	if last.Ended != 20 || last.Acked != 2000 || last.Total != 2000 || last.Sent != 2000 {
		t.Errorf("last progress %+v", last)
	}
	if r.Devices[0].ID != "101" || r.Devices[19].ID != "120" {
		t.Errorf("ids from %s to %s", r.Devices[0].ID, r.Devices[19].ID)
	}
}

func TestAccidentsLoseNothing(t *testing.T) {
	s := start(t, clienttest.Options{})
	acked := newBook()
	r := run(t, sim.Options{
		URL: s.URL, Devices: 5, First: 1, Readings: 200, Loss: 0.03, Drop: 0.03, NaN: 0.05, OnAcked: acked.note,
	})
	acked.check(t, s, r, 200)
	if r.Accidents == 0 || r.Resent == 0 || r.NaN == 0 || r.Connects <= 5 {
		t.Errorf("result %+v", r)
	}
}

func TestOneReadingAMessage(t *testing.T) {
	s := start(t, clienttest.Options{})
	r := run(t, sim.Options{URL: s.URL, Readings: 50, Single: true, Window: 8})
	if r.Messages != 51 { // and HELLO
		t.Errorf("%d messages", r.Messages)
	}
}

func TestNaNIsRefusedAndNoReading(t *testing.T) {
	s := start(t, clienttest.Options{})
	acked := newBook()
	r := run(t, sim.Options{URL: s.URL, Devices: 3, Readings: 60, NaN: 0.3, OnAcked: acked.note})
	acked.check(t, s, r, 60)
	var rejected uint64
	for _, n := range r.Rejected {
		rejected += n
	}
	if r.NaN == 0 || rejected != r.NaN {
		t.Errorf("%d nan, %v rejected", r.NaN, r.Rejected)
	}
}

func TestCourseBoards(t *testing.T) {
	s := start(t, clienttest.Options{Refuse: func(r *http.Request) int {
		if r.Header.Get("Origin") != "file://" || r.Header.Get("Sec-WebSocket-Protocol") != "arduino" {
			return http.StatusForbidden
		}
		return 0
	}})
	r := run(t, sim.Options{URL: s.URL, Devices: 4, Readings: 25, Course: true})
	if len(s.Course()) != 100 || r.Sent != 100 || r.Acked != 0 || len(s.Hellos()) != 0 {
		t.Errorf("%d stored, result %+v", len(s.Course()), r)
	}
	for _, d := range r.Devices {
		if d.Outcome != sim.Completed || d.Boot != "" || d.Sent != 25 {
			t.Errorf("board %+v", d)
		}
	}
}

func TestFinishedBoardsEndCleanly(t *testing.T) {
	bye := func(c *clienttest.Conn, it *wire.Item) bool {
		if it.Seq == 6 {
			c.Bye("5 readings received", 0, 1000)
		}
		return it.Seq > 5
	}
	s := start(t, clienttest.Options{Intercept: bye})
	r := run(t, sim.Options{URL: s.URL, Devices: 3, Single: true})
	for _, d := range r.Devices {
		if d.Outcome != sim.Finished || !strings.Contains(d.Err.Error(), "5 readings received") || d.Acked > 5 {
			t.Errorf("board %+v", d)
		}
	}
	if r.Failed() != 0 {
		t.Errorf("%d failed", r.Failed())
	}
}

func TestBoardsThatWereFinishedBefore(t *testing.T) {
	s := start(t, clienttest.Options{Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
		if it.Kind == wire.Hello {
			c.Bye("50 readings received", 0, 1000)
		}
		return true
	}})
	r := run(t, sim.Options{URL: s.URL, Devices: 3, Readings: 10})
	for _, d := range r.Devices {
		if d.Outcome != sim.Finished {
			t.Errorf("board %+v", d)
		}
	}
}

func TestAWrongAddressIsTold(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	_, err = sim.Run(t.Context(), sim.Options{URL: "ws://" + ln.Addr().String(), Devices: 3})
	if err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("error %v", err)
	}
}

func TestWrongOptionsAreTold(t *testing.T) {
	for _, o := range []sim.Options{
		{}, {URL: "ws://localhost", Loss: 1.5}, {URL: "ws://localhost", NaN: -1},
		{URL: "ws://localhost", Course: true, Loss: 0.1}, {URL: "ws://localhost", Interval: -1},
		{URL: "ws://localhost", Local: 2}, {URL: "ws://localhost", Lag: -1}, {URL: "ws://localhost", States: []string{"led"}},
		{URL: "ws://localhost", States: []string{"LED", "LED"}},
	} {
		if _, err := sim.Run(t.Context(), o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

func TestTheContextEndsEverything(t *testing.T) {
	s := start(t, clienttest.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := sim.Run(ctx, sim.Options{
		URL: s.URL, Devices: 3,
		OnAcked: func(_ vaiven.Device, _ vaiven.Boot, seq uint64, _ []vaiven.Value) {
			if seq == 500 {
				cancel()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range r.Devices {
		if d.Outcome != sim.Stopped {
			t.Errorf("board %+v", d)
		}
		if n := len(s.Stored(d.ID, d.Boot)); uint64(n) != d.Acked || d.Acked != d.Sent {
			t.Errorf("board %s: sent %d, acknowledged %d, stored %d", d.ID, d.Sent, d.Acked, n)
		}
	}
}

func TestTheLEDDoesWhatTheServerWants(t *testing.T) {
	on := vaiven.Value{Name: "LED", Num: 1}
	s := start(t, clienttest.Options{Welcome: clienttest.Want(7, on)})
	var mu sync.Mutex
	switched := make(map[vaiven.Device]float64)
	run(t, sim.Options{
		URL: s.URL, Devices: 3, Readings: 20,
		OnState: func(d vaiven.Device, states []vaiven.Value) {
			mu.Lock()
			defer mu.Unlock()
			switched[d] = states[0].Num
		},
	})
	if len(switched) != 3 || switched["102"] != 1 {
		t.Errorf("switched %v", switched)
	}
	reported := make(map[vaiven.Device]bool)
	for _, r := range append(s.Reports(), s.Hellos()...) {
		if r.Rev == 7 && len(r.States) == 1 && r.States[0] == on {
			reported[r.Device] = true
		}
	}
	if len(reported) != 3 {
		t.Errorf("reported by %v", reported)
	}
}

// TestInterval lets two minutes of a classroom pass.
func TestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := clienttest.NewPipe()
		s := clienttest.New(clienttest.Options{Listener: pipe})
		defer s.Close()
		r, err := sim.Run(t.Context(), sim.Options{
			URL: "ws://vaiven.test", NetDial: pipe.Dial, Devices: 5, Readings: 10, Interval: 5 * time.Second, Seed: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if r.Elapsed < 45*time.Second || r.Elapsed > 51*time.Second || r.Acked != 50 {
			t.Errorf("%d readings in %v", r.Acked, r.Elapsed)
		}
	})
}

func TestAFleet(t *testing.T) {
	s := start(t, clienttest.Options{})
	acked := newBook()
	r := run(t, sim.Options{URL: s.URL, Devices: 300, Readings: 5, OnAcked: acked.note, ConnectRate: -1})
	acked.check(t, s, r, 5)
}

// TestTokens: each board has its own, and is given one if it has none.
func TestTokens(t *testing.T) {
	g := clienttest.NewGate()
	s := start(t, clienttest.Options{Intercept: g.Intercept})
	token := clienttest.NewToken()
	g.Give("101", token, true)
	g.Retry = time.Millisecond
	var given sync.Map // whoever hears HELLO twice may give twice
	r := run(t, sim.Options{
		URL: s.URL, Devices: 2, Readings: 20, Tokens: map[vaiven.Device]string{"101": token},
		OnToken:  func(d vaiven.Device, token string) { given.Store(string(d)+" "+token, true) },
		OnBarred: func(d vaiven.Device, _ vaiven.Code) { g.Approve(d) },
	})
	for _, d := range r.Devices {
		if d.Outcome != sim.Completed {
			t.Errorf("board %s: %v", d.ID, d.Err)
		}
	}
	if _, proofs := g.Token("101"); proofs == 0 {
		t.Error("101 proved nothing")
	}
	got, _ := g.Token("102")
	told := 0
	given.Range(func(text, _ any) bool {
		told++
		return text == "102 "+got
	})
	if told != 1 {
		t.Error("102 was given another token than it told of")
	}
}

// TestBoardsWaitTogether: the second comes to wait though the first is not let in.
func TestBoardsWaitTogether(t *testing.T) {
	g := clienttest.NewGate()
	s := start(t, clienttest.Options{Intercept: g.Intercept})
	g.Retry = time.Millisecond
	r := run(t, sim.Options{URL: s.URL, Devices: 2, Readings: 2, OnBarred: func(d vaiven.Device, _ vaiven.Code) {
		if d == "102" {
			g.Approve("102")
			g.Approve("101")
		}
	}})
	for _, d := range r.Devices {
		if d.Outcome != sim.Completed {
			t.Errorf("board %s: %v", d.ID, d.Err)
		}
	}
}
