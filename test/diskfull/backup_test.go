//go:build suites && linux

package diskfull

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// TestBackupOnAFullDisk: where there is no room for a backup there is none, and no part
// of one; the one that was there before stays. So it is with a folder to restore into.
func TestBackupOnAFullDisk(t *testing.T) {
	s := harness.NewServer(t, "serve", filepath.Join(t.TempDir(), "data"))
	s.StartReady()
	f := harness.NewFleet(t, s.Addr, boards)
	f.Start(t)
	harness.Until(t, 4*time.Minute, "there is something to keep", func() bool { return f.Ledger.Acked() > 3000 })
	f.Stop()
	dir := tmpfs(t, 8)
	file := filepath.Join(dir, "pi.backup")
	run := func(want int, args ...string) string {
		t.Helper()
		out, errs, code := harness.Vaiven(t, append(args, "--lang", "en")...)
		if code != want {
			t.Fatalf("vaiven %v: exit %d, want %d\n%s%s", args, code, want, out, errs)
		}
		return errs
	}
	run(0, "backup", file, "--server", "http://"+s.Addr)
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, dir, 8<<10)
	for _, target := range []string{file, filepath.Join(dir, "new.backup")} {
		if errs := run(1, "backup", target, "--server", "http://"+s.Addr); !strings.Contains(errs, "the disk is full") {
			t.Errorf("it says %q", errs)
		}
	}
	if errs := run(1, "restore", file, "--data", filepath.Join(dir, "restored")); !strings.Contains(errs, "full") {
		t.Errorf("the restore says %q", errs)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != string(old) {
		t.Errorf("the backup that was there is another now: %v", err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 2 {
		t.Errorf("in the folder: %q, %v", names, err)
	}
	empty(t, dir)
	run(0, "backup", file, "--server", "http://"+s.Addr)
	s.Stop()
}
