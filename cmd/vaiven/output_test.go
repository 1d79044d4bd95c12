package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestALineThatComesAgainIsFolded(t *testing.T) {
	var out bytes.Buffer
	f := fold(slog.NewTextHandler(&out, nil))
	start := time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)
	say := func(after time.Duration, text string, args ...any) {
		r := slog.NewRecord(start.Add(after), slog.LevelWarn, text, 0)
		r.Add(args...)
		if err := f.Handle(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	for s := range 600 { // once a second, for ten minutes
		say(time.Duration(s)*time.Second, "checkpoint not written", "err", "input/output error")
	}
	say(600*time.Second, "checkpoint not written", "err", "read-only file system")
	if n := strings.Count(out.String(), "input/output"); n != 2 {
		t.Errorf("%d lines in ten minutes\n%s", n, out.String())
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines\n%s", n, out.String())
	}
	for i := range 10 * maxFolded {
		say(time.Hour, fmt.Sprint("line ", i))
	}
	if len(f.said) > maxFolded {
		t.Errorf("%d lines are remembered", len(f.said))
	}
}
