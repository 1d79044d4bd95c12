// Package live owns the live feeds: the log's one stream of events, followed
// over WebSocket, Server-Sent Events, long polling and newline-delimited JSON,
// because proxies and firewalls are not all alike. All four resume behind an
// event's id without a gap or a repeat, and have the same filters.
//
//	GET /api/v1/live/ws      each event one text message
//	GET /api/v1/live/sse     text/event-stream; Last-Event-ID resumes
//	GET /api/v1/live/ndjson  one JSON object per line
//	GET /api/v1/live/poll    {"events":[...],"next":"ID"}; wait=30s, limit=500
//
//	?after=ID                only what comes behind it; 0 or "begin": everything;
//	                         left out: from now on
//	?device=101,102          only these devices
//	?kind=reading,state      only these kinds; "state" and "session" are groups
//
// The first thing on a stream, and a sign of life when nothing happens, is the
// position: the id up to which the log was looked through, also when the filter
// let nothing of it pass. An id that this log has not reached is answered with
// 410: it is another log's, or one that was restored from an older copy. A node
// of a cluster that is itself behind the log answers 503 instead. Where the log no
// longer has what came behind the id, the stream says so behind the first position,
// {"kind":"trimmed","first":"ID"}, and goes on with that event; a poll has a member
// "trimmed".
//
// Feed is a view of the log. It encodes each event once into a ring in memory,
// and does not decide who may follow: the requests that its Handler is given carry a
// [vaiven.Principal], and each follower is shown what that may see. One whose token is
// taken back, or expires, ends before the next event ("revoked"). It does not own the log; what the ring no longer holds it asks for
// through History.
//
// Apply belongs to the pump; everything else may be called from any goroutine.
//
// # Slow and dead peers
//
// A follower is a place in the log and nothing more: it holds no queue of
// events, so one that is slow harms nobody. What it has missed comes from the
// ring, or from the log through one of a few readers, once it can take it. One
// that takes nothing for Options.WriteTimeout is dropped; what it holds until
// then is one batch, 32 KiB (256 KiB when it comes from the log) and its copy on
// the way out. A WebSocket is told why and where to resume (1013, "too slow:
// resume after ID"); an HTTP stream can only end, and resumes after the last id
// that it got.
//
// When the feed is closed, or cannot read the log, every follower is told where
// to resume: a WebSocket by its close frame's reason, a stream by a last message
// {"kind":"bye","reason":"shutdown","id":"ID"}.
package live

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
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

	// Trimmed returns the first id that the log still has, when something behind after
	// is not there any more; the zero id otherwise. Default: nothing is.
	Trimmed func(after vaiven.ID) vaiven.ID

	// IsGood reports whether what a follower showed is still good; it is asked behind
	// every [Feed.Recheck]. Default: it always is.
	IsGood func(vaiven.Principal) bool

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
	if o.IsGood == nil {
		o.IsGood = func(vaiven.Principal) bool { return true }
	}
	if o.Trimmed == nil {
		o.Trimmed = func(vaiven.ID) vaiven.ID { return vaiven.ID{} }
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

// errShutdown is why followers end when the feed is closed.
var errShutdown = errors.New("live: the server is shutting down")

// Feed is the view of the log that followers read. It is handed what comes
// from some record on; everything before it asks the log for.
type Feed struct {
	o        Options
	ring     ring
	scratch  []byte        // of Apply
	readers  chan struct{} // holds one for each follower that reads the log
	counts   counts
	rechecks atomic.Uint64 // how often followers were to be asked again

	ctx  context.Context // done when the feed is closed
	stop context.CancelCauseFunc

	mu          sync.Mutex
	closed      bool
	byTransport [transports]int // followers
	running     sync.WaitGroup  // the same followers
}

// New returns a feed that nobody follows yet.
func New(o Options) (*Feed, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Feed{o: o, readers: make(chan struct{}, o.Readers)}
	f.ring = ring{maxEvents: o.MaxEvents, maxBytes: o.MaxBytes, wake: make(chan struct{})}
	f.ctx, f.stop = context.WithCancelCause(context.Background())
	return f, nil
}

// Name is "live".
func (f *Feed) Name() string { return "live" }

// Apply encodes a record's events into the ring and wakes the followers. It
// waits for none of them, and never fails.
func (f *Feed) Apply(pos uint64, entries []vaiven.Entry) error {
	slots := make([]slot, len(entries))
	ends := make([]int, len(entries))
	f.scratch = f.scratch[:0]
	for i, en := range entries {
		f.scratch = f.o.Encode(f.scratch, en)
		ends[i] = len(f.scratch)
		slots[i] = slot{id: en.ID, kind: vaiven.KindOf(en.Event), device: en.Event.Of()}
	}
	buf := append([]byte(nil), f.scratch...)
	from := 0
	for i, to := range ends {
		slots[i].json = buf[from:to:to]
		from = to
	}
	if cap(f.scratch) > maxScratch {
		f.scratch = nil
	}
	f.ring.add(pos, slots)
	return nil
}

// maxScratch is how much room Apply keeps between two records.
const maxScratch = 1 << 20

// Snapshot is empty: what followers need after a restart stands in the log.
func (f *Feed) Snapshot() ([]byte, error) { return nil, nil }

// Now is the id behind which a follower begins that asks for what comes from
// now on.
func (f *Feed) Now() vaiven.ID {
	if id, ok := f.ring.newest(); ok {
		return id
	}
	return endOf(f.o.History.Position())
}

// Recheck has every follower asked again whether what it showed is still good. It waits
// for none of them.
func (f *Feed) Recheck() {
	f.rechecks.Add(1)
	f.ring.rouse()
}

// Close tells every follower where to resume, ends them all within a second,
// and waits for that. Whoever comes later is answered 503. Safe twice.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.stop(errShutdown)
	f.running.Wait()
	return nil
}

