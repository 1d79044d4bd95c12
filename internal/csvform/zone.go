package csvform

import (
	"fmt"
	"time"

	"vaiven"
)

// Recorded is the zone of a file whose server had no named zone: each reading's
// TIMEFLAG is in the zone that the server had when it received it.
const Recorded = "recorded"

// TimeLayout is AAAAMMDDHHMM, a TIMEFLAG.
const TimeLayout = "200601021504"

// zone writes TIMEFLAG.
type zone struct {
	name string
	loc  *time.Location // nil: Recorded

	// The text of the last reading, and for which moments it holds: most
	// readings fall in the minute of the one before.
	from, to int64 // Unix ms, to excluded
	offset   int32 // for Recorded
	text     [len(TimeLayout)]byte
}

// openZone finds a zone by its IANA name.
func openZone(name string) (*zone, error) {
	if name == Recorded {
		return &zone{name: name}, nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("time zone %q: a name like America/Bogota is needed", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", name, err)
	}
	return &zone{name: name, loc: loc}, nil
}

// CheckZone is an error when a table cannot have its TIMEFLAG in that zone.
func CheckZone(name string) error {
	_, err := openZone(name)
	return err
}

// appendTime writes the TIMEFLAG of a stamp.
func (z *zone) appendTime(b []byte, s *vaiven.Stamp) []byte {
	if s.At >= z.from && s.At < z.to && (z.loc != nil || s.Offset == z.offset) {
		return append(b, z.text[:]...)
	}
	t := time.UnixMilli(s.At).In(z.location(s))
	n := len(b)
	b = t.AppendFormat(b, TimeLayout)
	if len(b)-n == len(z.text) {
		copy(z.text[:], b[n:])
		z.offset = s.Offset
		z.cacheMinute(t)
	}
	return b
}

// location is the zone in which a stamp's text is.
func (z *zone) location(s *vaiven.Stamp) *time.Location {
	if z.loc != nil {
		return z.loc
	}
	return time.FixedZone("", int(s.Offset))
}

// cacheMinute works out for which moments the text of t is right: its minute, cut
// where the zone changes inside it.
func (z *zone) cacheMinute(t time.Time) {
	z.from = t.UnixMilli() - int64(t.Second())*1000 - int64(t.Nanosecond())/1e6
	z.to = z.from + 60_000
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		z.from = max(z.from, start.UnixMilli())
	}
	if !end.IsZero() {
		z.to = min(z.to, end.UnixMilli())
	}
}

// IsTimeflag reports whether s is a moment as TIMEFLAG has it.
func IsTimeflag(s string) bool {
	if len(s) != len(TimeLayout) {
		return false
	}
	t, err := time.Parse(TimeLayout, s)
	return err == nil && t.Format(TimeLayout) == s
}

// AppendTime writes the TIMEFLAG of a stamp.
func (f *Format) AppendTime(b []byte, s *vaiven.Stamp) []byte { return f.zone.appendTime(b, s) }

// Location is the zone in which a stamp's TIMEFLAG is.
func (f *Format) Location(s *vaiven.Stamp) *time.Location { return f.zone.location(s) }
