package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"vaiven"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests; it is no measure of speed.
const patience = 20 * time.Second

// memory is a log that commits when the test says so, and the views of it that
// the gateway asks: what it needs to see a commit that is late, or refused.
type memory struct {
	mu        sync.Mutex
	committed func([]vaiven.Ticket)
	held      bool
	busy      bool
	queue     []vaiven.Ticket
	log       []vaiven.Event // committed
	sessions  map[vaiven.Device]vaiven.Session
}

func (m *memory) Append(_ context.Context, events []vaiven.Event, owner any) error {
	m.mu.Lock()
	if m.busy {
		m.mu.Unlock()
		return &vaiven.Error{Code: vaiven.CodeBusy, Retry: time.Second, At: -1}
	}
	m.queue = append(m.queue, vaiven.Ticket{Events: events, Owner: owner})
	held := m.held
	m.mu.Unlock()
	if !held {
		m.commit()
	}
	return nil
}

func (m *memory) commit() {
	m.mu.Lock()
	defer m.mu.Unlock()
	tickets := m.queue
	m.queue = nil
	for _, t := range tickets {
		m.log = append(m.log, t.Events...)
	}
	if len(tickets) > 0 {
		m.committed(tickets)
	}
}

func (m *memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *memory) Top(d vaiven.Device, b vaiven.Boot) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	var top uint64
	for _, e := range m.log {
		switch e := e.(type) {
		case *vaiven.Reading:
			if e.Device == d && e.Boot == b && e.Seq == top+1 {
				top++
			}
		case *vaiven.Refusal:
			if e.Device == d && e.Boot == b && e.Seq == top+1 {
				top++
			}
		case *vaiven.Gap:
			if e.Device == d && e.Boot == b && e.From == top+1 {
				top = e.To
			}
		}
	}
	return top
}

func (m *memory) Repeat(d vaiven.Device, b vaiven.Boot, seq uint64, values []vaiven.Value) (same, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.log {
		if r, ok := e.(*vaiven.Reading); ok && r.Device == d && r.Boot == b && r.Seq == seq {
			return slices.Equal(r.Values, values), true
		}
	}
	return false, false
}

func (m *memory) Session(d vaiven.Device) (vaiven.Session, bool) {
	s, ok := m.sessions[d]
	return s, ok
}

// events returns the committed events of one type.
func events[T vaiven.Event](m *memory) []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []T
	for _, e := range m.log {
		if t, ok := e.(T); ok {
			out = append(out, t)
		}
	}
	return out
}

// rig is a gateway on a real socket.
type rig struct {
	t       *testing.T
	g       *Gateway
	m       *memory
	url     string
	mu      sync.Mutex
	notices []Notice
}

func start(t *testing.T, limit Limit, edit ...func(*Options)) *rig {
	t.Helper()
	r := &rig{t: t, m: &memory{}}
	rules := vaiven.DefaultRules()
	o := Options{
		Log: r.m, Settled: r.m, Sessions: r.m, Rules: rules, Limit: limit,
		Stamp: func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli(), Synced: true} },
		Notice: func(n Notice) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.notices = append(r.notices, n)
		},
	}
	for _, f := range edit {
		f(&o)
	}
	r.g = New(o)
	r.m.committed = r.g.Committed
	srv := httptest.NewServer(r.g)
	r.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = r.g.Run(ctx) }()
	t.Cleanup(func() {
		stop, cancelStop := context.WithTimeout(context.Background(), patience)
		defer cancelStop()
		r.g.Shutdown(stop)
		cancel()
		<-done
		srv.Close()
	})
	return r
}

// until waits for cond; the event that it waits for comes or the test fails.
func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for !cond() {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: did not come", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// board is a foreign client (coder/websocket).
type board struct {
	r    *rig
	c    *websocket.Conn
	dead chan error
	in   chan map[string]any
}

func (r *rig) dial(header ...string) *board {
	r.t.Helper()
	h := http.Header{"Origin": {"file://"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, r.url, &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{"arduino"}})
	if err != nil {
		r.t.Fatalf("dial: %v", err)
	}
	b := &board{r: r, c: c, dead: make(chan error, 1), in: make(chan map[string]any, 1000)}
	go b.read()
	r.t.Cleanup(func() { _ = c.CloseNow() })
	return b
}

func (b *board) read() {
	for {
		_, p, err := b.c.Read(context.Background())
		if err != nil {
			b.dead <- err
			close(b.in)
			return
		}
		var m map[string]any
		if err := json.Unmarshal(p, &m); err != nil {
			b.dead <- fmt.Errorf("server sent %q: %w", p, err)
			return
		}
		b.in <- m
	}
}

func (b *board) send(format string, args ...any) {
	b.r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		b.r.t.Fatalf("send: %v", err)
	}
}