// join counts a follower in; ok is false when there is no room, or the feed is
// closed. Who joined owes a leave.
func (f *Feed) join(t Transport) (ok, closed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, c := range f.byTransport {
		n += c
	}
	if f.closed || n >= f.o.MaxFollowers {
		return false, f.closed
	}
	f.byTransport[t]++
	f.running.Add(1)
	return true, false
}

func (f *Feed) leave(t Transport) {
	f.mu.Lock()
	f.byTransport[t]--
	f.mu.Unlock()
	f.running.Done()
}

// followers is how many there are.
func (f *Feed) followers() (by [transports]int, all int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, n := range f.byTransport {
		all += n
	}
	return f.byTransport, all
}

// Transport is one of the four ways to follow.
type Transport int

// The transports.
const (
	WebSocket Transport = iota
	SSE
	Poll
	NDJSON
	transports
)

// String is the last part of the transport's path.
func (t Transport) String() string { return [...]string{"ws", "sse", "poll", "ndjson"}[t] }

// Reason says why a follower ended.
type Reason int

// Why followers end.
const (
	Left     Reason = iota // the peer went, or was answered (long polling)
	TooSlow                // it took nothing for Options.WriteTimeout
	Shutdown               // the feed was closed
	Busy                   // too many readers of the log
	Failed                 // the log could not be read
	Spoke                  // it sent a message
	Revoked                // what it showed is not good any more
	reasons
)

// String is the reason's name, in stats and in the last message of a stream.
func (r Reason) String() string {
	return [...]string{"left", "too_slow", "shutdown", "busy", "error", "spoke", "revoked"}[r]
}

// counts are what a Feed counts since it began.
type counts struct {
	sent     [transports]atomic.Uint64
	bytes    atomic.Uint64
	ended    [reasons]atomic.Uint64
	refused  atomic.Uint64
	readings atomic.Uint64
	waiting  atomic.Int64
}

// Stats are figures of a feed; all but the followers and the ring are counted
// since it began.
type Stats struct {
	Followers  map[string]int    // by transport; a long poll counts while it waits
	Sent       map[string]uint64 // events, by transport
	Bytes      uint64            // of their JSON
	Ended      map[string]uint64 // followers, by reason; polls that were answered are not counted
	Refused    uint64            // followers for whom there was no room
	Readings   uint64            // turns of reading the log
	Waiting    int               // followers that wait for such a turn
	RingEvents int
	RingBytes  int
}

// Stats returns the figures of now.
func (f *Feed) Stats() Stats {
	s := Stats{
		Followers: make(map[string]int), Sent: make(map[string]uint64), Ended: make(map[string]uint64),
		Bytes: f.counts.bytes.Load(), Refused: f.counts.refused.Load(), Readings: f.counts.readings.Load(),
		Waiting: int(f.counts.waiting.Load()),
	}
	by, _ := f.followers()
	for t := range transports {
		s.Followers[t.String()] = by[t]
		s.Sent[t.String()] = f.counts.sent[t].Load()
	}
	for r := range reasons {
		s.Ended[r.String()] = f.counts.ended[r].Load()
	}
	s.RingEvents, s.RingBytes = f.ring.size()
	return s
}

// sent counts a batch.
func (c *counts) sentBatch(t Transport, b *Batch) {
	c.sent[t].Add(uint64(len(b.Events)))
	c.bytes.Add(uint64(len(b.buf)))
}
