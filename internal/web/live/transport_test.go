package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/internal/event"
)

// each runs a test for every transport.
func each(t *testing.T, run func(t *testing.T, tr Transport)) {
	for tr := range transports {
		t.Run(tr.String(), func(t *testing.T) { run(t, tr) })
	}
}

func TestFromNow(t *testing.T) {
	each(t, func(t *testing.T, tr Transport) {
		for _, old := range []int{0, 3} {
			r := begin(t, Options{})
			for range old {
				r.book.say(r.Feed, reading("101"))
			}
			l := r.now(t, tr, "")
			defer l.cut()
			from := r.Now()
			for range 5 {
				r.book.say(r.Feed, reading("101"), nil, reading("102"))
			}
			same(t, "from now", collect(t, l, 10), r.book.ids(from, &event.Filter{}))
		}
	})
}

// A follower may come back behind any id, whether the ring has it, the log, or
// both a part; what it gets is what an unbroken one would have got.
func TestResumesAtEveryPosition(t *testing.T) {
	each(t, func(t *testing.T, tr Transport) {
		r := begin(t, Options{MaxEvents: 16})
		for i := range 12 {
			r.book.say(r.Feed, reading("101"), nil, reading(vaiven.Device(fmt.Sprint("10", i%3))), reading("7"))
			r.book.say(r.Feed, nil) // nothing new
		}
		all := r.book.ids(vaiven.ID{}, &event.Filter{})
		for i, after := range append([]string{"0", "begin", "0.0", "1.0"}, all[1:len(all)-1]...) {
			l, err := r.connect(tr, after, "limit=7")
			if err != nil {
				t.Fatal(err)
			}
			want := all[max(0, i-2):]
			same(t, "after "+after, collect(t, l, len(want)), want)
			l.cut()
		}
		if s := r.Stats(); s.Readings == 0 || s.RingEvents != 16 {
			t.Errorf("%+v", s)
		}
	})
}

func TestFilters(t *testing.T) {
	r := begin(t, Options{MaxEvents: 8})
	for _, d := range []vaiven.Device{"101", "102", "007"} {
		r.book.say(r.Feed, &vaiven.Reading{Device: d}, &vaiven.Refusal{Device: d}, &vaiven.Gap{Device: d}, &vaiven.SessionStart{Device: d},
			&vaiven.SessionEnd{Device: d}, &vaiven.Presence{Device: d}, &vaiven.Report{Device: d}, &vaiven.Hello{Device: d})
		r.book.say(r.Feed, &vaiven.Conflict{Device: d}, &vaiven.Change{Device: d}, &vaiven.Sent{Device: d}, &vaiven.ChangeEnd{Device: d},
			&vaiven.Described{Device: d}, &vaiven.Forgotten{Device: d}, &vaiven.LogStart{}, &vaiven.Rejected{})
	}
	for _, c := range []struct{ params, want string }{
		{"device=102&kind=reading", "3.0"},
		{"device=102,7&kind=reading", "3.0 5.0"},
		{"device=102&device=7&kind=reading,gap", "3.0 3.2 5.0 5.2"},
		{"kind=state&device=101", "1.6 2.1 2.2 2.3"},
		{"kind=session&device=101", "1.3 1.4"},
		{"kind=log_start&kind=rejected", "2.6 2.7 4.6 4.7 6.6 6.7"},
		{"kind=presence,hello,conflict&device=7", "5.5 5.7 6.0"},
		{"kind=refusal,described,forgotten&device=101", "1.1 2.4 2.5"},
	} {
		want := strings.Fields(c.want)
		for tr := range transports {
			l, err := r.connect(tr, "0", c.params)
			if err != nil {
				t.Fatal(err)
			}
			same(t, tr.String()+" "+c.params, collect(t, l, len(want)), want)
			l.cut()
		}
	}
}

