package live

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/internal/event"
)

// ended reads a line to its end, and checks what was said last: why, and where
// to resume.
func ended(t *testing.T, tr Transport, l line, why Reason, id string) (events []string) {
	t.Helper()
	var last message
	for {
		m, err := l.next()
		var ce websocket.CloseError
		switch {
		case errors.As(err, &ce):
			text := map[Reason]string{TooSlow: "too slow", Shutdown: "shutting down", Busy: "busy", Failed: "the log cannot be read"}[why]
			code := map[Reason]websocket.StatusCode{TooSlow: 1013, Shutdown: 1001, Busy: 1013, Failed: 1011}[why]
			if ce.Code != code || ce.Reason != text+": resume after "+id {
				t.Errorf("%s: %v, want %d %q after %s", tr, ce, code, text, id)
			}
			return events
		case err != nil:
			if want := fmt.Sprintf(`{"kind":"bye","reason":"%s","id":"%s"}`, why, id); !errors.Is(err, io.EOF) || last.raw != want && last.raw != want+"\n" {
				t.Errorf("%s: last %q, %v, want %s", tr, last.raw, err, want)
			}
			return events
		}
		if last = m; m.kind != "position" && m.kind != "bye" {
			events = append(events, m.id)
		}
	}
}

func TestCloseTellsEverybody(t *testing.T) {
	r := begin(t, Options{})
	for range 3 {
		r.book.say(r.Feed, reading("101"))
	}
	lines := map[Transport]line{}
	for _, tr := range []Transport{WebSocket, SSE, NDJSON} {
		lines[tr] = r.now(t, tr, "")
		defer lines[tr].cut()
	}
	polled := make(chan error, 1)
	go func() {
		l, _ := r.connect(Poll, "3.0", "wait=60s")
		defer l.cut()
		m, err := l.next()
		if m.id != "3.0" || m.kind != "position" {
			err = fmt.Errorf("%v: %w", m, err)
		}
		polled <- err
	}()
	until(t, "all follow", func() bool { _, n := r.followers(); return n == 4 })
	for range 3 {
		stall(t, r) // these are told nothing, and hold up nothing
	}
	until(t, "stalled ones too", func() bool { _, n := r.followers(); return n == 7 })
	if err := errors.Join(r.Close(), <-polled); err != nil {
		t.Error(err)
	}
	if _, n := r.followers(); n != 0 {
		t.Errorf("%d left behind", n)
	}
	for tr, l := range lines {
		ended(t, tr, l, Shutdown, "3.0")
	}
	problemOf(t, r.ask(SSE, "", ""), 503)
}

// stall follows over every transport that streams, and reads nothing.
func stall(t *testing.T, r *rig) {
	t.Helper()
	addr := strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), Prefix)
	c, err := dialSmall(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	ask(t, c, []Transport{WebSocket, SSE, NDJSON}[rand.IntN(3)], "")
}

// ask sends a request as plain bytes.
func ask(t *testing.T, c net.Conn, tr Transport, after string) {
	t.Helper()
	upgrade := ""
	if tr == WebSocket {
		upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	}
	if _, err := fmt.Fprintf(c, "GET %s%s?after=%s HTTP/1.1\r\nHost: x\r\n%s\r\n", Prefix, tr, after, upgrade); err != nil {
		t.Fatal(err)
	}
}

// One that does not read is dropped, the others get everything, and it can
// resume: a WebSocket knows where, the others after what they got.
func TestSlowFollowerIsDropped(t *testing.T) {
	each(t, func(t *testing.T, tr Transport) {
		t.Parallel()
		if tr == Poll {
			return // its answer is bounded, and small: see TestPollThatIsNotRead
		}
		r := begin(t, Options{WriteTimeout: 2 * time.Second, Encode: encode(strings.Repeat("x", 16<<10))})
		lazy := *r
		small := &http.Transport{DialContext: dialSmall}
		defer small.CloseIdleConnections()
		lazy.http = &http.Client{Transport: small}
		slow, err := lazy.connect(tr, "0", "")
		if err != nil {
			t.Fatal(err)
		}
		defer slow.cut()
		var quick []line
		for other := range transports {
			l := r.now(t, other, "")
			defer l.cut()
			quick = append(quick, l)
		}
		var all sync.WaitGroup
		got := make([][]string, len(quick))
		for i, l := range quick {
			all.Go(func() { got[i] = collect(t, l, 200) })
		}
		for range 200 {
			r.book.say(r.Feed, reading("101"))
		}
		all.Wait()
		want := r.book.ids(vaiven.ID{}, &event.Filter{})
		for _, ids := range got {
			same(t, "quick", ids, want)
		}
		until(t, "dropped", func() bool { return r.Stats().Ended["too_slow"] == 1 })
		resume(t, r, tr, slow, want)
	})
}

