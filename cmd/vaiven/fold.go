package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// maxFolded is how many lines are remembered as said.
const maxFolded = 64

// folded hands a line on once in remindEvery: what fails every few seconds, for
// as long as it does, fills no screen and no journal.
type folded struct {
	slog.Handler

	mu   sync.Mutex
	said map[string]time.Time
}

func fold(h slog.Handler) *folded { return &folded{Handler: h, said: map[string]time.Time{}} }

// Handle drops what was said a while ago, word for word.
func (f *folded) Handle(ctx context.Context, r slog.Record) error {
	key := r.Message
	r.Attrs(func(a slog.Attr) bool { key += " " + a.String(); return true })
	if f.again(key, r.Time) {
		return nil
	}
	return f.Handler.Handle(ctx, r)
}

func (f *folded) again(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.said[key]; ok && now.Sub(at) < remindEvery {
		return true
	}
	if len(f.said) >= maxFolded {
		clear(f.said) // rather a line twice than one never
	}
	f.said[key] = now
	return false
}
