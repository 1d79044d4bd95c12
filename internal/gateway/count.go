package gateway

import (
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/wire"
)

// together is how many readings count although they come at once: what a Wi-Fi
// that stood still for a moment hands over, and not the ten of a lab.
const together = 3

// rhythm bounds how fast readings may come that a session counts. Times are as
// uptime has them.
type rhythm struct {
	since time.Duration // the session's beginning: nothing was taken before
	next  time.Duration // when the next one is due at the rate
	came  time.Duration // when the last one that counts came
	told  bool          // that they come too fast
}

// keeps reports whether a reading that is so old counts, and moves on if so. What
// counts is when it was taken, within the session: a backlog has its own pace. One
// that comes at the pace counts too, whatever its board's clock says.
func (r *rhythm) keeps(now, age time.Duration, rate float64) bool {
	if rate == 0 {
		return true
	}
	taken, every := max(now-max(age, 0), r.since), time.Duration(float64(time.Second)/rate)
	if r.next-taken > (together-1)*every && now-r.came < every {
		return false
	}
	r.next, r.came = max(r.next, taken)+every, now
	return true
}

// count decides whether d's session counts a reading, which says so in the log,
// and returns the session's end when it was the last. The caller holds d.mu.
func (c *conn) count(d *device, r *vaiven.Reading) *vaiven.SessionEnd {
	s := &d.session
	if !s.active {
		return nil
	}
	var age time.Duration
	if r.Measured != 0 {
		age = time.Duration(r.At-r.Measured) * time.Millisecond
	}
	if !c.g.listed(r.Values) || !s.rhythm.keeps(c.g.uptime(), age, c.g.o.Limit.Rate) {
		r.Uncounted = true
		return nil
	}
	s.n++
	if s.limit == 0 || s.n < s.limit {
		return nil
	}
	end := s.end(r.Stamp, vaiven.EndReadings)
	end.Device = d.id
	return end
}

// listed reports whether the file has a column for one of the values.
func (g *Gateway) listed(values []vaiven.Value) bool {
	return len(g.o.Columns) == 0 || vaiven.HasAny(values, g.o.Columns)
}

// advise tells what became of a reading that was taken, where that is not what
// its author expects: names without a column, and a pace that does not count. The
// caller holds d.mu.
func (c *conn) advise(d *device, r *vaiven.Reading) {
	if len(c.g.o.Columns) > 0 {
		for _, v := range r.Values {
			if !slices.Contains(c.g.o.Columns, v.Name) {
				c.unlisted(d, v.Name, c.g.listed(r.Values))
			}
		}
	}
	if s := &d.session; r.Uncounted && !s.rhythm.told && c.g.listed(r.Values) {
		s.rhythm.told = true
		rate := vaiven.FormatNumber(c.g.o.Limit.Rate)
		c.tell(d.id, c.g.o.Lang.Say(
			"sends more than "+rate+" readings a second: what comes faster is stored, but its session does not count it",
			"envía más de "+rate+" lecturas por segundo: lo que llega más rápido se guarda, pero su sesión no lo cuenta"))
	}
}

// maxUnlisted is of how many names without a column a connection is told.
const maxUnlisted = 256

// unlistedName is a measurement of a device that has no column.
type unlistedName struct {
	device vaiven.Device
	name   string
}

// unlisted tells a person, once for each name of a device, that the file has no
// column for it; and the board as well, if its reading has no row for that.
func (c *conn) unlisted(d *device, name string, row bool) {
	u := unlistedName{d.id, name}
	if len(c.withoutColumn) >= maxUnlisted || slices.Contains(c.withoutColumn, u) {
		return
	}
	c.withoutColumn = append(c.withoutColumn, u)
	e := &vaiven.Error{
		Code: vaiven.CodeBadName, Reason: wire.ReasonNoColumn, Key: name, Device: d.id, At: -1,
		Got: strings.Join(c.g.o.Columns, ", "),
	}
	text := wire.Explain(e, c.g.o.Lang)
	if row {
		c.tell(d.id, text)
		return
	}
	c.tell(d.id, text+c.g.o.Lang.Say(" (a reading with no column gets no row, and no session counts it)",
		" (una lectura sin ninguna columna no tiene fila, y ninguna sesión la cuenta)"))
	if c.errors.forGood.take(time.Now(), errorsPerSecond) {
		c.send(wire.AppendError(nil, e, c.g.o.Lang))
	}
}
