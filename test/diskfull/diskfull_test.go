//go:build suites && linux

package diskfull

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

var cycles = flag.Int("cycles", 10, "how often the disk gets full")

const (
	sizeMiB = 64
	boards  = 8
	// pace keeps the log small enough that only the ballast fills the disk.
	pace = 20 * time.Millisecond
)

func TestDiskFull(t *testing.T) {
	dir := tmpfs(t, sizeMiB)
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"))
	f := harness.NewFleet(t, s.Addr, boards)
	for _, b := range f.Boards {
		b.Pace = pace
	}
	s.StartReady()
	f.Start(t)
	for i := range *cycles {
		progress(t, f)
		fill(t, dir, left(i))
		harness.Until(t, 4*time.Minute, "/readyz says that the disk is full", func() bool { return !s.Ready() })
		if i == *cycles-1 {
			s.Kill() // a full disk and a kill at once
		}
		empty(t, dir)
		if i == *cycles-1 {
			s.Start()
		}
		harness.Until(t, 4*time.Minute, "the server heals by itself", s.Ready)
	}
	progress(t, f)
	f.Stop()
	s.Stop()
	rows := f.CheckCSV(t, s.CSV())
	harness.Verify(t, s.Data)
	t.Logf("%d cycles, %d rows, %d acknowledged", *cycles, len(rows), f.Ledger.Acked())
}

// left is how many bytes a cycle leaves free: none at all, or a little less than
// any reserve.
func left(cycle int) int64 {
	if cycle%2 == 0 {
		return 0
	}
	return 512 << 10
}

func progress(t *testing.T, f *harness.Fleet) {
	t.Helper()
	before := f.Ledger.Acked()
	harness.Until(t, 4*time.Minute, "boards are acknowledged", func() bool { return f.Ledger.Acked() > before+boards })
}

func ballast(dir string) string { return filepath.Join(dir, "ballast") }

// fill takes the free space at once, but for so many bytes.
func fill(t *testing.T, dir string, left int64) {
	t.Helper()
	file, err := os.Create(ballast(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := int64(0); ; {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		free := int64(st.Bavail)*st.Bsize - left
		if free <= 0 {
			return
		}
		// The server writes meanwhile: what was free may be taken.
		err := syscall.Fallocate(int(file.Fd()), 0, size, free)
		if err == nil {
			size += free
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(ballast(dir)); err != nil {
		t.Fatal(err)
	}
}
