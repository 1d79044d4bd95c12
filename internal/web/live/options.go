package live

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"vaiven"
	"vaiven/internal/event"
)

// History is the log, for followers that are behind the ring.
type History interface {
	// History hands fn what stands in the log behind an id, in log order and
	// without repeats, up to at least what Position said before the call. It
	// ends with fn's first error, and when ctx is done.
	History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error
	// Position is the last record that was decided; what the feed is handed is
	// never ahead of it.
	Position() uint64
}

// Options configure a Feed. History is required.
type Options struct {
	History History

	// Encode appends an entry as one JSON object with the member "id", without
	// a line's end. Default: as [event.Append].
	Encode func(dst []byte, e vaiven.Entry) []byte

	// Last asks for the last record that the log has, also where this node has
	// not read it yet. Default: what History.Position says.
	Last func(context.Context) (uint64, error)

	// MaxEvents and MaxBytes of JSON bound the ring. Full means that the oldest
	// goes; who needs it reads the log. Default 16,384 and 16 MiB.
	MaxEvents int
	MaxBytes  int

	// MaxFollowers is how many may follow at once; one more is answered 503.
	// Default 1,000.
	MaxFollowers int

	// Readers is how many followers read the log at once. The others wait, for
	// ReaderWait at most; then they are told to come again. Default 4, 10 s.
	Readers    int
	ReaderWait time.Duration

	// Heartbeat is the silence after which a stream says its position. Default
	// 15 s.
	Heartbeat time.Duration

	// WriteTimeout is how long a follower may take nothing. Default 10 s.
	WriteTimeout time.Duration

	// Linger is how long a stream that is written to often collects events, so
	// that they share a write; what comes after a pause leaves at once. Default
	// 5 ms; negative: never.
	Linger time.Duration

	// Grace is how long a follower with an id that this node has not reached
	// waits before it is refused: the node may only be behind the one that handed
	// the id out. One that is behind for longer asks the follower to come again;
	// an id that the log itself does not have is refused for good. Default 3 s.
	Grace time.Duration

	Lang   vaiven.Lang  // of what a refusal says
	Logger *slog.Logger // told when the log cannot be read; silent by default
}

// Defaults of Options.
const (
	defaultEvents    = 16 << 10
	defaultBytes     = 16 << 20
	defaultFollowers = 1000
	defaultReaders   = 4
)

func (o Options) withDefaults() (Options, error) {
	if o.History == nil {
		return o, errors.New("live: History is required")
	}
	if o.Encode == nil {
		o.Encode = func(dst []byte, e vaiven.Entry) []byte { return event.Append(dst, e, "") }
	}
	if o.Last == nil {
		o.Last = func(context.Context) (uint64, error) { return o.History.Position(), nil }
	}
	o.MaxEvents = cmp.Or(max(o.MaxEvents, 0), defaultEvents)
	o.MaxBytes = cmp.Or(max(o.MaxBytes, 0), defaultBytes)
	o.MaxFollowers = cmp.Or(max(o.MaxFollowers, 0), defaultFollowers)
	o.Readers = cmp.Or(max(o.Readers, 0), defaultReaders)
	o.ReaderWait = cmp.Or(max(o.ReaderWait, 0), 10*time.Second)
	o.Heartbeat = cmp.Or(max(o.Heartbeat, 0), 15*time.Second)
	o.WriteTimeout = cmp.Or(max(o.WriteTimeout, 0), 10*time.Second)
	o.Grace = cmp.Or(max(o.Grace, 0), 3*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Linger == 0 {
		o.Linger = 5 * time.Millisecond
	}
	return o, nil
}
