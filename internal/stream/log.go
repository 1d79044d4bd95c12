package stream

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// Log is the log, open. Close it in the end.
type Log struct {
	o       Options
	subject string
	id      string
	first   uint64

	durability Durability

	writer uint64
	n      uint64 // records of this writer so far; of Open, then of Run

	queue   queue
	disk    disk
	folder  *folder  // nil without a Dir
	witness *witness // nil without a Dir, or with NoSync
	acked   atomic.Uint64

	running atomic.Bool
	done    chan struct{} // closed by Close
	ran     chan struct{} // closed when Run has returned
	once    sync.Once

	mu    sync.Mutex
	link  *link         // what is connected now
	moved chan struct{} // closed when link is replaced
	fatal error         // why the log cannot go on
}

// Open opens the log, or creates it with a LogStart as its first record. The
// error is one of this package's, or a network's. A failed Open leaves nothing
// open; it may leave an empty folder. When ctx ends first, Open returns within
// openGrace: a server that is still reading its files then gives everything back
// in the background, the folder's lock last.
func Open(ctx context.Context, o Options) (*Log, error) {
	if o.Dir == "" && o.URL == "" {
		return nil, errors.New("open log: neither a folder nor a NATS server is given")
	}
	o = o.withDefaults()
	l := &Log{o: o, subject: subjectOf(o.Stream), moved: make(chan struct{}), done: make(chan struct{}), ran: make(chan struct{})}
	l.queue.init(o.QueueEvents, o.QueueBytes)
	var b [8]byte
	if _, err := io.ReadFull(o.Rand, b[:]); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	l.writer = binary.LittleEndian.Uint64(b[:])
	opened := make(chan error, 1)
	go func() {
		err := l.open(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			l.release()
		}
		opened <- err
	}()
	if err := awaitOpen(ctx, opened); err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return l, nil
}

// openGrace is how long an open that is not wanted any more may take to end.
const openGrace = 2 * time.Second

