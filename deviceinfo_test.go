package vaiven

import (
	"testing"
)

func TestStatusOfADevice(t *testing.T) {
	const now, minute, hour = int64(1_800_000_000_000), int64(60_000), int64(3_600_000)
	for _, c := range []struct {
		name         string
		d            DeviceInfo
		want         Status
		since, until int64
	}{
		{"never heard", DeviceInfo{}, StatusNever, 0, 0},
		{"connected", DeviceInfo{Connected: true, Since: now - minute, Last: now - 1000}, StatusConnected, now - minute, 0},
		{"silent since its last reading", DeviceInfo{Connected: true, Silent: true, Since: now - hour}, StatusSilent, now - hour, 0},
		{"asleep", DeviceInfo{Since: now - minute, Sleep: 2 * minute, Last: 1}, StatusAsleep, now - minute, now + minute},
		{"did not wake up", DeviceInfo{Since: now - hour, Sleep: 2 * minute, Last: 1}, StatusDisconnected, now - hour, 0},
		{"connected, whatever it said about sleep", DeviceInfo{Connected: true, Since: now - 1, Sleep: 2 * minute}, StatusConnected, now - 1, 0},
		{"gone", DeviceInfo{Since: now - minute, Last: now - minute}, StatusDisconnected, now - minute, 0},
		{"heard without a connection", DeviceInfo{Last: now - minute}, StatusDisconnected, now - minute, 0},
	} {
		if s, since, until := c.d.Status(now); s != c.want || since != c.since || until != c.until {
			t.Errorf("%s: %s since %v until %v", c.name, s, since, until)
		}
	}
}

// Who comes, falls silent, speaks, goes and moves to another gateway, as every table
// and screen shows it.
func TestPresenceOfADevice(t *testing.T) {
	stamp := func(at int64) Stamp { return Stamp{At: at} }
	came := func(at int64, from string) Event { return &Presence{Stamp: stamp(at), Connected: true, Remote: from} }
	silent := func(at int64, from string) Event {
		return &Presence{Stamp: stamp(at), Connected: true, Silent: true, Remote: from}
	}
	gone := func(at, sleep int64, from string) Event {
		return &Presence{Stamp: stamp(at), Remote: from, Reason: "lost", Sleep: sleep}
	}
	read := func(at int64) Event { return &Reading{Stamp: stamp(at), Values: []Value{{Name: "TEMP", Num: 1}}} }
	for _, c := range []struct {
		name      string
		events    []Event
		want      Status
		since     int64
		connected int64
	}{
		{"came", []Event{came(5, "a")}, StatusConnected, 5, 5},
		{"silent since its last reading", []Event{came(5, "a"), read(6), silent(9, "a")}, StatusSilent, 6, 5},
		{"silent without any reading", []Event{came(5, "a"), silent(9, "a")}, StatusSilent, 9, 5},
		{"speaks again on the same connection", []Event{came(5, "a"), silent(9, "a"), came(12, "a")}, StatusConnected, 12, 5},
		{"another connection", []Event{came(5, "a"), came(12, "b")}, StatusConnected, 12, 12},
		{"gone", []Event{came(5, "a"), gone(9, 0, "a")}, StatusDisconnected, 9, 5},
		{"gone is said twice", []Event{came(5, "a"), gone(9, 0, "a"), gone(12, 0, "a")}, StatusDisconnected, 9, 5},
		{"asleep", []Event{came(5, "a"), gone(9, 1000, "a")}, StatusAsleep, 9, 5},
		{"heard while it was to sleep", []Event{came(5, "a"), gone(9, 1000, "a"), read(12)}, StatusDisconnected, 9, 5},
		{"what is said of a connection that was replaced", []Event{came(5, "a"), came(6, "b"), silent(7, "a"), gone(8, 0, "a")}, StatusConnected, 6, 6},
	} {
		var d DeviceInfo
		for _, ev := range c.events {
			d.Apply(ev)
		}
		if s, since, _ := d.Status(20); s != c.want || since != c.since || d.ConnectedAt != c.connected {
			t.Errorf("%s: %s since %d, connected at %d", c.name, s, since, d.ConnectedAt)
		}
	}
}

// A log that is read from its middle may begin with a session's end.
func TestASessionWhoseBeginningWasNotRead(t *testing.T) {
	end := &SessionEnd{Device: "101", Reason: EndReadings, Count: 10}
	whole, partial := DeviceInfo{}, DeviceInfo{Partial: true}
	whole.Apply(end)
	partial.Apply(end)
	if whole.Session != nil || partial.Session == nil || !partial.Session.Ended || partial.Session.Count != 10 {
		t.Errorf("%+v %+v", whole.Session, partial.Session)
	}
}
