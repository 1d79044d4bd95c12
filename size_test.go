package vaiven

import "testing"

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"500MB": 500 << 20, "20G": 20 << 30, "1.5TiB": 3 << 39, "0": 0, "4096": 4096, "64 kb": 64 << 10, "10b": 10,
	} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "B", "MB", "-1MB", "NaN", "Inf", "9999999T", "much", "10%", "5XB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
}
