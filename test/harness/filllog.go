//go:build linux

package harness

import (
	"context"
	"log/slog"
	"testing"

	"vaiven"
	"vaiven/internal/stream"
)

// FillLog makes a log in dir without a server, and is quick: nothing is synced. fill
// puts the events into it, group by group.
func FillLog(t testing.TB, dir string, fill func(put func([]vaiven.Event))) {
	t.Helper()
	log, err := stream.Open(t.Context(), stream.Options{Dir: dir, NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- log.Run(ctx) }()
	fill(func(events []vaiven.Event) {
		if err := log.Append(t.Context(), events, nil); err != nil {
			t.Fatal(err)
		}
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}
