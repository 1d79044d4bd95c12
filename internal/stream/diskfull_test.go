//go:build linux

package stream

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// tmpfs mounts a small filesystem for the test.
func tmpfs(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("this test mounts a tmpfs, which needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill writes a file until not one byte more fits.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			size /= 2
		}
	}
}

func TestFullDiskHealsByItself(t *testing.T) {
	for _, c := range []struct {
		name    string
		reserve int64
	}{
		{"reserve kept", 256 << 10},
		{"to the last byte", -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := tmpfs(t, "24m")
			l := start(t, Options{Dir: filepath.Join(dir, "log"), Reserve: c.reserve,
				CommitTimeout: 500 * time.Millisecond, StallAfter: 200 * time.Millisecond})
			f := startFeed(l, 4)
			end, caughtUp := follower(t, l)
			ballast := filepath.Join(dir, "ballast")
			for cycle := range 10 {
				until(t, "readings are acknowledged", func() bool { return l.count() > 0 })
				fill(t, ballast)
				until(t, "the log refuses", func() bool { return l.Health() != nil })
				busy := f.busy.Load()
				until(t, "boards are told", func() bool { return f.busy.Load() > busy })
				if c.reserve < 0 && cycle%2 == 1 { // long enough for restarts on the full disk
					k, _ := l.current()
					until(t, "the server is restarted", func() bool { now, _ := l.current(); return now != k })
				}
				if err := os.Remove(ballast); err != nil {
					t.Fatal(err)
				}
				before := l.count()
				until(t, "the log takes readings again", func() bool { return l.Health() == nil && l.count() > before+20 })
				t.Logf("cycle %d: %d acknowledged", cycle, l.count())
			}
			f.end(t)
			l.await(int(f.sent.Load()))
			l.check()
			until(t, "the reader has all", caughtUp)
			end()
			if err := l.stop(); err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}
