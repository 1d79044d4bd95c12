package web

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
	"vaiven/internal/web/live"
)

func TestEvents(t *testing.T) {
	s := newWorld(t).serve(t)
	all := "1.0 2.0 2.1 3.0 3.1 5.0 5.1 6.0"
	for _, c := range []struct {
		query, want, next string
		more              bool
	}{
		{"", all, "6.0", false},
		{"after=0", all, "6.0", false},
		{"after=begin&limit=3", "1.0 2.0 2.1", "2.1", true},
		{"after=2.1&limit=3", "3.0 3.1 5.0", "5.0", true},
		{"after=5.0&limit=2", "5.1 6.0", "6.0", false},
		{"after=6.0", "", "6.0", false},
		{"after=99.0", "", "99.0", false},
		{"before=3.0", "1.0 2.0 2.1", "2.1", false},
		{"after=2.0&before=5.1", "2.1 3.0 3.1 5.0", "5.0", false},
		{"device=102", "3.1", "6.0", false},
		{"device=7,102&device=101&kind=reading", "2.1 3.0 3.1 5.0 6.0", "6.0", false},
		{"kind=state", "5.1", "6.0", false},
		{"kind=presence,log_start", "1.0 2.0", "6.0", false},
		{"kind=reading&limit=1", "2.1", "2.1", true},
		{"since=2026-11-22T10:00:04.2Z", "3.1 5.0 5.1 6.0", "6.0", false},
		{"since=2026-11-22T05:00:06-05:00", "5.0 5.1 6.0", "6.0", false},
		{"since=2030-01-01T00:00:00Z", "", "6.0", false},
		{"since=1990-01-01T00:00:00Z&limit=1", "1.0", "1.0", true},
		{"until=2026-11-22T10:00:01Z", "1.0 2.0 2.1", "2.1", false},
		{"since=2026-11-22T10:00:04Z&until=2026-11-22T10:00:06Z&kind=reading", "3.0 3.1 5.0", "5.1", false},
		{"since=2026-11-22T10:00:04Z&after=3.0", "3.1 5.0 5.1 6.0", "6.0", false},
	} {
		var got api.Events
		send(t, s, "GET", prefix+"/events?"+c.query, "").into(t, &got)
		var ids []string
		for _, e := range got.Events {
			ids = append(ids, e.ID)
		}
		if strings.Join(ids, " ") != c.want || got.Next != c.next || got.More != c.more || got.Events == nil {
			t.Errorf("%s: %v, next %s, more %t", c.query, ids, got.Next, got.More)
		}
	}
}

// TestTimesOutOfOrder has several gateways write one log: what was received first
// does not always stand first. A clock that was set back, and imported readings, put
// times in a worse order.
func TestTimesOutOfOrder(t *testing.T) {
	for _, disorder := range []time.Duration{event.Disorder, time.Hour} {
		t.Run(disorder.String(), func(t *testing.T) { timesOutOfOrder(t, disorder) })
	}
}

