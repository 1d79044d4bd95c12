package web

import (
	"testing"
	"time"

	"vaiven/internal/web/api"
)

func TestStatus(t *testing.T) {
	now := noon
	ms := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	for _, c := range []struct {
		name         string
		p            Presence
		want         api.Status
		since, until int64
	}{
		{"never heard", Presence{}, api.Never, 0, 0},
		{"connected", Presence{Connected: true, Since: ms(-time.Minute), Last: ms(-time.Second)}, api.Connected, ms(-time.Minute), 0},
		{"silent since its last reading", Presence{Connected: true, Silent: true, Since: ms(-time.Hour)}, api.Silent, ms(-time.Hour), 0},
		{"asleep", Presence{Since: ms(-time.Minute), Sleep: 120_000, Last: 1}, api.Asleep, ms(-time.Minute), ms(time.Minute)},
		{"did not wake up", Presence{Since: ms(-time.Hour), Sleep: 120_000, Last: 1}, api.Disconnected, ms(-time.Hour), 0},
		{"connected, whatever it said about sleep", Presence{Connected: true, Since: ms(-1), Sleep: 120_000}, api.Connected, ms(-1), 0},
		{"gone", Presence{Since: ms(-time.Minute), Last: ms(-time.Minute)}, api.Disconnected, ms(-time.Minute), 0},
		{"heard without a connection", Presence{Last: ms(-time.Minute)}, api.Disconnected, ms(-time.Minute), 0},
	} {
		s, since, until := Status(now, c.p)
		if s != c.want || !since.Equal(moment(c.since)) || !until.Equal(moment(c.until)) {
			t.Errorf("%s: %s since %v until %v", c.name, s, since, until)
		}
	}
}

// A board may say that it sleeps for longer than years can be written. That one
// answer cannot be written must not cost the list of all.
func TestSleepBeyondTheYear9999(t *testing.T) {
	w := newWorld(t)
	w.devices["103"].Presence.Sleep = 1<<53 - 1
	s := w.serve(t)
	var one api.Device
	send(t, s, "GET", prefix+"/devices/103", "").into(t, &one)
	var all api.Devices
	send(t, s, "GET", prefix+"/devices", "").into(t, &all)
	if one.Status != api.Asleep || one.Until.Year() != 9999 || all.Total != 3 {
		t.Errorf("%s until %v, %d devices", one.Status, one.Until, all.Total)
	}
}
