package csvfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"vaiven/internal/csvform"
)

// What a file's shape may be: see csvform.
const (
	Recorded     = csvform.Recorded
	ThreeFigures = csvform.ThreeFigures
	Exact        = csvform.Exact
	ExcelES      = csvform.ExcelES
)

// Format is how the rows of a file with this sidecar are written.
func (s *Sidecar) Format() (*csvform.Format, error) { return csvform.New(s.Shape()) }

// Shape is what is fixed of the rows of a file with this sidecar.
func (s *Sidecar) Shape() csvform.Options {
	return csvform.Options{Columns: s.Columns, Zone: s.Zone, Digits: s.Digits, Dialect: s.Dialect, Blank: s.Rows == ""}
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
