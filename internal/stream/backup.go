package stream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// ReadRaw is Read for whoever keeps records and does not look into them: fn is
// handed the bytes of each, whose checksum was found right, until it returns.
func (l *Log) ReadRaw(ctx context.Context, from, to uint64, fn func(seq uint64, record []byte) error) error {
	return l.read(ctx, &reader{l: l, next: max(from, 1), to: to, raw: fn})
}

// handOnRaw checks a record and gives its bytes to the ReadRaw's user.
func (r *reader) handOnRaw(seq uint64, b []byte) error {
	if _, r.err = openEnvelope(b); r.err != nil {
		r.err = fmt.Errorf("record %d: %w", seq, r.err)
		return r.err
	}
	r.next++
	r.err = r.raw(seq, b)
	return r.err
}

// ErrNotEmpty means that the folder holds a log already.
var ErrNotEmpty = errors.New("folder has a log")

// writeAhead is how many records WriteLog has under way.
const writeAhead = 64

// Genesis is the sequence of the log's LogStart, which a trimmed log does not have any
// more.
func (l *Log) Genesis() uint64 { return l.genesis }

// Copy is what WriteLog makes a log of.
type Copy struct {
	ID      string // of the log
	Genesis uint64 // of its LogStart
	First   uint64 // of its first record
	// Snapshots are those beside it, by their positions. One that reaches First-1 must be
	// among them, or the log begins with its LogStart.
	Snapshots []vaiven.SnapshotInfo
	// Snapshot returns the data of each, in their order and before any record; WriteLog
	// has no use for it once it asks for the next, so that one at a time is in memory.
	Snapshot func(i int) ([]byte, error)
	// Next returns the records one by one, and io.EOF behind the last.
	Next func() ([]byte, error)
}

// WriteLog writes a log, embedded, into a folder that has none. The records keep their
// bytes and their places, the log its id and its snapshots. Of o, Dir, Stream, Rand and
// Logger count.
//
// It is not on disk when WriteLog returns: the caller syncs the folder, and uses it
// only when WriteLog has returned nil. After an error, or a kill, the folder holds a
// part of the log, which nobody must take for all of it.
func WriteLog(ctx context.Context, o Options, c Copy) (err error) {
	o = o.withDefaults()
	o.URL, o.FirstSeq, o.NoSync = "", c.First, true
	if n := len(c.Snapshots); c.First > c.Genesis && (n == 0 || c.Snapshots[n-1].Pos+1 < c.First) {
		return &MissingError{Want: c.Genesis, Got: c.First}
	}
	folder, err := lockFolder(o.Dir)
	if err != nil {
		return err
	}
	l := &Log{o: o, subject: subjectOf(o.Stream), id: c.ID, genesis: c.Genesis, lock: folder}
	l.flusher.init()
	defer func() { err = joined(err, l.giveBack(false)) }()
	if files, err := listBlocks(o.Dir, o.Stream); err != nil || len(files) > 0 {
		return errors.Join(ErrNotEmpty, err)
	}
	l.disk.dir = o.Dir
	if err := l.disk.checkSpace(); err != nil {
		return err
	}
	if l.store, err = l.connect(ctx); err != nil {
		return err
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	defer l.store.onTrouble(cut)() // a server that could not write does not answer
	cfg := streamConfig(&o, l.subject)
	cfg.Metadata = metadata(c.ID, c.Genesis)
	if _, err := l.store.obtainStream(ctx, cfg, nil); err != nil {
		return err
	}
	if err := l.copySnapshots(ctx, c); err != nil {
		return err
	}
	w := &logWriter{s: l.store, disk: &l.disk, c: c, seq: c.First}
	for {
		b, err := c.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = w.write(ctx, bytes.Clone(b))
		}
		if err != nil {
			return err
		}
	}
	if err := w.settle(ctx, 0); err != nil {
		return err
	}
	if c.First > c.Genesis {
		if _, err := l.putTrimMark(ctx, l.store, c.First); err != nil {
			return err
		}
	}
	return beginWitness(o.Dir, mark{log: c.ID, first: c.First, acked: w.seq - 1})
}

// beginWitness writes what a log's witness begins with. It is not clean: the first Open
// reads every record.
func beginWitness(dir string, m mark) error {
	witness, _, err := openWitness(dir)
	if err != nil {
		return err
	}
	err = witness.start(m)
	return errors.Join(err, witness.close(false))
}

// copySnapshots writes the snapshots, one by one.
func (l *Log) copySnapshots(ctx context.Context, c Copy) error {
	if len(c.Snapshots) > 0 {
		if _, err := l.store.obtainStream(ctx, snapshotsConfig(l.store, 1), nil); err != nil {
			return err
		}
	}
	for i, info := range c.Snapshots {
		data, err := c.Snapshot(i)
		if err != nil {
			return err
		}
		if err := l.disk.checkRoomFor(int64(len(data))); err != nil {
			return err
		}
		subject := l.store.snapshotSubject(strconv.FormatUint(info.Pos, 10), fmt.Sprintf("%016x", i))
		if err := l.store.putPieces(ctx, subject, c.ID, info, data); err != nil {
			return err
		}
	}
	return nil
}

// logWriter writes records that have their places already.
type logWriter struct {
	s       *store
	disk    *disk
	c       Copy
	seq     uint64 // of the next record
	pending []jetstream.PubAckFuture
}

func (w *logWriter) write(ctx context.Context, b []byte) error {
	if err := w.disk.checkSpace(); err != nil {
		return err
	}
	if w.seq == w.c.Genesis {
		rec, err := DecodeRecord(w.seq, b)
		if err != nil {
			return err
		}
		if startedLog(rec) != w.c.ID {
			return fmt.Errorf("record %d: %w %s", w.seq, ErrNotALog, w.c.ID)
		}
	} else if _, err := openEnvelope(b); err != nil {
		return fmt.Errorf("record %d: %w", w.seq, err)
	}
	answer, err := w.s.js.PublishMsgAsync(&nats.Msg{Subject: w.s.subject, Data: b})
	if err != nil {
		return fmt.Errorf("record %d: %w", w.seq, err)
	}
	w.pending = append(w.pending, answer)
	w.seq++
	return w.settle(ctx, writeAhead-1)
}

// settle waits until no more than so many records are under way, and makes sure that
// each got its place.
func (w *logWriter) settle(ctx context.Context, left int) error {
	for len(w.pending) > left {
		want := w.seq - uint64(len(w.pending))
		select {
		case ack := <-w.pending[0].Ok():
			if ack.Sequence != want {
				return fmt.Errorf("record %d was given the place %d", want, ack.Sequence)
			}
		case err := <-w.pending[0].Err():
			return fmt.Errorf("record %d: %w", want, err)
		case <-time.After(settleTimeout):
			return fmt.Errorf("record %d: %w", want, errUnknown)
		case <-ctx.Done():
			return cmp.Or(w.disk.checkSpace(), context.Cause(ctx))
		}
		w.pending = w.pending[1:]
	}
	return nil
}
