package gateway

import (
	"fmt"
	"testing"
	"time"

	"vaiven"
)

func (r *rig) known() int {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	return len(r.g.devices)
}

// forgetsAfter gives every device a turn that much after now.
func (r *rig) forgetsAfter(after time.Duration) {
	r.g.mu.Lock()
	for _, d := range r.g.devices {
		r.g.schedule.wake(d, 0)
	}
	r.g.mu.Unlock()
	r.later(after)
}

func TestDevicesAtRestAreForgotten(t *testing.T) {
	r := start(t, Limit{Readings: 5})
	b := r.dial()
	for i := range 200 {
		b.send(`{"IDDEVICE":"x%d","TEMP":20}`, i)
	}
	b.send("["+reading+","+reading+"]", 1, 20, 2, 20)
	b.wantAckAmongErrors(2)
	r.later(time.Hour)
	if got := r.known(); got != 201 {
		t.Fatalf("%d devices, want all 201 that are connected", got)
	}
	_ = b.c.CloseNow()
	r.until("gone", func() bool { return r.g.Stats().Connections.Load() == 0 })
	r.later(0)
	if got := r.known(); got != 201 {
		t.Fatalf("%d devices, want 201: a takeover counts for a minute", got)
	}
	r.forgetsAfter(forgetAfter)
	if got := r.known(); got != 0 {
		t.Fatalf("%d devices are remembered", got)
	}
	c := r.dial()
	c.send("["+reading+","+reading+","+reading+","+reading+"]", 2, 20, 3, 20, 4, 20, 5, 20)
	c.wantAck(5)
	c.want("BYE") // it is its fifth
}

func TestDeviceOnItsWayIsRemembered(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	r.m.set(func() { r.m.held = true })
	b.send(reading, 1, 20)
	r.until("taken", func() bool { return r.g.Stats().Readings.Load() == 1 })
	_ = b.c.CloseNow()
	r.until("gone", func() bool { return r.g.Stats().Connections.Load() == 0 })
	r.forgetsAfter(forgetAfter)
	if r.known() != 1 {
		t.Error("forgotten before its reading was on disk")
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	r.forgetsAfter(forgetAfter)
	if r.known() != 0 {
		t.Error("not forgotten behind the commit")
	}
}

func TestTooManyDevicesWait(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) { o.MaxKnown = 3 })
	b := r.dial()
	for i := range 4 {
		b.send(`{"IDDEVICE":%d,"TEMP":1}`, i)
	}
	if m := b.want("CODE"); m["CODE"] != "busy" || m["IDDEVICE"] != 3.0 || m["RETRY"] == nil {
		t.Errorf("the fourth is told %v", m)
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 3 {
		t.Errorf("%d readings", got)
	}
	if err := r.g.NewSession(t.Context(), "009"); err != ErrNoSessions {
		t.Error(fmt.Errorf("session new: %w", err))
	}
}
