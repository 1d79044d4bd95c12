package peer

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestCPUTime(t *testing.T) {
	got, err := cpuTime("12 (a) b (c) S 1 1 1 0 -1 4194560 1 0 0 0 250 31 0 0 20 0 9 0 100")
	if err != nil || got != 2810*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := cpuTime("12 (x) S 1"); err == nil {
		t.Error("a short line was taken")
	}
}

func TestField(t *testing.T) {
	text := "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 12\nRss:    5128 kB\n"
	for name, want := range map[string]uint64{"write_bytes:": 4096, "cancelled_write_bytes:": 12, "Rss:": 5128} {
		if got, err := field(text, name); err != nil || got != want {
			t.Errorf("%s %d, %v", name, got, err)
		}
	}
	if _, err := field(text, "missing:"); err == nil {
		t.Error("a missing field was found")
	}
}

func TestCountRows(t *testing.T) {
	for text, want := range map[string]uint64{"": 0, "h\n": 0, "h\n1\n2\n": 2, "h\n1\n2": 1} {
		path := filepath.Join(t.TempDir(), "a.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := countRows(path); err != nil || got != want {
			t.Errorf("%q has %d rows, %v; want %d", text, got, err, want)
		}
	}
}