// resume reads what a dropped follower was sent, and follows on.
func resume(t *testing.T, r *rig, tr Transport, slow line, want []string) {
	t.Helper()
	var had []string
	for {
		m, err := slow.next()
		var ce websocket.CloseError
		if tr == WebSocket && !errors.As(err, &ce) && err != nil {
			t.Fatal(err)
		}
		if err != nil {
			if tr == WebSocket && (ce.Code != websocket.StatusTryAgainLater || ce.Reason != "too slow: resume after "+had[len(had)-1]) {
				t.Errorf("%v after %s", ce, had[len(had)-1])
			}
			break
		}
		if m.kind != "position" {
			had = append(had, m.id)
		}
	}
	if len(had) == 0 || len(had) == len(want) {
		t.Fatalf("%d of %d events before the end", len(had), len(want))
	}
	again, err := r.connect(tr, had[len(had)-1], "")
	if err != nil {
		t.Fatal(err)
	}
	defer again.cut()
	same(t, "resumed", append(had, collect(t, again, len(want)-len(had))...), want)
}

func TestPollThatIsNotRead(t *testing.T) {
	r := begin(t, Options{WriteTimeout: 50 * time.Millisecond, Encode: encode(strings.Repeat("x", 4<<20))})
	r.book.say(r.Feed, reading("101"))
	addr := strings.TrimSuffix(strings.TrimPrefix(r.url, "http://"), Prefix)
	c, err := dialSmall(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	ask(t, c, Poll, "0")
	until(t, "dropped", func() bool { return r.Stats().Ended["too_slow"] == 1 })
	until(t, "gone", func() bool { _, n := r.followers(); return n == 0 })
}

// Many followers, an endless stream, connections that break off all the time,
// and a ring that is too small for those who come back: each event once.
func TestCrowdGetsEverythingOnce(t *testing.T) {
	const followers, events = 100, 400
	each(t, func(t *testing.T, tr Transport) {
		r := begin(t, Options{MaxEvents: 40, ReaderWait: patience})
		errs := make([]error, followers)
		var all sync.WaitGroup
		for i := range followers {
			rnd := rand.New(rand.NewPCG(uint64(i), uint64(tr)))
			all.Go(func() { errs[i] = r.restless(tr, rnd, events) })
		}
		for n := 0; n < events; {
			batch := make([]vaiven.Event, 1+n%7)
			for i := range batch {
				if n < events {
					batch[i] = reading("101")
					n++
				}
			}
			r.book.say(r.Feed, batch...)
			time.Sleep(time.Millisecond) // a pace: about 4,000 a second
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		want := r.book.ids(vaiven.ID{}, &event.Filter{})
		if len(want) != events {
			t.Fatalf("%d events", len(want))
		}
		t.Logf("%+v", r.Stats())
	})
}

// restless follows from the beginning, breaks off again and again, and expects
// each of n events once.
func (r *rig) restless(tr Transport, rnd *rand.Rand, n int) error {
	at, got := "0", []string{}
	for len(got) < n {
		l, err := r.connect(tr, at, fmt.Sprintf("limit=%d", 1+rnd.IntN(200)))
		if err != nil {
			return err
		}
		for range 1 + rnd.IntN(200) {
			m, err := l.next()
			if err != nil {
				l.cut()
				return err
			}
			if at = m.id; m.kind != "position" {
				got = append(got, m.id)
			}
			if len(got) == n {
				break
			}
		}
		l.cut()
	}
	for i, want := range r.book.ids(vaiven.ID{}, &event.Filter{})[:n] {
		if got[i] != want {
			return fmt.Errorf("event %d is %s, want %s", i, got[i], want)
		}
	}
	return nil
}
