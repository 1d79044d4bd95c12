package stream

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
	"vaiven/internal/atomicfile"
)

// Options say where the log is and how it is kept. The zero value with a Dir
// is an embedded log with fsync.
type Options struct {
	// Dir is the folder of the embedded log; it is created if need be, and
	// locked while the log is open. With URL it may be "": then there is no
	// witness of what was acknowledged, beside the servers' own replicas.
	Dir string
	// URL is an external NATS server or cluster ("nats://a:4222,nats://b:4222"),
	// "" for the embedded one.
	URL string
	// Stream is the stream's name, default "VAIVEN". Its one subject is the
	// name in lower case with ".log" appended.
	Stream string
	// Replicas is for a stream that has to be created on an external cluster,
	// default 1.
	Replicas int
	// NoSync leaves out fsync. Acknowledged readings can then be lost with the
	// power: only for the control of the power-cut test.
	NoSync bool
	// OnCommit is told, in log order and from Run's goroutine, what is
	// durable. It must not block: the next commit waits for it.
	OnCommit func([]vaiven.Ticket)
	// FirstSeq is the first sequence of a log that has to be created, default
	// 1. A log that replaces a lost one starts behind it, so that no id is
	// used twice.
	FirstSeq uint64
	// Stamp tells the time for the records that the log itself writes,
	// default the system's, as unsynchronised UTC.
	Stamp func() vaiven.Stamp
	// StateAt is up to which record of the log with this id the caller has what the
	// records said, 0 for none: a log that was trimmed, and whose snapshots are lost,
	// opens all the same where that reaches its first record. Default: it has none.
	StateAt func(log string) uint64
	// Rand is the source of the log's id and the writer's, default
	// crypto/rand.
	Rand io.Reader
	// Logger is told what happens, default slog.Default().
	Logger *slog.Logger

	// Reserve is the free space, in bytes, below which nothing is written:
	// default 64 MiB or 2 % of the filesystem, whichever is less. Negative:
	// none.
	Reserve int64
	// QueueEvents and QueueBytes bound what Append takes before it is
	// committed, defaults 65,536 and 16 MiB (of encoded size, counted on the
	// safe side). When full, Append waits.
	QueueEvents, QueueBytes int
	// CommitTimeout is how long one attempt may go without an answer before
	// the record is sent again, default 5 s.
	CommitTimeout time.Duration
	// CommitEvery is how long the committer waits from the first event on, so that
	// others join its record; 0: it does not. What somebody waits for (a change of
	// state, a report, a change's end) and a full batch are committed at once.
	CommitEvery time.Duration
	// MakeRoom, if there is one, is asked when the free space is below the reserve,
	// before anything is refused, and again from time to time while it stays so. It
	// may call Trim and DropSnapshot, and returns whether something was freed. It is
	// called by Run, not concurrently; while it runs, nothing is committed.
	MakeRoom func(context.Context) bool
	// StallAfter is how long nothing may have been committed before Append
	// refuses with CodeBusy, default 2 s.
	StallAfter time.Duration
	// DrainTimeout is how long Run goes on committing what is queued after its
	// context has ended, default 5 s.
	DrainTimeout time.Duration
	// CloseTimeout is how long Close waits for what does not end, as an embedded server
	// on a disk that hangs, default 10 s more than DrainTimeout.
	CloseTimeout time.Duration
}

func (o Options) withDefaults() Options {
	o.Stream = cmp.Or(o.Stream, "VAIVEN")
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.FirstSeq = cmp.Or(o.FirstSeq, 1)
	if o.OnCommit == nil {
		o.OnCommit = func([]vaiven.Ticket) {}
	}
	if o.Stamp == nil {
		o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli()} }
	}
	o.Rand = cmp.Or(o.Rand, rand.Reader)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	o.QueueEvents = cmp.Or(o.QueueEvents, 65_536)
	o.QueueBytes = cmp.Or(o.QueueBytes, 16<<20)
	o.CommitTimeout = cmp.Or(o.CommitTimeout, 5*time.Second)
	o.StallAfter = cmp.Or(o.StallAfter, 2*time.Second)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 5*time.Second)
	o.CloseTimeout = cmp.Or(o.CloseTimeout, o.DrainTimeout+10*time.Second)
	return o
}