// A follower for whom nothing passes learns how far the log was looked through,
// also before the ring, and so resumes at little cost.
func TestPositionMovesPastWhatIsHeldBack(t *testing.T) {
	each(t, func(t *testing.T, tr Transport) {
		r := begin(t, Options{MaxEvents: 4, Heartbeat: 10 * time.Millisecond})
		for range 20 {
			r.book.say(r.Feed, reading("101"))
		}
		l, err := r.connect(tr, "0", "device=999&wait=10ms")
		if err != nil {
			t.Fatal(err)
		}
		defer l.cut()
		for _, want := range []string{"20.0", "22.1"} {
			until(t, "a position of "+want, func() bool {
				m, err := l.next()
				if err != nil || m.kind != "position" {
					t.Fatalf("%v, %v", m, err)
				}
				return m.id == want
			})
			r.book.say(r.Feed, nil)
			r.book.say(r.Feed, reading("101"), reading("102"))
		}
	})
}

func TestHeartbeats(t *testing.T) {
	each(t, func(t *testing.T, tr Transport) {
		t.Parallel()
		r := begin(t, Options{Heartbeat: 5 * time.Millisecond})
		r.book.say(r.Feed, reading("101"))
		l, err := r.connect(tr, "1.0", "wait=5ms")
		if err != nil {
			t.Fatal(err)
		}
		defer l.cut()
		for begun := time.Now(); time.Since(begun) < 2*haste; { // longer than the deadlines that the request came with
			if m, err := l.next(); err != nil || m.kind != "position" || m.id != "1.0" {
				t.Fatalf("%v, %v", m, err)
			}
		}
		r.book.say(r.Feed, reading("102"))
		same(t, "behind heartbeats", collect(t, l, 1), []string{"2.0"})
	})
}

// problemOf checks that an error is a problem with the status.
func problemOf(t *testing.T, err error, status int) *refusal {
	t.Helper()
	var no *refusal
	if !errors.As(err, &no) || no.status != status {
		t.Fatalf("%v, want %d", err, status)
	}
	var p struct {
		Title, Detail string
		Status        int
	}
	if ct := no.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q", ct)
	}
	if err := json.Unmarshal([]byte(no.body), &p); err != nil || p.Status != status || p.Title == "" || p.Detail == "" {
		t.Errorf("%s: %v", no.body, err)
	}
	return no
}

// ask is the error of a request.
func (r *rig) ask(tr Transport, after, params string) error {
	l, err := r.connect(tr, after, params)
	if err != nil {
		return err
	}
	defer l.cut()
	_, err = l.next()
	return err
}

func TestRefusals(t *testing.T) {
	r := begin(t, Options{})
	r.book.say(r.Feed, reading("101"))
	each(t, func(t *testing.T, tr Transport) {
		for _, bad := range []string{"x", "1", "1.", ".1", "-1.0", "1.-1", "1.0.0", "1.99999999999", "0x1.0", "99999999999999999999.0"} {
			problemOf(t, r.ask(tr, bad, ""), http.StatusUnprocessableEntity)
		}
		for _, bad := range []string{"kind=readings", "device=a..b", "device=%2f", "wait=soon", "wait=-1s", "limit=0", "limit=x", "a=%zz", "ofter=0", "wait=61"} {
			problemOf(t, r.ask(tr, "", bad), http.StatusUnprocessableEntity)
		}
		problemOf(t, r.ask(tr, "2.0", ""), http.StatusGone)
		problemOf(t, r.ask(tr, "18446744073709551615.0", ""), http.StatusGone)
		if err := r.ask(tr, "1.9", "wait=0"); err != nil {
			t.Error(err)
		}
	})
	problemOf(t, r.ask(transports-1, "", "device="+strings.Repeat("x,", 1000)+listOf(1000+1)), http.StatusUnprocessableEntity)
	_, err := r.get(t.Context(), r.url+"smoke", "")
	problemOf(t, err, http.StatusNotFound)
	_, err = r.get(t.Context(), r.url+"ws", "")
	problemOf(t, err, http.StatusUpgradeRequired)
	resp, err := r.http.Post(r.url+"sse", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	problemOf(t, asRefusal(resp, nil), http.StatusMethodNotAllowed)
	_ = resp.Body.Close()
	until(t, "all have left", func() bool { _, n := r.followers(); return n == 0 })
}

func listOf(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "d%d,", i)
	}
	return b.String()
}

