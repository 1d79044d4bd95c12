package gateway

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vaiven"
)

// presences are what the log says of a device's connection, in words.
func (r *rig) presences(d vaiven.Device) (all []string) {
	for _, p := range events[*vaiven.Presence](r.m) {
		switch {
		case p.Device != d:
		case p.Silent && p.Connected && p.Remote != "":
			all = append(all, "silent")
		case p.Connected && p.Remote != "":
			all = append(all, "here")
		default:
			all = append(all, fmt.Sprintf("gone %d", p.Sleep))
		}
	}
	return all
}

// paced gives the device an interval of 5 s, as four readings teach it.
func (r *rig) paced(id vaiven.Device) {
	d := r.g.lockDevice(id, true)
	defer d.mu.Unlock()
	d.pace.last, d.pace.n = [5]uint32{5000, 5000, 5000}, 3
	r.g.watchSilence(d)
}

func TestSilentAfterThreeIntervals(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.paced("101")
	r.later(14 * time.Second)
	if got := r.presences("101"); !slices.Equal(got, []string{"here"}) {
		t.Fatalf("presence %v too early", got)
	}
	for range 3 {
		r.later(16 * time.Second)
	}
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "silent"}) {
		t.Fatalf("presence %v", got)
	}
	b.send(reading, 2, 20)
	b.wantAck(2)
	r.later(16 * time.Second)
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "silent", "here", "silent"}) {
		t.Errorf("presence %v", got)
	}
	_ = b.c.CloseNow()
	r.until("gone", func() bool { return len(r.presences("101")) == 5 })
	r.later(time.Hour)
	if got := r.presences("101"); len(got) != 5 || got[4] != "gone 0" {
		t.Errorf("presence %v", got)
	}
	r.g.schedule.mu.Lock()
	defer r.g.schedule.mu.Unlock()
	if got := len(r.g.schedule.heap); got != 0 {
		t.Errorf("%d devices still get turns", got)
	}
}

func TestBoardThatSendsNoReadingsIsNeverSilent(t *testing.T) {
	r := start(t, Limit{})
	b := r.greeted()
	for i := range 10 {
		b.send(`{"IDDEVICE":101,"LED":%d}`, i%2)
	}
	r.until("heard", func() bool { return len(events[*vaiven.Report](r.m)) == 10 })
	r.later(time.Hour)
	if got := r.presences("101"); !slices.Equal(got, []string{"here"}) {
		t.Errorf("presence %v", got)
	}
}

// A sensor that died while the board was away: it says HELLO, and nothing more.
func TestSilentSinceItsConnection(t *testing.T) {
	r := start(t, Limit{})
	r.paced("101")
	r.greeted()
	r.later(16 * time.Second)
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "silent"}) {
		t.Errorf("presence %v", got)
	}
}

func TestSleeperIsNotSilent(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20,"SLEEP":60000}`)
	b.wantAck(1)
	r.paced("101")
	r.later(70 * time.Second)
	if got := r.presences("101"); !slices.Equal(got, []string{"here"}) {
		t.Errorf("presence %v", got)
	}
	_ = b.c.CloseNow()
	r.until("asleep", func() bool { return slices.Equal(r.presences("101"), []string{"here", "gone 60000"}) })
}

func TestFinishedDeviceIsNotSilent(t *testing.T) {
	r := start(t, Limit{Readings: 1})
	b := r.dial()
	b.send(`[{"IDDEVICE":2,"LED":1},{"IDDEVICE":1,"TEMP":1}]`)
	r.until("one has finished", func() bool { return len(events[*vaiven.SessionEnd](r.m)) == 1 })
	r.paced("001")
	r.later(time.Hour)
	if got := r.presences("001"); !slices.Equal(got, []string{"here"}) {
		t.Errorf("presence %v", got)
	}
}

func TestSilenceWaitsForABusyLog(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.paced("101")
	r.m.set(func() { r.m.busy = true })
	r.later(16 * time.Second)
	r.m.set(func() { r.m.busy = false })
	r.later(18 * time.Second)
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "silent"}) {
		t.Errorf("presence %v", got)
	}
}

func TestPace(t *testing.T) {
	type step struct {
		after    time.Duration // since the reading before
		measured time.Duration // since the one before was taken
	}
	times := func(n int, s ...step) (all []step) {
		for range n {
			all = append(all, s...)
		}
		return all
	}
	s := time.Second
	for name, c := range map[string]struct {
		steps []step
		want  time.Duration
	}{
		"nothing yet":          {times(3, step{5 * s, 5 * s}), 0},
		"every 5 s":            {times(4, step{5 * s, 5 * s}), 5 * s},
		"one long pause":       {times(2, step{5 * s, 5 * s}, step{5 * s, 5 * s}, step{900 * s, 900 * s}), 5 * s},
		"its backlog at once":  {append(times(5, step{5 * s, 5 * s}), times(1000, step{20 * time.Millisecond, 5 * s})...), 5 * s},
		"backlog, then as was": {append(times(100, step{300 * time.Millisecond, 5 * s}), times(3, step{5 * s, 5 * s})...), 5 * s},
		"ten a minute":         {times(6, append(times(9, step{0, 6 * s}), step{60 * s, 6 * s})...), 60 * s},
		"ten a minute, course": {times(6, append(times(9, step{0, 0}), step{60 * s, 60 * s})...), 60 * s},
		"twenty a second":      {times(100, step{50 * time.Millisecond, 50 * time.Millisecond}), 250 * time.Millisecond},
		"another pace":         {append(times(9, step{5 * s, 5 * s}), times(3, step{60 * s, 60 * s})...), 60 * s},
		"a clock set back":     {times(6, step{5 * s, -time.Hour}), 5 * s},
	} {
		t.Run(name, func(t *testing.T) {
			var p pace
			now, measured := time.Minute, int64(1_800_000_000_000)
			for _, st := range c.steps {
				now += st.after
				measured += st.measured.Milliseconds()
				p.noteReading(now, measured)
			}
			if got := p.every(); got != c.want {
				t.Errorf("every %v, want %v", got, c.want)
			}
		})
	}
}
