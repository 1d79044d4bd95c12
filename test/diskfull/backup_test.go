//go:build suites && linux

package diskfull

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// TestBackupOnAFullDisk: where there is no room for a backup there is none, and no part
// of one; the one that was there before stays, also in a folder that keeps one only. So
// it is with a folder to restore into.
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
	many := filepath.Join(dir, "many")
	if err := os.Mkdir(many, 0o755); err != nil {
		t.Fatal(err)
	}
	kept := func() string { // the one in there
		t.Helper()
		names, err := filepath.Glob(filepath.Join(many, "*"))
		if err != nil || len(names) != 1 {
			t.Fatalf("in the folder: %q, %v", names, err)
		}
		run(0, "backup", "--check", names[0])
		return names[0]
	}
	keep := []string{"backup", many, "--keep", "1", "--server", "http://" + s.Addr}
	run(0, keep...)
	first := kept()
	fill(t, dir, 8<<10)
	if errs := run(1, keep...); !strings.Contains(errs, "the disk is full") || kept() != first {
		t.Errorf("it says %q", errs)
	}
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
	if err != nil || len(names) != 3 {
		t.Errorf("in the folder: %q, %v", names, err)
	}
	empty(t, dir)
	run(0, "backup", file, "--server", "http://"+s.Addr)
	// The old one cannot be removed: the new one counts all the same.
	if err := syscall.Mount(first, first, "", syscall.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	again := func() (errs string, code int) { // begun in another second
		harness.Until(t, time.Minute, "the clock moves on", func() bool { return time.Now().UTC().Format("vaiven-20060102-150405Z.backup") > filepath.Base(first) })
		_, errs, code = harness.Vaiven(t, append(keep, "--lang", "en")...)
		return errs, code
	}
	errs, code := again()
	names, err = filepath.Glob(filepath.Join(many, "*"))
	if code != 1 || !strings.Contains(errs, "an old backup cannot be removed") || err != nil || len(names) != 2 {
		t.Errorf("exit %d, in the folder: %q, %v; it says %q", code, names, err, errs)
	}
	if err := syscall.Unmount(first, 0); err != nil {
		t.Fatal(err)
	}
	if errs, code := again(); code != 0 || kept() == first {
		t.Errorf("exit %d, it says %q", code, errs)
	}
	s.Stop()
}
