package web

import (
	"testing"

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