// awaitOpen waits for the outcome of an open, and not much longer than ctx: the
// embedded server cannot be told to stop reading.
func awaitOpen(ctx context.Context, opened <-chan error) error {
	select {
	case err := <-opened:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(openGrace)
	defer late.Stop()
	select {
	case err := <-opened:
		return err
	case <-late.C:
		return ctx.Err()
	}
}

func (l *Log) open(ctx context.Context) (err error) {
	if l.o.Dir != "" {
		if l.folder, err = openFolder(l.o.Dir); err != nil {
			return err
		}
		if l.o.URL == "" {
			l.disk.init(l.o.Dir, l.o.Reserve)
		}
	}
	var known mark
	if l.folder != nil && !l.o.NoSync {
		if l.witness, known, err = openWitness(l.o.Dir); err != nil {
			return err
		}
	}
	var found uint64
	if l.o.URL == "" {
		if found, err = checkFiles(ctx, l.o.Dir, l.o.Stream, known); err != nil {
			return err
		}
		if found == 0 && known.acked == 0 {
			if err := clearUnborn(l.o.Dir, l.o.Stream); err != nil {
				return err
			}
		}
	}
	if l.link, err = l.dial(ctx); err != nil {
		return err
	}
	return l.begin(ctx, known, found)
}

// begin makes sure that the log has its first record, all that the witness
// knows of, and what was found in its files.
func (l *Log) begin(ctx context.Context, known mark, found uint64) error {
	var err error
	if err := l.link.ensureStream(ctx, &l.o, known, found); err != nil {
		return err
	}
	if l.durability, err = l.link.examine(ctx, &l.o); err != nil {
		return err
	}
	state, err := l.link.state(ctx)
	if err != nil {
		return err
	}
	if state.fresh && known.acked == 0 {
		if state, err = l.start(ctx, state); err != nil {
			return err
		}
	}
	if want := max(known.acked, found); want > state.last {
		return &LostRecordsError{Have: state.last, Want: want}
	}
	if found != 0 && state.last > found {
		return &MissingError{Want: found + 1, Got: state.last + 1}
	}
	if known.first != 0 && known.first < state.first {
		return &MissingError{Want: known.first, Got: state.first}
	}
	if err := l.readStart(ctx, state.first); err != nil {
		return err
	}
	l.first = state.first
	l.acked.Store(state.last)
	if l.n > 0 {
		l.o.Logger.Info("log created", "log", l.id, "first", l.first)
	}
	return l.remember(known, state.last)
}

// remember writes the first mark, or checks that the witness is of this log.
func (l *Log) remember(known mark, last uint64) error {
	if l.witness == nil {
		return nil
	}
	if known.log != "" && known.log != l.id {
		if l.o.URL == "" {
			return fmt.Errorf("%w: the folder's log was %s, now it is %s", ErrNotALog, known.log, l.id)
		}
		l.o.Logger.Warn("another log than last time", "log", l.id, "was", known.log)
	}
	return l.witness.begin(mark{log: l.id, first: l.first, acked: last})
}

// start writes the first record, unless another gateway was quicker, and returns
// the state with that record in it.
func (l *Log) start(ctx context.Context, st streamState) (streamState, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	var id [16]byte
	if _, err := io.ReadFull(l.o.Rand, id[:]); err != nil {
		return st, err
	}
	ev := &vaiven.LogStart{Stamp: l.o.Stamp(), Log: hex.EncodeToString(id[:])}
	rec, err := AppendRecord(nil, vaiven.Record{Writer: l.writer, N: 1, Events: []vaiven.Event{ev}})
	if err != nil {
		return st, err
	}
	if err := l.link.publishFirst(ctx, rec, st.last); err != nil {
		return st, err
	}
	// The quicker one's record may still be on its way into the log.
	for {
		if st, err = l.link.state(ctx); err != nil || !st.fresh {
			return st, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return st, err
		}
	}
}

// readStart reads the log's id from its first record, and whether that is this
// writer's: only then has this writer a record in the log.
func (l *Log) readStart(ctx context.Context, first uint64) error {
	b, err := l.link.get(ctx, first)
	if err != nil {
		return err
	}
	rec, err := DecodeRecord(first, b)
	if err != nil {
		return err
	}
	if len(rec.Events) > 0 {
		if s, ok := rec.Events[0].(*vaiven.LogStart); ok {
			l.id = s.Log
			if rec.Writer == l.writer {
				l.n = rec.N
			}
			return nil
		}
	}
	return ErrNotALog
}

// ID is the log's random name, 32 hexadecimal digits.
func (l *Log) ID() string { return l.id }

// First is the sequence of the log's first record, its LogStart.
func (l *Log) First() uint64 { return l.first }

// Last asks for the sequence of the last record, of any writer.
func (l *Log) Last(ctx context.Context) (uint64, error) {
	k, _ := l.current()
	st, err := k.state(ctx)
	if err != nil {
		return 0, fmt.Errorf("last record of the log: %w", err)
	}
	return st.last, nil
}

// Health is nil while the log accepts events, else why it does not.
func (l *Log) Health() error {
	l.mu.Lock()
	fatal := l.fatal
	l.mu.Unlock()
	if fatal != nil {
		return fatal
	}
	if err := l.disk.check(); err != nil {
		return err
	}
	if k, _ := l.current(); l.o.URL != "" && (k.nc == nil || !k.nc.IsConnected()) {
		return ErrDisconnected
	}
	return l.queue.health()
}

// Close ends Run and every Read, waits for Run, and gives back the folder or
// the connection. It is safe to call twice.
func (l *Log) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.queue.close(ErrClosed)
		if !l.running.CompareAndSwap(false, true) { // from now on Run does not begin
			<-l.ran
		}
		l.release()
	})
	return nil
}

// release gives back what open took.
func (l *Log) release() {
	l.mu.Lock()
	k := l.link
	l.link = nil
	clean := !errors.Is(l.fatal, ErrUncertain)
	l.mu.Unlock()
	if k != nil {
		k.close()
	}
	if l.witness != nil {
		if err := l.witness.close(clean); err != nil {
			l.o.Logger.Warn("the log's end was not marked as clean", "err", err)
		}
	}
	if l.folder != nil {
		l.folder.close()
	}
}

// current returns what is connected now, and a channel that is closed when it
// is replaced.
func (l *Log) current() (*link, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.link == nil {
		return deadLink, l.moved
	}
	return l.link, l.moved
}