// TestANodeThatStaysBehind tells nobody that an id is another log's which the log
// has, or may have.
func TestANodeThatStaysBehind(t *testing.T) {
	var cut error
	r := begin(t, Options{Last: func(context.Context) (uint64, error) { return 7, cut }})
	r.book.say(r.Feed, reading("101"))
	each(t, func(t *testing.T, tr Transport) {
		cut = nil
		problemOf(t, r.ask(tr, "7.3", ""), http.StatusServiceUnavailable)
		problemOf(t, r.ask(tr, "8.0", ""), http.StatusGone)
		cut = errors.New("no way to the log")
		problemOf(t, r.ask(tr, "8.0", ""), http.StatusServiceUnavailable)
	})
}

// TestTrimmedIsSaid where events are missing, and nowhere else.
func TestTrimmedIsSaid(t *testing.T) {
	r := begin(t, Options{Trimmed: func(after vaiven.ID) (first vaiven.ID) {
		if after.Record == 0 {
			first.Record = 2
		}
		return first
	}})
	r.book.say(r.Feed, reading("101"))
	r.book.say(r.Feed, reading("102"))
	each(t, func(t *testing.T, tr Transport) {
		for after, want := range map[string]bool{"0": true, "1.0": false} {
			if tr == Poll {
				resp, err := r.get(t.Context(), r.url+"poll?after="+after, "")
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				_ = resp.Body.Close()
				if said := strings.Contains(string(b), `"trimmed":"2.0"`); said != want || err != nil {
					t.Errorf("after %s: %v %s", after, err, b)
				}
				continue
			}
			l, err := r.connect(tr, after, "")
			if err != nil {
				t.Fatal(err)
			}
			kinds := ""
			for !strings.Contains(kinds, "reading") {
				m, err := l.next()
				if err != nil {
					t.Fatal(err)
				}
				kinds += m.kind + " "
			}
			l.cut()
			if said := strings.Contains(kinds, "trimmed reading"); said != want {
				t.Errorf("after %s: %s", after, kinds)
			}
		}
	})
}

// A node that is only behind lets a follower of another node wait a little.
func TestWaitsForALogThatIsBehind(t *testing.T) {
	each(t, func(t *testing.T, tr Transport) {
		r := begin(t, Options{Grace: patience})
		got := make(chan []string, 1)
		go func() {
			if l, err := r.connect(tr, "2.0", ""); err == nil {
				defer l.cut()
				if m, err := l.next(); err == nil && m.kind == "position" {
					m, err = l.next()
					got <- []string{m.id, fmt.Sprint(err)}
				} else {
					got <- []string{m.id, fmt.Sprint(err)}
				}
				return
			}
			got <- nil
		}()
		until(t, "somebody waits", func() bool { _, n := r.followers(); return n == 1 })
		for range 3 {
			r.book.say(r.Feed, reading("101"))
		}
		same(t, "behind", <-got, []string{"3.0", "<nil>"})
	})
}

func TestLastEventIDCountsMore(t *testing.T) {
	r := begin(t, Options{})
	for range 5 {
		r.book.say(r.Feed, reading("101"))
	}
	resp, err := r.get(t.Context(), r.url+"sse?after=1.0", "4.0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	want := "retry: 2000\n: position\nid: 4.0\n\n" +
		"id: 5.0\nevent: reading\ndata: {\"id\":\"5.0\",\"kind\":\"reading\",\"device\":\"101\",\"pad\":\"\"}\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	for name, want := range map[string]string{"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store, no-transform"} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestPeerThatTalksIsDropped(t *testing.T) {
	r := begin(t, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, r.url+"ws", &websocket.DialOptions{HTTPClient: r.http})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, _, err = c.Read(ctx)
	}
	if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Error(err)
	}
	until(t, "counted", func() bool { return r.Stats().Ended["spoke"] == 1 })
}

func TestNoMoreThanMaxFollowers(t *testing.T) {
	r := begin(t, Options{MaxFollowers: 2})
	a, b := r.now(t, SSE, ""), r.now(t, WebSocket, "")
	defer a.cut()
	each(t, func(t *testing.T, tr Transport) {
		if no := problemOf(t, r.ask(tr, "", ""), http.StatusServiceUnavailable); no.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	})
	b.cut()
	until(t, "one has left", func() bool { _, n := r.followers(); return n == 1 })
	r.now(t, NDJSON, "").cut()
	if s := r.Stats(); s.Refused != 4 || s.Followers["sse"] != 1 {
		t.Errorf("%+v", s)
	}
}