func timesOutOfOrder(t *testing.T, disorder time.Duration) {
	w := newWorld(t)
	w.entries = nil
	start, r := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), rand.New(rand.NewPCG(1, 2))
	at := func(i int) int64 { return start.UnixMilli() + int64(i) }
	const n = 12_000
	for i := range n {
		late := r.Int64N(disorder.Milliseconds())
		w.entries = append(w.entries, vaiven.Entry{ID: vaiven.ID{Record: uint64(i + 1)}, Event: &vaiven.Gap{Stamp: vaiven.Stamp{At: at(i) - late}, Device: "101"}})
	}
	s := w.serve(t)
	for range 8 {
		from, to := at(r.IntN(n)), at(r.IntN(n))
		q := url.Values{
			"since": {time.UnixMilli(from).UTC().Format(time.RFC3339Nano)}, "until": {time.UnixMilli(to).UTC().Format(time.RFC3339Nano)}, "limit": {"1000"},
		}
		var want, got []string
		for _, en := range w.entries {
			if ms := en.Event.Time().At; ms >= from && ms <= to {
				want = append(want, en.ID.String())
			}
		}
		for p := (api.Events{More: true}); p.More; q.Set("after", p.Next) {
			p = api.Events{}
			send(t, s, "GET", prefix+"/events?"+q.Encode(), "").into(t, &p)
			for _, e := range p.Events {
				got = append(got, e.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v: %d events, want %d", q, len(got), len(want))
		}
	}
}

// TestNewestFirst turns round what the log's order answers, whatever is asked, and
// page by page.
func TestNewestFirst(t *testing.T) {
	w := newWorld(t)
	w.entries = nil
	r := rand.New(rand.NewPCG(3, 4))
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	const records = 700
	for rec := range uint64(records) {
		for i := range r.IntN(4) {
			at := start.UnixMilli() + int64(rec)*100 - r.Int64N(2*event.Disorder.Milliseconds())
			d := []vaiven.Device{"101", "102", "103"}[r.IntN(3)]
			w.entries = append(w.entries, vaiven.Entry{ID: vaiven.ID{Record: rec + 1, Index: uint32(i)}, Event: &vaiven.Gap{Stamp: vaiven.Stamp{At: at}, Device: d}})
		}
	}
	s := w.serve(t)
	moment := func() string {
		return start.Add(time.Duration(r.IntN(records)) * 100 * time.Millisecond).Format(time.RFC3339Nano)
	}
	for range 40 {
		q := url.Values{}
		for name, value := range map[string]string{
			"device": []string{"101", "102", "999"}[r.IntN(3)], "since": moment(), "until": moment(),
			"after": fmt.Sprintf("%d.%d", r.IntN(records), r.IntN(3)), "before": fmt.Sprintf("%d.%d", r.IntN(records), r.IntN(3)),
		} {
			if r.IntN(3) == 0 {
				q.Set(name, value)
			}
		}
		q.Set("limit", "5000")
		var all api.Events
		send(t, s, "GET", prefix+"/events?"+q.Encode(), "").into(t, &all)
		var want, got []string
		for _, e := range slices.Backward(all.Events) {
			want = append(want, e.ID)
		}
		q.Set("order", "desc")
		q.Set("limit", fmt.Sprint(1+r.IntN(60)))
		for page := (api.Events{More: true}); page.More; q.Set("before", page.Next) {
			page = api.Events{}
			send(t, s, "GET", prefix+"/events?"+q.Encode(), "").into(t, &page)
			for _, e := range page.Events {
				got = append(got, e.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v: %d events, want %d", q, len(got), len(want))
		}
	}
}

func TestALongLogIsReadInPieces(t *testing.T) {
	w := newWorld(t)
	w.entries = nil
	for i := range uint64(maxScanned + 10) {
		w.entries = append(w.entries, vaiven.Entry{ID: vaiven.ID{Record: i + 1}, Event: &vaiven.Reading{Stamp: vaiven.Stamp{At: 1000 + int64(i)}, Device: "101", Values: []vaiven.Value{{Name: "TEMP"}}}})
	}
	s := w.serve(t)
	var got api.Events
	send(t, s, "GET", prefix+"/events?device=102", "").into(t, &got)
	if len(got.Events) != 0 || !got.More || got.Next != fmt.Sprint(maxScanned)+".0" {
		t.Errorf("%d events, next %s, more %t", len(got.Events), got.Next, got.More)
	}
	send(t, s, "GET", prefix+"/events?device=102&after="+got.Next, "").into(t, &got)
	if got.More || got.Next != fmt.Sprint(maxScanned+10)+".0" {
		t.Errorf("next %s, more %t", got.Next, got.More)
	}
}

// TestALargeAnswerEnds stops before an answer is beyond its bound.
func TestALargeAnswerEnds(t *testing.T) {
	w := newWorld(t)
	w.entries = nil
	for i := range uint64(4) {
		long := &vaiven.Rejected{Device: "101", Count: 1, Text: strings.Repeat("x", maxAnswer/2)}
		w.entries = append(w.entries, vaiven.Entry{ID: vaiven.ID{Record: i + 1}, Event: long})
	}
	s := w.serve(t)
	var got api.Events
	send(t, s, "GET", prefix+"/events", "").into(t, &got)
	if len(got.Events) != 2 || !got.More || got.Next != "2.0" {
		t.Errorf("%d events, next %s, more %t", len(got.Events), got.Next, got.More)
	}
}

func TestTheLogCannotBeRead(t *testing.T) {
	w := newWorld(t)
	w.err = errBroken
	if p := send(t, w.serve(t), "GET", prefix+"/events", "").problem(t); p.Status != 500 {
		t.Errorf("%+v", p)
	}
	w.err = context.DeadlineExceeded
	if p := send(t, w.serve(t), "GET", prefix+"/events?"+url.Values{"since": {"2026-11-22T10:00:04Z"}}.Encode(), "").problem(t); p.Status != 503 {
		t.Errorf("%+v", p)
	}
}

// TestTurns shows that many readers of the log wait for each other, and that a
// request that is given up waits no longer.
func TestTurns(t *testing.T) {
	s := newServer(filled(newWorld(t).options()))
	for range maxReading {
		if err := acquire(t.Context(), s.reading); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := acquire(ctx, s.reading); err == nil {
		t.Error("one more had its turn")
	}
	<-s.reading
	if err := acquire(t.Context(), s.reading); err != nil {
		t.Error(err)
	}
}

// One parser reads the parameters of what has happened and of what happens: what is
// wrong for one is wrong for all, in the same words.
func TestEventsAndFeedsHaveOneQuery(t *testing.T) {
	w := newWorld(t)
	feed, err := live.New(live.Options{History: w})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = feed.Close() })
	s := w.serve(t, func(o *Options) { o.Live = feed.Handler() })
	for _, feed := range []string{"poll", "sse", "ndjson", "ws"} {
		if p := send(t, s, "GET", prefix+"/live/"+feed+"?order=desc", "").problem(t); p.Status != http.StatusUnprocessableEntity || p.Errors[0].Location != "query.order" {
			t.Errorf("%s runs backwards: %+v", feed, p)
		}
	}
	for _, bad := range []string{"after=yesterday", "kind=moonrise", "device=a..b", "limit=0", "limit=5001", "after=%zz"} {
		want := send(t, s, "GET", prefix+"/events?"+bad, "").problem(t)
		if want.Status != http.StatusUnprocessableEntity || len(want.Errors) != 1 {
			t.Fatalf("%s: %+v", bad, want)
		}
		for _, feed := range []string{"poll", "sse", "ndjson", "ws"} {
			got := send(t, s, "GET", prefix+"/live/"+feed+"?"+bad, "").problem(t)
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s?%s: %s", feed, bad, d)
			}
		}
	}
}
