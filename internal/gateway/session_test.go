package gateway

import (
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
)

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

// A board that lost its connection behind the last reading must not hear that
// all is well before that reading is on disk.
func TestReturningBoardWaitsForTheLastCommit(t *testing.T) {
	r := start(t, Limit{Readings: 2})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.m.set(func() { r.m.held = true })
	b.send(reading, 2, 20)
	r.until("both taken", func() bool { return r.g.Stats().Readings.Load() == 2 })
	_ = b.c.CloseNow()
	c := r.dial()
	c.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":2,"NEXT":3}`)
	r.until("it is attached", func() bool {
		d := r.g.lockDevice("101", true)
		defer d.mu.Unlock()
		x := d.conn.Load()
		return x != nil && x.remote.String() != "" && r.g.born.Add(x.opened).After(b.opened)
	})
	select {
	case m := <-c.in:
		t.Fatalf("told %v before the commit", m)
	default:
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	c.wantAck(2)
	c.want("BYE")
	c.wantClose(websocket.StatusNormalClosure)
}

func TestOldDeadlineDoesNotEndTheNextSession(t *testing.T) {
	r := start(t, Limit{Readings: 3}, func(o *Options) {
		o.Sessions.(*memory).sessions = map[vaiven.Device]vaiven.Session{
			"101": {Device: "101", Start: 1, Readings: 3, Deadline: time.Now().UnixMilli() + 200},
		}
	})
	r.g.Restore([]vaiven.Session{{Device: "101"}})
	if err := r.g.NewSession(t.Context(), "101"); err != nil {
		t.Fatal(err)
	}
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":1}`)
	r.until("the old deadline has passed", func() bool {
		r.g.schedule.mu.Lock()
		defer r.g.schedule.mu.Unlock()
		return len(r.g.schedule.heap) == 0
	})
	b.send(`[{"IDDEVICE":101,"TEMP":2},{"IDDEVICE":101,"TEMP":3}]`)
	if m := b.want("BYE"); m["BYE"] != "3 readings received" {
		t.Errorf("BYE %v", m)
	}
}

func TestRenewedSessionHasItsWholeTime(t *testing.T) {
	r := start(t, Limit{For: time.Hour})
	opened := -2 * time.Hour // of a concentrator, say
	if err := r.g.NewSession(t.Context(), "101"); err != nil {
		t.Fatal(err)
	}
	d := r.g.lockDevice("101", true)
	defer d.mu.Unlock()
	if r.g.startSession(d, opened, r.g.o.Stamp()); d.session.ends-r.g.uptime() < 59*time.Minute {
		t.Errorf("ends in %v", d.session.ends-r.g.uptime())
	}
}

func TestSessionNewWhileConnected(t *testing.T) {
	r := start(t, Limit{Readings: 2})
	b := r.dial()
	b.send(`[{"IDDEVICE":1,"TEMP":1},{"IDDEVICE":2,"TEMP":1},{"IDDEVICE":1,"TEMP":2}]`)
	r.until("001 has finished", func() bool {
		d := r.g.lockDevice("001", true)
		defer d.mu.Unlock()
		_, onDisk := d.sessionOver()
		return onDisk
	})
	if err := r.g.NewSession(t.Context(), "001"); err != nil {
		t.Fatal(err)
	}
	b.send(`[{"IDDEVICE":1,"TEMP":3},{"IDDEVICE":2,"TEMP":2},{"IDDEVICE":1,"TEMP":4},{"IDDEVICE":1,"TEMP":5}]`)
	b.want("BYE") // behind the last of both
	b.wantClose(websocket.StatusNormalClosure)
	if got := len(events[*vaiven.Reading](r.m)); got != 6 {
		t.Errorf("%d readings, want 6", got)
	}
}

func TestSessionNewBehindTheLastReading(t *testing.T) {
	r := start(t, Limit{Readings: 1})
	b := r.dial()
	r.m.set(func() { r.m.held = true })
	b.send(`{"IDDEVICE":1,"TEMP":1}`)
	r.until("taken", func() bool { return r.g.Stats().Readings.Load() == 1 })
	if err := r.g.NewSession(t.Context(), "001"); err != nil {
		t.Fatal(err)
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.send(`{"IDDEVICE":1,"TEMP":2}`)
	b.want("BYE")
	b.wantClose(websocket.StatusNormalClosure)
	if got := len(events[*vaiven.Reading](r.m)); got != 2 {
		t.Errorf("%d readings, want 2: the first end must not have closed the second session", got)
	}
}

// Whoever appends holds the device while the log's queue is full. A goodbye that
// waited for the device would keep the ack worker, and that the log.
func TestGoodbyeDoesNotWaitForTheDevice(t *testing.T) {
	r := start(t, Limit{Readings: 1})
	b := r.dial()
	r.m.set(func() { r.m.held = true })
	b.send(reading, 1, 20)
	r.until("taken", func() bool { return r.g.Stats().Readings.Load() == 1 })
	d := r.g.lockDevice("101", true)
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.wantAck(1)
	b.want("BYE")
	d.mu.Unlock()
	b.wantClose(websocket.StatusNormalClosure)
}

func TestDeadlineWhileTheLogIsBusy(t *testing.T) {
	r := start(t, Limit{For: 300 * time.Millisecond})
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":1}`)
	r.until("taken", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	r.m.set(func() { r.m.busy = true })
	d := r.g.lockDevice("101", true)
	d.mu.Unlock()
	r.until("the end was tried", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.session.unsaid })
	b.send(`{"IDDEVICE":101,"TEMP":2}`) // behind the end: not taken
	r.m.set(func() { r.m.busy = false })
	b.want("BYE")
	b.wantClose(websocket.StatusNormalClosure)
	if got, ends := len(events[*vaiven.Reading](r.m)), len(events[*vaiven.SessionEnd](r.m)); got != 1 || ends != 1 {
		t.Errorf("%d readings and %d ends, want one of each", got, ends)
	}
}
