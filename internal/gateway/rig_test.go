package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/internal/access"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// patience bounds every wait of these tests; it is no measure of speed.
const patience = 2 * time.Minute

// memory is a log that commits when the test says so, and the views of it that
// the gateway asks: what it needs to see a commit that is late, or refused.
type memory struct {
	mu        sync.Mutex
	committed func([]vaiven.Ticket)
	held      bool
	busy      bool
	queue     []vaiven.Ticket
	log       []vaiven.Event // committed
	late      bool           // the views read nothing more: they know what they knew at freeze
	seen      int            // events that they have read then
	every     time.Duration  // between readings, as the views say; 0: not known
	sessions  map[vaiven.Device]vaiven.Session
	twins     *twins       // nil: nothing is wanted
	access    *access.Book // nil: everybody may speak
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

func (m *memory) commit() { m.commitFirst(math.MaxInt) }

// commitFirst commits the first n of what was appended, in one record.
func (m *memory) commitFirst(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n = min(n, len(m.queue))
	tickets := m.queue[:n:n]
	m.queue = m.queue[n:]
	for _, t := range tickets {
		m.log = append(m.log, t.Events...)
	}
	if len(tickets) > 0 {
		m.committed(tickets)
	}
	for _, t := range tickets {
		if m.twins != nil {
			m.twins.apply(t.Events)
		}
		if m.access != nil {
			var entries []vaiven.Entry
			for _, e := range t.Events {
				entries = append(entries, vaiven.Entry{Event: e})
			}
			_ = m.access.Apply(0, entries) // never fails
		}
	}
}

func (m *memory) set(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// freeze makes the views stand still until thaw.
func (m *memory) freeze() {
	m.set(func() { m.seen, m.late = m.read(), true })
}

func (m *memory) thaw() { m.set(func() { m.late = false }) }

// read is how many events the views have read. m.mu is held.
func (m *memory) read() int {
	if m.late {
		return m.seen
	}
	return len(m.log)
}

// settled is what became of each SEQ of a boot, stored or refused true, a gap
// false, and when the newest reading was taken. m.mu is held.
func (m *memory) settled(d vaiven.Device, b vaiven.Boot) (seqs map[uint64]bool, taken int64) {
	seqs = map[uint64]bool{}
	newest := uint64(0)
	for _, e := range m.log[:m.read()] {
		if e.Of() != d {
			continue
		}
		switch e := e.(type) {
		case *vaiven.Reading:
			if e.Boot == b && e.Seq != 0 {
				seqs[e.Seq] = true
			}
			if e.Boot == b && e.Seq > newest {
				newest, taken = e.Seq, e.Measured
			}
		case *vaiven.Refusal:
			if e.Boot == b {
				seqs[e.Seq] = true
			}
		case *vaiven.Gap:
			for s := e.From; e.Boot == b && s <= e.To; s++ {
				if _, there := seqs[s]; !there {
					seqs[s] = false // settled, not stored
				}
			}
		}
	}
	return seqs, taken
}

func (m *memory) Settled(d vaiven.Device, b vaiven.Boot) (s vaiven.Settled) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seqs, taken := m.settled(d, b)
	s.Taken, s.Every = taken, m.every
	for seq, sent := range seqs {
		s.Known, s.Max = true, max(s.Max, seq)
		if sent {
			s.Has = max(s.Has, seq)
		}
	}
	for {
		if _, ok := seqs[s.Top+1]; !ok {
			break
		}
		s.Top++
	}
	return s
}

func (m *memory) Missing(d vaiven.Device, b vaiven.Boot, from uint64) (first, last uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seqs, _ := m.settled(d, b)
	for seq, sent := range seqs {
		if !sent && seq >= from && (first == 0 || seq < first) {
			first = seq
		}
	}
	if first == 0 {
		return 0, 0
	}
	open := func(seq uint64) bool { sent, known := seqs[seq]; return known && !sent }
	for last = first; open(last + 1); last++ {
	}
	for open(first - 1) {
		first--
	}
	return first, last
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

// Session is what the committed events say, after the sessions of before.
func (m *memory) Session(d vaiven.Device) (vaiven.Session, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[d]
	for _, e := range m.log {
		if e.Of() != d {
			continue
		}
		switch e := e.(type) {
		case *vaiven.SessionStart:
			s, ok = vaiven.Session{Device: d, Start: e.At, Readings: e.Readings, Deadline: e.Deadline}, true
		case *vaiven.Reading:
			if !e.Uncounted {
				s.Count++
			}
		case *vaiven.SessionEnd:
			s.Ended, s.Reason = true, e.Reason
		}
	}
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

	opened time.Time
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
	b := &board{r: r, c: c, dead: make(chan error, 1), in: make(chan map[string]any, 1000), opened: time.Now()}
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

// want returns the next message, which has the key; "" means any.
func (b *board) want(key string) map[string]any {
	b.r.t.Helper()
	select {
	case m, ok := <-b.in:
		if !ok {
			b.r.t.Fatalf("want %s: connection over: %v", key, <-b.dead)
		}
		if _, ok := m[key]; !ok && key != "" {
			b.r.t.Fatalf("want %s, got %v", key, m)
		}
		return m
	case <-time.After(patience):
		b.r.t.Fatalf("want %s: nothing came", key)
	}
	return nil
}

// wantAckAmongErrors is wantAck for a board that is also told what was wrong.
func (b *board) wantAckAmongErrors(n int) {
	b.r.t.Helper()
	for {
		if m := b.want(""); m["ACK"] == float64(n) {
			return
		}
	}
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