// openGrace is how long an open that is not wanted any more may take to end.
const openGrace = 2 * time.Second

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
	l := &Log{o: o, subject: subjectOf(o.Stream), moved: make(chan struct{}), ran: make(chan struct{}),
		keeping: make(chan struct{}, 1)}
	l.flusher.init()
	l.closing, l.beginClose = context.WithCancel(context.Background())
	l.queue.init(o.QueueEvents, o.QueueBytes, o.CommitEvery > 0)
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
			err = joined(err, l.giveBack(false))
		}
		opened <- err
	}()
	var err error
	select {
	case err = <-opened:
	case <-ctx.Done():
		// The embedded server cannot be told to stop reading.
		select {
		case err = <-opened:
		case <-time.After(openGrace):
			err = ctx.Err()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return l, nil
}

// open takes the folder, reads what its files say before any server sees them, and
// connects to the store.
func (l *Log) open(ctx context.Context) (err error) {
	embedded := l.o.URL == ""
	if l.o.Dir != "" {
		if l.lock, err = lockFolder(l.o.Dir); err != nil {
			return err
		}
		if embedded {
			l.disk.dir, l.disk.reserve = l.o.Dir, l.o.Reserve
		}
	}
	var known mark
	if l.lock != nil && !l.o.NoSync {
		if l.witness, known, err = openWitness(l.o.Dir); err != nil {
			return err
		}
	}
	var found uint64
	var lacking []entry
	if embedded {
		if lacking, err = l.openJournal(&known); err != nil {
			return err
		}
		if found, err = readyFiles(ctx, l.o.Dir, l.o.Stream, known); err != nil {
			return err
		}
		if found == 0 && known.acked == 0 {
			if err := clearUnborn(l.o.Dir, l.o.Stream); err != nil {
				return err
			}
		}
	}
	if l.store, err = l.connect(ctx); err != nil {
		return err
	}
	if err := l.checkStream(ctx, known, found, lacking); err != nil {
		return err
	}
	if err := l.adoptStream(ctx); err != nil {
		return err
	}
	if l.journal != nil {
		l.flusher.work.Go(l.keepFlushing)
	}
	return nil
}

// openJournal opens the journal, and returns the records that the blocks have lost since
// they were last synced; known is then what the blocks are to have. Where there is no room
// for a journal, JetStream syncs every record.
func (l *Log) openJournal(known *mark) (lacking []entry, err error) {
	if l.witness == nil {
		return nil, nil
	}
	j, entries, err := openJournal(l.o.Dir, known.log)
	counts := known.journaled && !known.clean
	none := errors.Is(err, errNoJournal)
	if err != nil && counts && !none {
		return nil, fmt.Errorf("%w: what was written last may only be in the journal: %w", ErrUnreadable, err)
	}
	if counts && (none || j.fresh) {
		l.o.Logger.Warn("the journal is gone, or was damaged and is set aside: if the power was cut, records of the last minutes are gone with it")
	}
	if err != nil {
		l.o.Logger.Info("no journal: more is written to the disk", "err", err)
		return nil, nil
	}
	if l.journal = j; !counts {
		return nil, nil
	}
	if len(entries) > 0 { // it had them on the disk, whatever the witness still knows
		known.acked = max(known.acked, entries[len(entries)-1].seq)
	}
	if id := metaLogOf(l.o.Dir, l.o.Stream); id != "" && id != known.log {
		return nil, nil // other blocks: it will be said
	}
	if lacking, err = mendTail(l.o.Dir, l.o.Stream, known.acked, known.first, entries); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if len(lacking) > 0 {
		known.acked = lacking[0].seq - 1 // the rest is written again
	}
	return lacking, nil
}

// checkStream makes sure that the log has its beginning, all that the witness knows of,
// and what was found in its files; and writes to it what is lacking.
func (l *Log) checkStream(ctx context.Context, known mark, found uint64, lacking []entry) error {
	if err := l.ensureStream(ctx, known, found); err != nil {
		return err
	}
	payload := l.store.nc.MaxPayload()
	if payload < MaxRecord {
		return fmt.Errorf("%w: the server takes messages of %d bytes (max_payload), records are up to %d", ErrUnsafe, payload, MaxRecord)
	}
	state, err := l.store.state(ctx)
	if err != nil {
		return err
	}
	embedded := l.store.srv != nil
	l.durability = Durability{Embedded: embedded, Synced: embedded && !l.o.NoSync, Server: l.store.nc.ConnectedServerName(),
		Cluster: state.cluster, Replicas: state.replicas, MaxPayload: payload}
	if state.fresh && known.acked == 0 {
		// Or a power cut might leave a record in a stream that JetStream does not load.
		if err := l.syncRest(); err != nil {
			return fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
		if state, err = l.writeStart(ctx, state); err != nil {
			return err
		}
	}
	if state.marked() {
		if err := l.checkOwnLog(known, state.id); err != nil {
			return err
		}
	}
	if want := max(known.acked, found); want > state.last {
		return &LostRecordsError{Have: state.last, Want: want}
	}
	if found != 0 && state.last > found {
		return &MissingError{Want: found + 1, Got: state.last + 1}
	}
	if !state.marked() && known.first != 0 && known.first < state.first {
		return &MissingError{Want: known.first, Got: state.first}
	}
	if state, err = l.readStart(ctx, state); err != nil {
		return err
	}
	// The snapshots may say more than the blocks: they were durable before those.
	if state.last, err = l.restore(ctx, state.last, lacking); err != nil {
		return err
	}
	if err := l.checkBeginning(ctx, known, state); err != nil {
		return err
	}
	return l.begin(known, state)
}

// begin makes the log this process's own: from here on what it writes counts, and the
// witness knows it.
func (l *Log) begin(known mark, state streamState) error {
	l.acked.moveTo(state.last)
	if l.n > 0 {
		l.o.Logger.Info("log created", "log", l.id, "first", l.genesis)
	}
	if l.witness == nil {
		return nil
	}
	if known.log != "" && known.log != l.id {
		if err := l.checkOwnLog(known, l.id); err != nil {
			return err
		}
		if l.o.URL == "" {
			return fmt.Errorf("%w: the folder's log was %s, now it is %s", ErrNotALog, known.log, l.id)
		}
		l.o.Logger.Warn("another log than last time", "log", l.id, "was", known.log)
	}
	if err := l.beginJournal(); err != nil {
		return err
	}
	return l.witness.start(mark{log: l.id, first: l.First(), acked: state.last, journaled: l.journal != nil})
}

// beginJournal empties the journal, when all of the log is on the disk.
func (l *Log) beginJournal() error {
	if l.journal == nil {
		return nil
	}
	// The folder, too: it may just have got its first files.
	if err := errors.Join(l.syncRest(), l.flush(), atomicfile.SyncFolder(l.o.Dir)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	if err := l.journal.begin(l.id, l.acked.Load()); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}

// checkOwnLog returns an *OwnLogError when the log is to be on a server that has another
// one, or none, and the folder has an embedded one.
func (l *Log) checkOwnLog(known mark, other string) error {
	if l.o.URL == "" || known.acked == 0 || known.log == other {
		return nil
	}
	files, err := listBlocks(l.o.Dir, l.o.Stream)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for _, f := range files {
		if f.size > 0 {
			return &OwnLogError{Dir: l.o.Dir, Acked: known.acked, Other: other}
		}
	}
	return nil
}

// adoptStream gives a stream that an earlier version made what this one needs: the
// log's id, which must outlive the first record, and compression, which an embedded
// server begins with when it starts. A server that refuses is no reason not to run.
func (l *Log) adoptStream(ctx context.Context) error {
	changed, err := l.store.completeConfig(ctx, l.id, l.genesis)
	if ctx.Err() != nil {
		return ctx.Err() // the server ends: nothing is wrong with the stream
	}
	if err != nil {
		l.o.Logger.Warn("the stream stays as it was made: the log cannot be trimmed", "err", err)
		return nil
	}
	if !changed || l.o.URL != "" {
		return nil
	}
	if err := l.close(ctx, l.store); err != nil {
		return err
	}
	if l.store, err = l.connect(ctx); err == nil {
		err = l.syncRest()
	}
	return err
}

// writeStart writes the first record, unless another gateway was quicker, and returns
// the state with that record in it.
func (l *Log) writeStart(ctx context.Context, st streamState) (streamState, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	id := st.id // all who write the first record at once write the same id
	if id == "" {
		var err error
		if id, err = l.newID(); err != nil {
			return st, err
		}
	}
	ev := &vaiven.LogStart{Stamp: l.o.Stamp(), Log: id}
	rec, err := AppendRecord(nil, vaiven.Record{Writer: l.writer, N: 1, Events: []vaiven.Event{ev}})
	if err != nil {
		return st, err
	}
	msg := nats.NewMsg(l.subject)
	msg.Data = rec
	msg.Header.Set(jetstream.ExpectedLastSeqHeader, strconv.FormatUint(st.last, 10))
	for written := false; !written; {
		_, err := l.store.publish(ctx, msg, apiTimeout)
		var api *jetstream.APIError
		quicker := errors.As(err, &api) && (api.ErrorCode == codeWrongLast || api.ErrorCode == codeWrongLastOnItsWay)
		if written = err == nil || quicker; written {
			continue
		}
		if errors.Is(err, errNever) || ctx.Err() != nil {
			return st, err
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return st, err
		}
	}
	// The quicker one's record may still be on its way into the log.
	for {
		if st, err = l.store.state(ctx); err != nil || !st.fresh {
			return st, err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return st, err
		}
	}
}

// newID draws a log's random name.
func (l *Log) newID() (string, error) {
	var id [16]byte
	_, err := io.ReadFull(l.o.Rand, id[:])
	return hex.EncodeToString(id[:]), err
}

// readStart finds out the log's id and where it began: from the stream's metadata, and
// from the first record while that is there. It also learns whether that record is this
// writer's: only then has this writer a record in the log. Another node may trim the log
// meanwhile; the state is then asked for again.
func (l *Log) readStart(ctx context.Context, st streamState) (streamState, error) {
	for {
		l.id, l.genesis = st.id, st.genesis
		if st.marked() && st.first > st.genesis {
			return st, nil
		}
		b, err := l.store.record(ctx, st.first)
		var missing *MissingError
		if errors.As(err, &missing) {
			again, serr := l.store.state(ctx)
			if serr == nil && again.first > st.first {
				st = again
				continue
			}
		}
		if err != nil {
			return st, err
		}
		rec, err := DecodeRecord(st.first, b)
		if err != nil {
			return st, err
		}
		id := startedLog(rec)
		if id == "" || st.marked() && (id != st.id || st.first < st.genesis) {
			return st, ErrNotALog
		}
		l.id, l.genesis = id, st.first
		if rec.Writer == l.writer {
			l.n = rec.N
		}
		return st, nil
	}
}
