//go:build linux

package stream

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vaiven"
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

// TestALowDiskMakesRoomBeforeItRefuses: while there is something to trim, nobody is told
// busy; then they are, and the log goes on by itself when there is space.
func TestALowDiskMakesRoomBeforeItRefuses(t *testing.T) {
	dir := tmpfs(t, "96m")
	var l *running
	var made atomic.Int64   // how many of the points the log was trimmed to
	var crammed atomic.Bool // not even the reserve is left
	points := []uint64{100, 250, 400, 600}
	const reserve = 24 << 20
	room := func(ctx context.Context) bool {
		n := int(made.Load())
		if n == len(points) {
			return false
		}
		if err := l.Health(); err != nil && n == 0 {
			t.Errorf("told while room is made, and nothing was refused: %v", err)
		}
		if n > 0 {
			if err := l.DropSnapshot(ctx, points[n-1]); err != nil && !crammed.Load() {
				t.Error(err)
			}
		}
		if err := l.Trim(ctx, points[n]); err != nil {
			if !crammed.Load() {
				t.Error(err)
			}
			return false
		}
		made.Add(1)
		return true
	}
	l = start(t, Options{Dir: filepath.Join(dir, "log"), Reserve: reserve, MakeRoom: room})
	l.write(640, 40_000)
	for _, p := range points {
		l.put(p, []byte("a snapshot"))
	}
	before, err := l.Size(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	free, _, err := diskSpace(dir)
	if err != nil {
		t.Fatal(err)
	}
	low := make([]byte, free-reserve+1<<20) // one MiB too much
	if err := os.WriteFile(filepath.Join(dir, "ballast"), low, 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "room is made", func() bool {
		l.write(1, 10) // fails the test if anybody is told busy
		return made.Load() > 0
	})
	l.write(1, 10)
	if now, err := l.Size(testContext(t)); err != nil || now >= before {
		t.Errorf("%d bytes, before %d, %v", now, before, err)
	}

	crammed.Store(true)
	fill(t, filepath.Join(dir, "more"))
	f := startFeed(l, 2)
	until(t, "the log refuses", func() bool { return l.Health() != nil && f.busy.Load() > 0 })
	if err := os.Remove(filepath.Join(dir, "more")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "ballast")); err != nil {
		t.Fatal(err)
	}
	had := l.count()
	until(t, "the log takes readings again", func() bool { return l.Health() == nil && l.count() > had })
	f.end(t)
	l.await(int(f.sent.Load()))
	l.cancel() // nobody else makes room now
	if err := <-l.done; err != nil {
		t.Fatal(err)
	}
	l.done <- nil
	crammed.Store(false)
	for room(testContext(t)) { // what a full disk has left half done is done to its end
	}
	last, err := l.Last(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	l.holds(601, last)
	var full *LowDiskError
	err = l.PutSnapshot(testContext(t), vaiven.SnapshotInfo{Pos: 630}, make([]byte, 90<<20))
	if !errors.As(err, &full) {
		t.Errorf("a snapshot that would eat the reserve: %v", err)
	}
}
