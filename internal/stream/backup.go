package stream

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
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

// WriteLog writes a log, embedded, into a folder that has none: the records that next
// returns until io.EOF, as they are, the first under the sequence first. So they keep
// their places, their writers and their numbers, and the log its id, which has to be
// log. Of o, Dir, Stream and Logger count.
//
// It is not on disk when WriteLog returns: the caller syncs the folder, and uses it
// only when WriteLog has returned nil. After an error, or a kill, the folder holds a
// part of the log, which nobody must take for all of it.
func WriteLog(ctx context.Context, o Options, log string, first uint64, next func() ([]byte, error)) (err error) {
	o = o.withDefaults()
	o.URL, o.FirstSeq, o.NoSync = "", first, true
	folder, err := lockFolder(o.Dir)
	if err != nil {
		return err
	}
	defer folder.Release()
	if files, err := listBlocks(o.Dir, o.Stream); err != nil || len(files) > 0 {
		return errors.Join(ErrNotEmpty, err)
	}
	l := &Log{o: o, subject: subjectOf(o.Stream)}
	l.disk.dir = o.Dir
	s, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.ensureStream(ctx, &o, mark{}, 0); err != nil {
		return err
	}
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	defer s.onTrouble(cut)() // a server that could not write does not answer
	w := &logWriter{s: s, disk: &l.disk, log: log, first: first, seq: first}
	for {
		b, err := next()
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
	witness, _, err := openWitness(o.Dir)
	if err != nil {
		return err
	}
	err = witness.start(mark{log: log, first: first, acked: w.seq - 1})
	return errors.Join(err, witness.close(false)) // not clean: the first Open reads every record
}

// logWriter writes records that have their places already.
type logWriter struct {
	s       *store
	disk    *disk
	log     string
	first   uint64
	seq     uint64 // of the next record
	pending []jetstream.PubAckFuture
}

func (w *logWriter) write(ctx context.Context, b []byte) error {
	if err := w.disk.checkSpace(); err != nil {
		return err
	}
	if w.seq == w.first {
		rec, err := DecodeRecord(w.seq, b)
		if err != nil {
			return err
		}
		if startedLog(rec) != w.log {
			return fmt.Errorf("record %d: %w %s", w.seq, ErrNotALog, w.log)
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
		case <-time.After(settleTimeout): // a disk that is full answers nothing
			return fmt.Errorf("record %d: %w", want, errUnknown)
		case <-ctx.Done():
			return cmp.Or(w.disk.checkSpace(), context.Cause(ctx))
		}
		w.pending = w.pending[1:]
	}
	return nil
}
