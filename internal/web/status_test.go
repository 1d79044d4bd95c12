package web

import (
	"math"
	"testing"

	"vaiven"
	"vaiven/internal/web/api"
)

// A board may say that it sleeps for longer than years can be written. That one
// answer cannot be written must not cost the list of all.
func TestSleepBeyondTheYear9999(t *testing.T) {
	w := newWorld(t)
	w.devices["103"].Sleep = 1<<53 - 1
	s := w.serve(t)
	var one api.Device
	send(t, s, "GET", prefix+"/devices/103", "").into(t, &one)
	var all api.Devices
	send(t, s, "GET", prefix+"/devices", "").into(t, &all)
	if one.Status != api.Asleep || one.Until.Year() != 9999 || all.Total != 3 {
		t.Errorf("%s until %v, %d devices", one.Status, one.Until, all.Total)
	}
}

// boundedEvents are a log whose bounds are as those of the server's: behind all events
// of the last record, which has none here but repeats.
type boundedEvents struct{ *world }

func (b boundedEvents) Bounds() (first, last vaiven.ID) {
	first, last = b.world.Bounds()
	return first, vaiven.ID{Record: last.Record + 1, Index: math.MaxUint32}
}

func TestTheServersLastEventIsOne(t *testing.T) {
	w := newWorld(t)
	c := w.client(t, func(o *Options) { o.Events = boundedEvents{w} })
	if s, err := c.Server(t.Context()); err != nil || s.FirstEvent != "1.0" || s.LastEvent != "6.0" {
		t.Errorf("%+v, %v", s, err)
	}
}
