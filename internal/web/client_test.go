package web

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
	"vaiven/internal/web/live"
)

func clientOf(t *testing.T, s *httptest.Server) *api.Client {
	t.Helper()
	c, err := api.New(api.Options{Server: s.URL, HTTP: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClient(t *testing.T) {
	w := newWorld(t)
	c, ctx := clientOf(t, w.serve(t)), t.Context()
	page, err := c.Devices(ctx, api.Query{Text: "win", Status: api.Connected, Group: "lab", Sort: "-last", Limit: 5})
	if err != nil || page.Total != 1 || page.Devices[0].ID != "101" {
		t.Errorf("devices: %+v %v", page, err)
	}
	all, err := c.AllDevices(ctx, api.Query{Limit: 1})
	if err != nil || len(all) != 3 {
		t.Errorf("all: %d %v", len(all), err)
	}
	name := "Door"
	if d, err := c.Describe(ctx, "102", api.Description{Name: &name}); err != nil || d.Name != "Door" || len(d.Groups) != 1 {
		t.Errorf("describe: %+v %v", d, err)
	}
	if d, err := c.Device(ctx, "102"); err != nil || d.Name != "Door" || d.Status != api.Asleep || d.Until.IsZero() {
		t.Errorf("device: %+v %v", d, err)
	}
	if v, err := c.Values(ctx, "101"); err != nil || len(v.Values) != 2 || v.Values[0].AgeMS != 1200 {
		t.Errorf("values: %+v %v", v, err)
	}
	if err := c.Forget(ctx, "103"); err != nil || w.devices["103"] != nil {
		t.Errorf("forget: %v", err)
	}
	if s, err := c.Server(ctx); err != nil || s.LastEvent != "6.0" || s.UptimeMS != 3_600_000 {
		t.Errorf("server: %+v %v", s, err)
	}
	if s, err := c.Session(ctx, "101"); err != nil || s.Summary == nil || s.Count != 10 {
		t.Errorf("session: %+v %v", s, err)
	}
	if s, err := c.Session(ctx, "102"); err != nil || s != nil {
		t.Errorf("no session: %+v %v", s, err)
	}
	if s, err := c.Sessions(ctx, ""); err != nil || len(s.Sessions) != 1 {
		t.Errorf("sessions: %+v %v", s, err)
	}
	if err := c.NewSession(ctx, "101"); err != nil {
		t.Errorf("new session: %v", err)
	}
}

func TestClientOfStates(t *testing.T) {
	w := newWorld(t)
	c, ctx := clientOf(t, w.serve(t)), t.Context()
	ch, err := c.Set(ctx, "101", api.States{"LED": 0}, api.Terms{Wait: time.Second, HasIf: true, If: 6, Key: "00d1c0ffee5eed42"})
	if err != nil || ch.Phase != api.PhaseConfirmed || ch.Rev != 7 || ch.Key != "00d1c0ffee5eed42" {
		t.Errorf("set: %+v %v", ch, err)
	}
	ch, err = c.Toggle(ctx, "102", []string{"LED"}, api.Terms{Within: 5 * time.Second})
	if err != nil || ch.Done() || ch.Deadline.IsZero() {
		t.Errorf("toggle: %+v %v", ch, err)
	}
	st, err := c.State(ctx, "102")
	if err != nil || st.Rev != 1 || len(st.Open) != 1 || st.Desired["LED"] != 1 {
		t.Errorf("state: %+v %v", st, err)
	}
	out, err := c.SetMany(ctx, api.ManyStates{Groups: []string{"lab"}, States: api.States{"LED": 1}, Wait: "10ms"}, "")
	if err != nil || len(out) != 2 || out[0].Change.Phase != api.PhaseConfirmed {
		t.Errorf("many: %+v %v", out, err)
	}
	var p *api.Problem
	if _, err = c.Set(ctx, "101", api.States{"LED": 0}, api.Terms{HasIf: true, If: 1}); !errors.As(err, &p) || p.Status != 412 || *p.Rev != 8 {
		t.Errorf("if: %v", err)
	}
	if _, err = c.Set(ctx, "101", api.States{"LAMP": 0}, api.Terms{}); !errors.As(err, &p) || p.Code != codeUnknownState || !strings.Contains(err.Error(), "LED") {
		t.Errorf("unknown: %v", err)
	}
	w.err = &vaiven.Error{Code: vaiven.CodeBusy, At: -1, Retry: 2 * time.Second}
	if _, err = c.Set(ctx, "101", api.States{"LED": 0}, api.Terms{}); !errors.As(err, &p) || p.Retry() != 2*time.Second {
		t.Errorf("busy: %v", err)
	}
}

func TestClientOfEventsAndCSV(t *testing.T) {
	w := newWorld(t)
	c, ctx := clientOf(t, w.serve(t)), t.Context()
	f := api.Filter{Devices: []vaiven.Device{"101"}, Kinds: []string{"reading"}}
	ev, err := c.Events(ctx, f, api.Stretch{After: "2.0", Limit: 2, Since: noon.Add(-time.Hour), Until: noon})
	if err != nil || len(ev.Events) != 2 || ev.Events[0].Values["TEMP"] != 24 || len(ev.Events[0].Raw) == 0 || !ev.More {
		t.Errorf("events: %+v %v", ev, err)
	}
	var b bytes.Buffer
	if n, err := c.CSV(ctx, "", 0, &b); err != nil || n != int64(b.Len()) || b.String() != wholeCSV {
		t.Errorf("csv: %d %q %v", n, b.String(), err)
	}
	if n, err := c.CSV(ctx, "", int64(b.Len()), &b); err != nil || n != 0 {
		t.Errorf("nothing new: %d %v", n, err)
	}
	appendTo(t, w.csv, "11221000,21,\n")
	if n, err := c.CSV(ctx, "", int64(b.Len()), &b); err != nil || n != 23 || b.String() != wholeCSV+"5,102,202611221000,21,\n" {
		t.Errorf("new: %d %q %v", n, b.String(), err)
	}
	if _, err := c.CSV(ctx, "", 9999, &b); err == nil {
		t.Error("a shorter file than what we have is none that can be resumed")
	}
}

// Position makes the world a log that can be followed.
func (w *world) Position() uint64 {
	_, last := w.Bounds()
	return last.Record
}

// TestWatch follows a server whose connections are cut again and again: every
// event comes once, in order.
func TestWatch(t *testing.T) {
	w := newWorld(t)
	feed, err := live.New(live.Options{History: w})
	if err != nil {
		t.Fatal(err)
	}
	s := w.serve(t, func(o *Options) { o.Live = feed.Handler(); o.Access = whoHas{token: "s3cret"} })
	t.Cleanup(func() { _ = feed.Close() })
	c, err := api.New(api.Options{Server: s.URL, HTTP: s.Client(), Token: "s3cret"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	write := func(from, to uint64) {
		for rec := from; rec <= to; rec++ {
			en := vaiven.Entry{ID: vaiven.ID{Record: rec}, Event: &vaiven.Reading{Stamp: vaiven.Stamp{At: int64(rec)}, Device: "101", Values: []vaiven.Value{{Name: "TEMP", Num: float64(rec)}}}}
			w.mu.Lock()
			w.entries = append(w.entries, en)
			w.mu.Unlock()
			if err := feed.Apply(rec, []vaiven.Entry{en}); err != nil {
				t.Error(err)
			}
		}
	}
	write(7, 26)
	var got []float64
	enough, cuts := errors.New("enough"), 0
	err = c.Watch(ctx, api.Filter{Kinds: []string{"reading"}}, "6.0", func(e api.Event) error {
		got = append(got, e.Values["TEMP"])
		if n := uint64(len(got)); n == 100 {
			return enough
		} else if n%20 == 0 {
			s.CloseClientConnections()
			write(7+n, 26+n)
		}
		return nil
	}, func(error) { cuts++ })
	if !errors.Is(err, enough) || cuts < 4 {
		t.Fatalf("%v after %d events and %d cuts", err, len(got), cuts)
	}
	for i, v := range got {
		if v != float64(i+7) {
			t.Fatalf("event %d is of record %v", i, v)
		}
	}
	var p *api.Problem
	other, _ := api.New(api.Options{Server: s.URL, HTTP: s.Client(), Token: "other"})
	if err := other.Watch(ctx, api.Filter{}, "", func(api.Event) error { return nil }, nil); !errors.As(err, &p) || p.Status != 401 {
		t.Errorf("with another token: %v", err)
	}
	if err := c.Watch(ctx, api.Filter{}, "9000.0", func(api.Event) error { return nil }, nil); !errors.As(err, &p) || p.Status != 410 {
		t.Errorf("an id of another log: %v", err)
	}
}
