package sim_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/internal/sim"
	"vaiven/wire"
)

func led(n float64) []vaiven.Value { return []vaiven.Value{{Name: "LED", Num: n}} }

// inFront runs boards where time passes only when all wait, and stands in front
// of the first of them.
func inFront(t *testing.T, so clienttest.Options, o sim.Options, look func(s *clienttest.Server, b sim.Board)) sim.Result {
	t.Helper()
	var r sim.Result
	synctest.Test(t, func(t *testing.T) {
		pipe := clienttest.NewPipe()
		so.Listener = pipe
		s := clienttest.New(so)
		defer s.Close()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		boards := make(chan sim.Board, 100)
		o.URL, o.NetDial, o.Seed, o.Backoff = "ws://vaiven.test", pipe.Dial, 1, quick
		o.OnBoard = func(b sim.Board) { boards <- b }
		if o.Interval == 0 {
			o.Interval = time.Second
		}
		var task sync.WaitGroup
		task.Go(func() {
			var err error
			if r, err = sim.Run(ctx, o); err != nil {
				t.Error(err)
			}
		})
		look(s, <-boards)
		cancel()
		task.Wait()
	})
	return r
}

// pass lets time go by.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func want(s *clienttest.Server, d wire.Desired) {
	d.Device = "101"
	for _, c := range s.Conns() {
		c.Write(wire.AppendDesired(nil, d))
	}
}

// said is the reports so far: "LED=1@7" and so on.
func said(s *clienttest.Server) string {
	out := ""
	for _, r := range s.Reports() {
		for _, v := range r.States {
			out += fmt.Sprintf(" %s=%v", v.Name, v.Num)
		}
		out += fmt.Sprintf("@%d", r.Rev)
	}
	return out
}

func TestSomebodyAtTheBoard(t *testing.T) {
	r := inFront(t, clienttest.Options{}, sim.Options{States: []string{"LED", "DIMMER"}}, func(s *clienttest.Server, b sim.Board) {
		pass(time.Second)
		want(s, wire.Desired{States: []vaiven.Value{{Name: "DIMMER", Num: 70}, {Name: "LED", Num: 1}, {Name: "NOSUCH", Num: 3}}, Rev: 7})
		pass(time.Second)
		if n, ok := b.Toggle("LED"); n != 0 || !ok {
			t.Errorf("%v %v", n, ok)
		}
		synctest.Wait()
		if n, ok := b.Toggle("LED"); n != 1 || !ok {
			t.Errorf("%v %v", n, ok)
		}
		if _, ok := b.Toggle("NOSUCH"); ok {
			t.Error("a state that it does not have")
		}
		synctest.Wait()
		if got, want := said(s), " LED=1 DIMMER=70@7 LED=0 DIMMER=70@0 LED=1 DIMMER=70@0"; got != want {
			t.Errorf("said%s", got)
		}
		if b.ID() != "101" || !b.Connected() || fmt.Sprint(b.States()) != "[{LED 1} {DIMMER 70}]" {
			t.Errorf("%v %v %v", b.ID(), b.Connected(), b.States())
		}
		b.Drop()
		pass(time.Second)
		h := s.Hellos()
		if len(h) != 2 || h[1].Rev != 7 || fmt.Sprint(h[1].States) != "[{LED 1} {DIMMER 70}]" || fmt.Sprint(h[0].States) != "[{LED 0} {DIMMER 0}]" {
			t.Errorf("%+v", h)
		}
	})
	if r.Switched != 1 || r.Local != 2 || r.Late != 0 || r.Accidents != 1 {
		t.Errorf("%+v", r)
	}
}

// TestASlowBoard does one thing after another, and not what has no time left
// when it comes to it.
func TestASlowBoard(t *testing.T) {
	var late []uint64
	o := sim.Options{Lag: 3 * time.Second, OnLate: func(_ vaiven.Device, d client.Desired) { late = append(late, d.Rev) }}
	r := inFront(t, clienttest.Options{}, o, func(s *clienttest.Server, b sim.Board) {
		pass(10 * time.Second) // UP is 10,000
		want(s, wire.Desired{States: led(1), Rev: 1, Until: 13_500, HasUntil: true})
		want(s, wire.Desired{States: led(0), Rev: 2, Until: 15_000, HasUntil: true})
		want(s, wire.Desired{States: led(1), Rev: 3, Until: 9_000, HasUntil: true}) // the client refuses it
		pass(2900 * time.Millisecond)
		if said(s) != "" || b.States()[0].Num != 0 {
			t.Errorf("already: %s", said(s))
		}
		pass(200 * time.Millisecond)
		if said(s) != " LED=1@1" {
			t.Errorf("said%s", said(s))
		}
		pass(time.Minute)
		if said(s) != " LED=1@1" || b.States()[0].Num != 1 {
			t.Errorf("said%s", said(s))
		}
		for rev := range uint64(50) { // more than it has room for
			want(s, wire.Desired{States: led(float64(rev % 2)), Rev: 10 + rev})
		}
		pass(5 * time.Minute)
		if reports := s.Reports(); reports[len(reports)-1].Rev != 59 || len(reports) > 40 {
			t.Errorf("said%s", said(s))
		}
	})
	if fmt.Sprint(late) != "[3 2]" || r.Late != 2 {
		t.Errorf("late %v, %+v", late, r)
	}
}

func TestBoardsThatNeverReport(t *testing.T) {
	for name, o := range map[string]sim.Options{"mute": {Mute: true}, "course": {Course: true}} {
		t.Run(name, func(t *testing.T) {
			r := inFront(t, clienttest.Options{}, o, func(s *clienttest.Server, b sim.Board) {
				pass(time.Second)
				want(s, wire.Desired{States: led(1), Rev: 7})
				pass(time.Second)
				b.Toggle("LED")
				want(s, wire.Desired{States: led(1), Rev: 8})
				pass(time.Second)
				if b.States()[0].Num != 1 || said(s) != "" {
					t.Errorf("%v, said%s", b.States(), said(s))
				}
				b.Drop()
				pass(2 * time.Second)
				for _, h := range s.Hellos() {
					if h.Rev != 0 || len(h.States) != 0 {
						t.Errorf("%+v", h)
					}
				}
			})
			if r.Switched != 2 || r.Local != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestLocalChangesNowAndThen(t *testing.T) {
	s := start(t, clienttest.Options{})
	r := run(t, sim.Options{URL: s.URL, Readings: 100, Single: true, Window: 1, Local: 0.2})
	if r.Local < 5 || r.Local > 50 || len(s.Reports()) == 0 {
		t.Errorf("%d local changes, %d reports", r.Local, len(s.Reports()))
	}
	for _, it := range s.Reports() {
		if it.Rev != 0 {
			t.Errorf("%+v", it)
		}
	}
}
