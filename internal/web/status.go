package web

import (
	"time"

	"vaiven"
)

// statusNow says whether a device can be heard, since when, and until when it sleeps.
// Times are zero when they are not known.
func statusNow(now time.Time, d *vaiven.DeviceInfo) (s vaiven.Status, since, until time.Time) {
	s, from, to := d.Status(now.UnixMilli())
	return s, moment(from), moment(to)
}

// statusRank is the order of status in lists.
var statusRank = map[vaiven.Status]int64{
	vaiven.StatusConnected: 1, vaiven.StatusSilent: 2, vaiven.StatusAsleep: 3, vaiven.StatusDisconnected: 4, vaiven.StatusNever: 5,
}

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
