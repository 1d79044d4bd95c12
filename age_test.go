package vaiven

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"5y": 5 * Year, "90d": 90 * Day, "2w": 2 * Week, "1y6w": Year + 6*Week, "1d12h": 36 * time.Hour, "0.5d": 12 * time.Hour,
		"90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "0": 0, "0d": 0, " 3d ": 3 * Day, "250ms": 250 * time.Millisecond,
	} {
		if got, err := ParseAge(text); err != nil || got != want {
			t.Errorf("%q is %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "y", "5", "-3d", "+3d", "3d-1h", "3d+1h", "6w1y", "NaNd", "5 y", "soon", "1x"} {
		if got, err := ParseAge(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestAgesAndSizesThatAreTooLarge(t *testing.T) {
	for _, text := range []string{"400y", "Infd", "1e99y", "293y"} {
		if got, err := ParseAge(text); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"1e30", "9000000TB", "Inf", "8388608TiB"} {
		if got, err := ParseSize(text); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	if _, err := ParseAge("290y"); err != nil {
		t.Error(err)
	}
	if _, err := ParseSize("8000000TB"); err != nil {
		t.Error(err)
	}
}

func TestFormatAge(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"5y": 5 * Year, "90d": 90 * Day, "2w": 2 * Week, "1y30d": Year + 30*Day, "1d12h": 36 * time.Hour, "0": 0, "1h30m": 90 * time.Minute, "1m30s": 90 * time.Second,
	} {
		if got := FormatAge(d); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(100*Year/time.Second)).Draw(t, "seconds")) * time.Second
		if got, err := ParseAge(FormatAge(d)); err != nil || got != d {
			t.Fatalf("%v is written %q, and read as %v, %v", d, FormatAge(d), got, err)
		}
	})
}
