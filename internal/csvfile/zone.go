package csvfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"vaiven"
)

// Recorded is the zone of a file whose server had no named zone: each reading's
// TIMEFLAG is in the zone that the server had when it received it.
const Recorded = "recorded"

// timeLayout is AAAAMMDDHHMM.
const timeLayout = "200601021504"

// zone writes TIMEFLAG.
type zone struct {
	name string
	loc  *time.Location // nil: Recorded

	// The text of the last reading, and for which moments it holds: most
	// readings fall in the minute of the one before.
	from, to int64 // Unix ms, to excluded
	offset   int32 // for Recorded
	text     [len(timeLayout)]byte
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

// appendTime writes the TIMEFLAG of a stamp.
func (z *zone) appendTime(b []byte, s *vaiven.Stamp) []byte {
	if s.At >= z.from && s.At < z.to && (z.loc != nil || s.Offset == z.offset) {
		return append(b, z.text[:]...)
	}
	loc := z.loc
	if loc == nil {
		loc = time.FixedZone("", int(s.Offset))
	}
	t := time.UnixMilli(s.At).In(loc)
	n := len(b)
	b = t.AppendFormat(b, timeLayout)
	if len(b)-n == len(z.text) {
		copy(z.text[:], b[n:])
		z.offset = s.Offset
		z.cacheMinute(t)
	}
	return b
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

// isTimeflag reports whether s is a moment as TIMEFLAG has it.
func isTimeflag(s string) bool {
	if len(s) != len(timeLayout) {
		return false
	}
	t, err := time.Parse(timeLayout, s)
	return err == nil && t.Format(timeLayout) == s
}

// LocalZone returns the IANA name of the machine's time zone, or Recorded when
// it has none that can be found by name: from TZ, from the link
// /etc/localtime, or from /etc/timezone.
func LocalZone() string { return localZone(os.LookupEnv, "/") }

func localZone(env func(string) (string, bool), root string) string {
	if tz, ok := env("TZ"); ok {
		tz = strings.TrimPrefix(tz, ":")
		if tz == "" {
			return "UTC"
		}
		if name := zoneName(tz); name != "" {
			return name
		}
		return Recorded
	}
	link, err := filepath.EvalSymlinks(filepath.Join(root, "etc/localtime"))
	if name := zoneName(link); err == nil && name != "" {
		return name
	}
	if b, err := os.ReadFile(filepath.Join(root, "etc/timezone")); err == nil {
		if name := zoneName(strings.TrimSpace(string(b))); name != "" {
			return name
		}
	}
	if errors.Is(err, fs.ErrNotExist) && runtime.GOOS != "windows" {
		return "UTC" // what the system then uses
	}
	return Recorded
}

// zoneName takes a zone's name from itself or from its path, "" when there is
// no such zone.
func zoneName(s string) string {
	if _, name, ok := strings.Cut(filepath.ToSlash(s), "zoneinfo/"); ok {
		s = strings.TrimPrefix(strings.TrimPrefix(name, "posix/"), "right/")
	}
	if s == "" || s == "Local" || strings.HasPrefix(s, "/") {
		return ""
	}
	if _, err := time.LoadLocation(s); err != nil {
		return ""
	}
	return s
}