// want returns the next message, which has the key.
func (b *board) want(key string) map[string]any {
	b.r.t.Helper()
	select {
	case m, ok := <-b.in:
		if !ok {
			b.r.t.Fatalf("want %s: connection over: %v", key, <-b.dead)
		}
		if _, ok := m[key]; !ok {
			b.r.t.Fatalf("want %s, got %v", key, m)
		}
		return m
	case <-time.After(patience):
		b.r.t.Fatalf("want %s: nothing came", key)
	}
	return nil
}

// next returns the next n messages.
func (b *board) next(n int) (all []map[string]any) {
	b.r.t.Helper()
	for range n {
		all = append(all, b.want("IDDEVICE"))
	}
	return all
}

// wantAck waits for the acknowledgement of n; coalesced ones may come before.
func (b *board) wantAck(n int) {
	b.r.t.Helper()
	for {
		m := b.want("ACK")
		switch got := int(m["ACK"].(float64)); {
		case got == n:
			return
		case got > n:
			b.r.t.Fatalf("ACK %d, want %d", got, n)
		}
	}
}

func (b *board) wantClose(code websocket.StatusCode) string {
	b.r.t.Helper()
	for {
		select {
		case <-b.in:
		case err := <-b.dead:
			var ce websocket.CloseError
			if !errors.As(err, &ce) || ce.Code != code {
				b.r.t.Fatalf("closed with %v, want %d", err, code)
			}
			return ce.Reason
		case <-time.After(patience):
			b.r.t.Fatalf("not closed, want %d", code)
		}
	}
}

const reading = `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"AGE":0,"TEMP":%d,"HUM":61}`

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

func TestSessionTakesExactlyN(t *testing.T) {
	r := start(t, Limit{Readings: 5})
	b := r.dial()
	b.send(`[{"IDDEVICE":7,"TEMP":1},{"IDDEVICE":7,"TEMP":2},{"IDDEVICE":7,"TEMP":3},{"IDDEVICE":7,"TEMP":4},{"IDDEVICE":7,"TEMP":5},{"IDDEVICE":7,"TEMP":6}]`)
	if m := b.want("BYE"); m["RETRY"] != 0.0 || m["BYE"] != "5 readings received" {
		t.Errorf("BYE %v", m)
	}
	if why := b.wantClose(websocket.StatusNormalClosure); why != "5 readings received" {
		t.Errorf("reason %q", why)
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 5 {
		t.Errorf("%d readings, want 5", got)
	}
	if ends := events[*vaiven.SessionEnd](r.m); len(ends) != 1 || ends[0].Count != 5 || ends[0].Device != "007" {
		t.Errorf("ends %+v", ends)
	}
	again := r.dial()
	again.send(`{"IDDEVICE":7,"TEMP":9}`)
	again.want("BYE")
	again.wantClose(websocket.StatusNormalClosure)
	r.until("a notice", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return len(r.notices) == 1 })
	if err := r.g.NewSession(t.Context(), "007"); err != nil {
		t.Fatal(err)
	}
	third := r.dial()
	third.send(`{"IDDEVICE":7,"TEMP":9}`)
	r.until("a sixth reading", func() bool { return len(events[*vaiven.Reading](r.m)) == 6 })
}

func TestSessionEndsInTime(t *testing.T) {
	r := start(t, Limit{For: 300 * time.Millisecond})
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":1}`)
	if m := b.want("BYE"); m["BYE"] != "300ms elapsed" {
		t.Errorf("BYE %v", m)
	}
	b.wantClose(websocket.StatusNormalClosure)
	if ends := events[*vaiven.SessionEnd](r.m); len(ends) != 1 || ends[0].Reason != vaiven.EndElapsed {
		t.Errorf("ends %+v", ends)
	}
}

