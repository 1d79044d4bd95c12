package web

import (
	"time"

	"vaiven/internal/web/api"
)

// Presence is what the log says about a device's connection. Times are Unix ms,
// 0 for never.
type Presence struct {
	Connected bool
	Silent    bool  // connected, but its readings stay away
	Since     int64 // it came or went; when it is silent: its last reading
	Sleep     int64 // ms from Since until it said it will be heard again; 0: it did not say
	Last      int64 // any sign of life
}

// Status says whether a device can be heard now, since when that is so, and, of
// one that sleeps, until when. Times are zero when they are not known. A board
// that was to wake up and did not is disconnected since it went.
func Status(now time.Time, p Presence) (s api.Status, since, until time.Time) {
	since = moment(p.Since)
	switch {
	case p.Connected && p.Silent:
		return api.Silent, since, until
	case p.Connected:
		return api.Connected, since, until
	case p.Since == 0 && p.Last == 0:
		return api.Never, since, until
	case p.Since == 0: // it was heard without a connection of its own
		return api.Disconnected, moment(p.Last), until
	case p.Sleep > 0 && now.UnixMilli() < p.Since+p.Sleep:
		return api.Asleep, since, moment(p.Since + p.Sleep)
	}
	return api.Disconnected, since, until
}

// statusRank is the order of status in lists.
var statusRank = map[api.Status]int64{api.Connected: 1, api.Silent: 2, api.Asleep: 3, api.Disconnected: 4, api.Never: 5}

// lastMoment is 9999-12-31: RFC 3339 has no later years, and encoding/json makes
// an error of them.
const lastMoment = int64(253_402_300_799_999)

// moment is a time of the log as the API writes it; the zero time for 0. What
// boards say reaches further than that can be written.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(min(ms, lastMoment)).UTC()
}
