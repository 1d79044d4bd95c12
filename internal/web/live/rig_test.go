package live

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/event"
)

// patience bounds every wait of a test.
const patience = 2 * time.Minute

// book is a log in memory and the pump before it: what was appended stands in
// the log at once, and reaches the feed with hand.
type book struct {
	mu      sync.Mutex
	records [][]vaiven.Entry // record n+1; what the pump dropped is not there
	handed  int
	readErr error
	block   chan struct{} // a reading of the log waits for it, if there is one
}

// Position is the last record.
func (k *book) Position() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return uint64(len(k.records))
}

// History is what the log holds.
func (k *book) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	k.mu.Lock()
	records, err, block := k.records, k.readErr, k.block
	k.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for i := max(int(after.Record), 1) - 1; i < len(records) && err == nil; i++ {
		for _, en := range records[i] {
			if after.Before(en.ID) && err == nil {
				err = fn(en)
			}
		}
	}
	return err
}

// add appends a record; a nil event is one that the pump drops.
func (k *book) add(events ...vaiven.Event) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var entries []vaiven.Entry
	for i, ev := range events {
		if ev != nil {
			entries = append(entries, vaiven.Entry{ID: vaiven.ID{Record: uint64(len(k.records) + 1), Index: uint32(i)}, Event: ev})
		}
	}
	k.records = append(k.records, entries)
}

// hand gives the feed so many records that it has not been given.
func (k *book) hand(f *Feed, n int) {
	for range n {
		k.mu.Lock()
		if k.handed == len(k.records) {
			k.mu.Unlock()
			return
		}
		entries := k.records[k.handed]
		k.handed++
		pos := k.handed
		k.mu.Unlock()
		if len(entries) > 0 {
			_ = f.Apply(uint64(pos), entries)
		}
	}
}

// say appends a record and hands over everything.
func (k *book) say(f *Feed, events ...vaiven.Event) {
	k.add(events...)
	k.hand(f, 1<<30)
}

// ids are the ids of the events behind after that pass the filter.
func (k *book) ids(after vaiven.ID, flt *event.Filter) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := []string{}
	for _, entries := range k.records {
		for _, en := range entries {
			if after.Before(en.ID) && flt.Passes(vaiven.KindOf(en.Event), en.Event.Of()) {
				ids = append(ids, en.ID.String())
			}
		}
	}
	return ids
}

func reading(d vaiven.Device) vaiven.Event {
	return &vaiven.Reading{Device: d, Values: []vaiven.Value{{Name: "TEMP", Num: 24.5}}}
}

// encode is a stand-in for the console's, with a pad to make events large.
func encode(pad string) func([]byte, vaiven.Entry) []byte {
	return func(b []byte, en vaiven.Entry) []byte {
		return fmt.Appendf(b, `{"id":"%s","kind":"%s","device":"%s","pad":"%s"}`, en.ID, vaiven.KindOf(en.Event), en.Event.Of(), pad)
	}
}

// rig is a feed on a real server.
type rig struct {
	*Feed
	book *book
	url  string
	http *http.Client
}

// haste is the time of the deadlines that hasty sets.
const haste = 2 * time.Second

// hasty sets deadlines that are over soon, as a server for short answers does:
// the feed must lift them.
func hasty(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		_ = c.SetReadDeadline(time.Now().Add(haste))
		_ = c.SetWriteDeadline(time.Now().Add(haste))
		next.ServeHTTP(w, r)
	})
}

// failer is what rapid's T and testing's have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func start(t failer, o Options) (r *rig, stop func()) {
	t.Helper()
	r = &rig{book: &book{}}
	o.History = r.book
	if o.Encode == nil {
		o.Encode = encode("")
	}
	if o.Grace == 0 {
		o.Grace = 50 * time.Millisecond
	}
	f, err := New(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	r.Feed = f
	srv := httptest.NewUnstartedServer(hasty(f.Handler()))
	srv.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(128 << 10) // so that a stalled peer is noticed soon
		return ctx
	}
	srv.Start()
	tr := &http.Transport{MaxIdleConnsPerHost: 200}
	r.url, r.http = srv.URL+"/api/v1/live/", &http.Client{Transport: tr}
	return r, func() {
		_ = f.Close()
		tr.CloseIdleConnections()
		srv.Close()
	}
}

// begin is start for a test.
func begin(t *testing.T, o Options) *rig {
	t.Helper()
	r, stop := start(t, o)
	t.Cleanup(stop)
	return r
}

// dialSmall connects with little room for what is not read.
func dialSmall(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err == nil {
		_ = c.(*net.TCPConn).SetReadBuffer(128 << 10) // less than a segment of the loopback takes very long
	}
	return c, err
}

// until polls a condition.
func until(t failer, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// same compares ids.
func same(t failer, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("%s: %d events, want %d; they differ at %d: %v, want %v", what, len(got), len(want), i,
					got[min(i, len(got)):min(i+3, len(got))], want[min(i, len(want)):min(i+3, len(want))])
			}
		}
	}
}
