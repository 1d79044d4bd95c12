package client_test

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/wire"
)

func led(n float64) []vaiven.Value { return []vaiven.Value{{Name: "LED", Num: n}} }

// want sends desired state, as the server does.
func want(s *clienttest.Server, d wire.Desired) {
	d.Device = "101"
	s.Conns()[0].Write(wire.AppendDesired(nil, d))
}

// behind waits until the board has read all that was written to it so far.
func behind(t *testing.T, s *clienttest.Server, c *client.Client) {
	t.Helper()
	n := c.Stats().Rejected[vaiven.CodeNotJSON]
	s.Conns()[0].Write(wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}, vaiven.English))
	eventually(t, "what came behind it", func() bool { return c.Stats().Rejected[vaiven.CodeNotJSON] > n })
}

func TestOnlyWhatIsNotOlderIsApplied(t *testing.T) {
	for name, tt := range map[string]struct {
		course bool
		revs   []uint64
		want   string
		stale  uint64
	}{
		"in order":             {false, []uint64{1, 2, 3}, "[1 2 3]", 0},
		"a repetition":         {false, []uint64{7, 7}, "[7 7]", 0},
		"an older one":         {false, []uint64{7, 6, 8}, "[7 8]", 1},
		"without REV":          {false, []uint64{7, 0, 6}, "[7 0]", 1},
		"the sketch sees none": {true, []uint64{7, 6, 8}, "[7 6 8]", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, clienttest.Options{})
			var got notes[uint64]
			c := dial(t, s, func(o *client.Options) {
				o.Course = tt.course
				o.OnDesired = func(d client.Desired) { got.add(d.Rev) }
			})
			eventually(t, "the connection", func() bool { return len(s.Conns()) == 1 })
			for _, rev := range tt.revs {
				want(s, wire.Desired{States: led(1), Rev: rev})
			}
			behind(t, s, c)
			if fmt.Sprint(got.get()) != tt.want || c.Stats().Stale != tt.stale {
				t.Errorf("applied %v, %d stale", got.get(), c.Stats().Stale)
			}
		})
	}
}

// TestAnOlderOneOverAnotherConnection: the REV is kept as long as the board is on.
func TestAnOlderOneOverAnotherConnection(t *testing.T) {
	s := start(t, clienttest.Options{Welcome: clienttest.Want(6, led(0)[0])})
	var got notes[uint64]
	c := dial(t, s, func(o *client.Options) { o.OnDesired = func(d client.Desired) { got.add(d.Rev) } })
	want(s, wire.Desired{States: led(1), Rev: 7})
	eventually(t, "both", func() bool { return len(got.get()) == 2 })
	s.Crash()
	eventually(t, "the WELCOME that is behind", func() bool { return c.Stats().Stale == 1 })
	if fmt.Sprint(got.get()) != "[6 7]" {
		t.Errorf("applied %v", got.get())
	}
}

func TestWhatComesTooLateIsRefused(t *testing.T) {
	inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		var applied, late notes[client.Desired]
		o.OnDesired, o.OnLate = applied.add, late.add
		c := mustDial(t, o)
		defer end(c)
		time.Sleep(10 * time.Second) // UP is 10,000
		for _, d := range []wire.Desired{
			{States: led(1), Rev: 3, Until: 10_000, HasUntil: true},
			{States: led(1), Rev: 9, Until: 9_999, HasUntil: true},
			{States: led(1), Rev: 9, Until: -5, HasUntil: true},
			{States: led(0), Rev: 4, Until: math.MaxInt64, HasUntil: true},
		} {
			want(s, d)
			synctest.Wait()
		}
		if a := applied.get(); len(a) != 2 || a[0].Rev != 3 || a[1].Rev != 4 || !a[0].Until.Equal(time.Now()) || a[1].Until.Before(time.Now()) {
			t.Errorf("applied %+v", a)
		}
		if l := late.get(); len(l) != 2 || l[0].Rev != 9 || l[0].States[0].Num != 1 || c.Stats().Late != 2 {
			t.Errorf("late %+v", l)
		}
	})
}

func TestALocalChangeIsReportedWithoutREV(t *testing.T) {
	s := start(t, clienttest.Options{})
	var got notes[client.Desired]
	c := dial(t, s, func(o *client.Options) { o.States, o.OnDesired = led(0), got.add })
	if h := s.Hellos(); len(h) != 1 || h[0].Rev != 0 || h[0].States[0].Num != 0 {
		t.Errorf("%+v", h)
	}
	want(s, wire.Desired{States: led(1), Rev: 5})
	eventually(t, "the change", func() bool { return len(got.get()) == 1 })
	for i, r := range []struct {
		num float64
		rev uint64
	}{{1, 5}, {0, 0}} {
		if err := c.Report(led(r.num), r.rev); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the report", func() bool { return len(s.Reports()) == i+1 })
		if got := s.Reports()[i]; got.Rev != r.rev || got.States[0].Num != r.num || got.Boot != c.Boot() {
			t.Errorf("%+v", got)
		}
	}
	s.Crash()
	eventually(t, "the next HELLO", func() bool { return len(s.Hellos()) == 2 })
	if h := s.Hellos()[1]; h.Rev != 5 || h.States[0].Num != 0 {
		t.Errorf("%+v", h)
	}
	if len(s.Reports()) != 2 {
		t.Errorf("%d reports", len(s.Reports()))
	}
}