func TestSessionSurvivesRestart(t *testing.T) {
	r := start(t, Limit{Readings: 3}, func(o *Options) {
		o.Sessions.(*memory).sessions = map[vaiven.Device]vaiven.Session{
			"101": {Device: "101", Readings: 3, Count: 2},
			"102": {Device: "102", Readings: 3, Count: 3, Ended: true, Reason: vaiven.EndReadings},
		}
	})
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":1}`)
	b.want("BYE")
	c := r.dial()
	c.send(`{"IDDEVICE":102,"TEMP":1}`)
	c.want("BYE")
	c.wantClose(websocket.StatusNormalClosure)
	if got := len(events[*vaiven.Reading](r.m)); got != 1 {
		t.Errorf("%d readings, want 1", got)
	}
}

func TestConcentratorEndsWithItsLastDevice(t *testing.T) {
	r := start(t, Limit{Readings: 2})
	b := r.dial()
	b.send(`[{"IDDEVICE":1,"TEMP":1},{"IDDEVICE":2,"TEMP":1},{"IDDEVICE":1,"TEMP":2}]`)
	r.until("one end", func() bool { return len(events[*vaiven.SessionEnd](r.m)) == 1 })
	b.send(`[{"IDDEVICE":1,"TEMP":3},{"IDDEVICE":2,"TEMP":2}]`)
	b.want("BYE")
	b.wantClose(websocket.StatusNormalClosure)
	if got := len(events[*vaiven.Reading](r.m)); got != 4 {
		t.Errorf("%d readings, want 4", got)
	}
}

func TestSameBootTakesOver(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(reading, 1, 20)
	a.wantAck(1)
	b := r.dial()
	b.send(reading, 2, 20)
	b.wantAck(2)
	a.wantClose(4409)
}

func TestTwoBoardsUnderOneID(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(`{"IDDEVICE":101,"TEMP":20}`)
	r.until("the first", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":30}`)
	if m := b.want("CODE"); m["CODE"] != "device_in_use" || m["RETRY"] == nil {
		t.Errorf("newcomer is told %v", m)
	}
	r.until("a conflict", func() bool { return len(events[*vaiven.Conflict](r.m)) == 1 })
	if c := events[*vaiven.Conflict](r.m)[0]; len(c.Remotes) != 2 || c.Remotes[0] == c.Remotes[1] {
		t.Errorf("addresses %v", c.Remotes)
	}
	a.send(`{"IDDEVICE":101,"TEMP":21}`)
	r.until("the first goes on", func() bool { return len(events[*vaiven.Reading](r.m)) == 2 })
}

func TestLimitsSayWhy(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) { o.MaxDevices, o.MaxConnections = 2, 1 })
	b := r.dial()
	b.send(`[{"IDDEVICE":1,"TEMP":1},{"IDDEVICE":2,"TEMP":1},{"IDDEVICE":3,"TEMP":1}]`)
	if m := b.want("CODE"); m["CODE"] != "too_many_devices" {
		t.Errorf("third device: %v", m)
	}
	resp, err := http.Get("http" + strings.TrimPrefix(r.url, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("second connection: %s", resp.Status)
	}
	if got := r.g.Stats().RefusedConnections.Load(); got != 1 {
		t.Errorf("%d refusals counted", got)
	}
}

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

func TestShutdownSaysGoodbyeAfterTheAcks(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.m.set(func() { r.m.held = true })
	b.send(reading, 2, 20)
	b.send("hola")
	b.send("hola")
	r.until("queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 2 })
	for range 2 {
		b.want("ERROR")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.g.Shutdown(ctx)
	}()
	r.until("draining", r.g.draining.Load)
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.wantAck(2)
	if m := b.want("BYE"); m["RETRY"].(float64) < 1000 {
		t.Errorf("BYE %v", m)
	}
	b.wantClose(websocket.StatusGoingAway)
	<-done
	if got := events[*vaiven.Rejected](r.m); len(got) != 2 || got[1].Count != 1 {
		t.Errorf("rejected input counted to the end: %+v", got)
	}
}
