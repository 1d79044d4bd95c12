package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven/internal/server"
)

// aRun makes the folder of a run: its turn ("" none), and when its log was
// written.
func aRun(t *testing.T, dir, turn string, used time.Time) {
	t.Helper()
	if err := os.MkdirAll(server.LogDir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	acked := filepath.Join(server.LogDir(dir), "acked")
	if err := os.WriteFile(acked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(acked, used, used); err != nil {
		t.Fatal(err)
	}
	if turn != "" {
		if err := os.WriteFile(filepath.Join(dir, turnName), []byte(turn), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestContinueGoesOnInTheRunUsedLast(t *testing.T) {
	day := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	const early, late = "lab-20200101-000000", "lab-20990101-000000"
	for name, c := range map[string]struct {
		make func(t *testing.T)
		want string
	}{
		"the turn, whatever clock and name say": {func(t *testing.T) {
			aRun(t, early, "3\n", day)
			aRun(t, late, "2\n", day.Add(time.Hour))
		}, early},
		"a damaged turn is none": {func(t *testing.T) {
			aRun(t, early, "1", day)
			aRun(t, late, "\x00\x00", day.Add(time.Hour))
		}, early},
		"the log's time, of runs of an earlier vaiven": {func(t *testing.T) {
			aRun(t, early, "", day.Add(time.Hour))
			aRun(t, late, "", day)
		}, early},
		"a folder without a log was never used": {func(t *testing.T) {
			aRun(t, early, "", day)
			_ = os.Mkdir(late, 0o755)
		}, early},
		"the name, when nothing else tells": {func(t *testing.T) {
			aRun(t, early, "", day)
			aRun(t, late, "", day)
		}, late},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			c.make(t)
			conf := &config{}
			if err := (&program{}).chooseFolder(conf, "lab", true); err != nil || conf.Data != c.want {
				t.Errorf("%q, %v; want %q", conf.Data, err, c.want)
			}
		})
	}
}

func TestANewRunTakesNoFolderThatIsThere(t *testing.T) {
	t.Chdir(t.TempDir())
	day := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for range 3 {
		dir := newFolder("lab", day) // the clock stands still
		if seen[dir] {
			t.Fatalf("%s twice", dir)
		}
		seen[dir] = true
		aRun(t, dir, "", day)
	}
}

// TestRunsInTurn runs the command: --continue goes on in what was used last, and
// says so.
func TestRunsInTurn(t *testing.T) {
	t.Chdir(t.TempDir())
	first := labOnce(t)
	second := labOnce(t)
	if first == second {
		t.Fatalf("%s twice", first)
	}
	for _, turn := range []string{"3", "4"} {
		if got := labOnce(t, "--continue"); got != second+"  (goes on: the one used last of 2)" {
			t.Errorf("--continue: %q", got)
		}
		if b, err := os.ReadFile(filepath.Join(second, turnName)); err != nil || strings.TrimSpace(string(b)) != turn {
			t.Errorf("turn %q, %v; want %s", b, err, turn)
		}
	}
}

// labOnce runs a lab that is interrupted when it is ready, and returns what its
// banner says of the data.
func labOnce(t *testing.T, args ...string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, errs lockedBuffer
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"lab", "--lang", "en", "--listen", freePort(t)}, args...),
			streams{os.Stdin, &out, &errs, func(string) string { return "" }})
	}()
	deadline := time.Now().Add(patience)
	for !strings.Contains(errs.String(), "for the sketch") {
		if time.Now().After(deadline) {
			t.Fatalf("no banner:\n%s", errs.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	if got := <-code; got != exitOK {
		t.Fatalf("exit %d\n%s", got, errs.String())
	}
	for line := range bytes.Lines([]byte(errs.String())) {
		if data, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "data "); ok {
			return strings.TrimSpace(data)
		}
	}
	t.Fatalf("no data in the banner:\n%s", errs.String())
	return ""
}
