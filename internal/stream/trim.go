package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// TrimmedError says that a record was trimmed: whoever needs what it said starts from a
// snapshot.
type TrimmedError struct {
	Want  uint64 // the record that was asked for
	First uint64 // the first record that the log still has
}

func (e *TrimmedError) Error() string {
	return fmt.Sprintf("record %d was trimmed: the log begins at %d", e.Want, e.First)
}

// Trimmed returns the first id that the log still has, when it had more behind after
// that it does not have any more; the zero id otherwise.
func (l *Log) Trimmed(after vaiven.ID) vaiven.ID {
	first := l.First()
	if first == l.genesis || after.Record+1 >= first {
		return vaiven.ID{}
	}
	return vaiven.ID{Record: first}
}

// Trim removes all records up to and including through, at which the oldest snapshot
// must stand: ErrNoSnapshot otherwise, or ErrCorrupt when that snapshot is not what was
// put. What is trimmed already is trimmed. The log's last record always stays.
//
// In an embedded log, files go: those of which all is trimmed. In the middle of a file
// JetStream would have to write a note for each record, and the file anew; when the disk
// takes no more of that, it blocks for ever. So the first file stays whole, and what of
// it is trimmed cannot be read.
//
// In this order, each step durable before the next, and each done again by the next
// Trim, or by Open, if we die behind it:
//
//  1. The snapshot was put. Dying here, nothing is missing.
//  2. The stream of snapshots says where the log is going to begin. From here on,
//     records before that may be missing, on any node, and nobody calls it a loss.
//  3. The witness says so, too, for the files' check that comes before any server.
//  4. The records are purged. A purge that was cut short leaves some of them.
func (l *Log) Trim(ctx context.Context, through uint64) error {
	if err := l.trim(ctx, through); err != nil {
		return fmt.Errorf("trim the log up to record %d: %w", through, err)
	}
	return nil
}

func (l *Log) trim(ctx context.Context, through uint64) error {
	if through < l.First() {
		return nil
	}
	infos, err := l.Snapshots(ctx)
	if err != nil {
		return err
	}
	if len(infos) == 0 || infos[0].Pos != through {
		return fmt.Errorf("%w, or it is not the oldest", ErrNoSnapshot)
	}
	if _, err := l.Snapshot(ctx, through); err != nil { // behind a snapshot that cannot be read, nothing goes
		return err
	}
	select {
	case l.keeping <- struct{}{}:
		defer func() { <-l.keeping }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, _ := l.current()
	st, err := s.state(ctx)
	if err != nil {
		return err
	}
	if through > st.last {
		return &LostRecordsError{Have: st.last, Want: through}
	}
	if !st.marked() {
		return errors.New("the stream does not carry the log's id, which would go with its first record")
	}
	first := min(through+1, st.last)
	marked, err := l.putTrimMark(ctx, s, first)
	switch {
	case err == nil:
		first = marked
	case l.o.URL != "" || l.witness == nil || ctx.Err() != nil:
		return err
	default: // not one byte fits: the witness needs none, and the next start writes the mark
		l.o.Logger.Info("only the witness knows how far the log is trimmed", "err", err)
	}
	if l.witness != nil {
		if err := l.witness.moveFirst(first); err != nil {
			return err
		}
	}
	return l.purgeBefore(ctx, s, st, first)
}

// purgeBefore removes the records before first, which the mark allows.
func (l *Log) purgeBefore(ctx context.Context, s *store, st streamState, first uint64) error {
	begin := first
	var err error
	if l.o.URL == "" {
		if begin, err = blockStart(l.o.Dir, l.o.Stream, first); err != nil {
			return err
		}
	}
	if begin <= st.first {
		l.sawFirst(first)
		return nil
	}
	if err := l.flush(); err != nil { // what stays must not need what goes
		return err
	}
	var stream jetstream.Stream
	err = s.insist(ctx, func(ctx context.Context) (err error) { stream, err = s.js.Stream(ctx, s.stream); return err })
	if err == nil {
		err = s.insist(ctx, func(ctx context.Context) error { return stream.Purge(ctx, jetstream.WithPurgeSequence(begin)) })
	}
	if err == nil {
		l.sawFirst(first)
	}
	return err
}

// sawFirst remembers that the log begins at first, or later.
func (l *Log) sawFirst(first uint64) {
	for {
		old := l.first.Load()
		if first <= old || l.first.CompareAndSwap(old, first) {
			return
		}
	}
}

// trimMark returns where the log was said to begin, 0 when it was never trimmed.
func (l *Log) trimMark(ctx context.Context, s *store, insist bool) (first uint64, err error) {
	first, _, err = l.readTrimMark(ctx, s, insist)
	return first, err
}

// readTrimMark also returns the mark's place, as it is needed to replace it.
func (l *Log) readTrimMark(ctx context.Context, s *store, insist bool) (first, at uint64, err error) {
	stream, err := s.snapshots(ctx, insist)
	if err != nil || stream == nil {
		return 0, 0, err
	}
	m, err := lastOf(ctx, s, stream, s.trimSubject())
	if err != nil || m == nil {
		return 0, 0, err
	}
	p, err := parsePiece(m.Data)
	if err != nil {
		return 0, m.Sequence, err
	}
	if p.magic != magicTrim || p.log != l.id {
		return 0, m.Sequence, nil // of a log that was here before
	}
	return p.pos, m.Sequence, nil
}

// putTrimMark writes that the log begins at first, and returns that. Another node may
// have said so, or more: a mark never goes back.
func (l *Log) putTrimMark(ctx context.Context, s *store, first uint64) (uint64, error) {
	b, err := appendPiece(nil, piece{magic: magicTrim, log: l.id, pos: first})
	if err != nil {
		return 0, err
	}
	for {
		old, at, err := l.readTrimMark(ctx, s, true)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return 0, err
		}
		if old >= first {
			return old, nil
		}
		err = s.putPiece(ctx, s.trimSubject(), b, jetstream.WithExpectLastSequencePerSubject(at))
		var api *jetstream.APIError
		if errors.As(err, &api) && (api.ErrorCode == codeWrongLast || api.ErrorCode == codeWrongLastOnItsWay) {
			if err := pause(ctx, diskEvery); err != nil {
				return 0, err
			}
			continue // another node was quicker
		}
		if err == nil {
			err = l.syncRest()
		}
		if err != nil {
			return 0, err
		}
		stream, err := s.snapshots(ctx, true)
		if err == nil && stream != nil { // of the marks before this one, nobody needs any
			err = l.purgeSubject(ctx, s, stream, s.trimSubject(), 1)
		}
		if err != nil {
			l.o.Logger.Debug("an old mark stays", "err", err)
		}
		return first, nil
	}
}

// checkBeginning makes sure that a log that begins at st.first was trimmed up to there,
// and that whoever starts finds a snapshot for what is gone; and does to the end what
// a Trim that was cut short has left. known.first is where this node last saw the log begin.
func (l *Log) checkBeginning(ctx context.Context, known mark, st streamState) error {
	if known.log != l.id {
		known = mark{} // what it knows is of another log
	}
	trimmed := st.first > l.genesis || known.first != 0 && known.first < st.first
	first, err := l.trimMark(ctx, l.store, trimmed)
	if errors.Is(err, ErrCorrupt) {
		l.o.Logger.Warn("the mark of how far the log was trimmed is damaged", "err", err)
		first, err = 0, nil // the witness may know
	}
	var all []kept
	if err == nil {
		all, err = l.listKept(ctx, l.store, trimmed)
	}
	if ctx.Err() != nil {
		return ctx.Err() // the server ends: nothing is wrong with the log
	}
	if err != nil && !trimmed {
		l.o.Logger.Warn("snapshots cannot be looked at", "err", err) // nothing depends on them yet
		l.sawFirst(st.first)
		return nil
	}
	if err != nil {
		return fmt.Errorf("how far the log was trimmed: %w", err)
	}
	witnessed := known.first >= st.first
	if trimmed && first < st.first && !witnessed {
		return &MissingError{Want: max(known.first, l.genesis, first), Got: st.first}
	}
	whole := wholeOnes(all)
	if n := len(whole); n > 0 && whole[n-1].Pos > st.last {
		return &LostRecordsError{Have: st.last, Want: whole[n-1].Pos}
	}
	if trimmed && (len(whole) == 0 || whole[len(whole)-1].Pos+1 < st.first) && !l.stateKnown(st) {
		return &NoSnapshotError{First: st.first, Genesis: l.genesis}
	}
	l.sawFirst(st.first)
	aim := max(first, known.first)
	covered := len(whole) > 0 && whole[len(whole)-1].Pos+1 >= aim
	if aim <= st.first || aim > st.last || !covered {
		return nil
	}
	if first < aim { // the mark did not fit on the disk
		_, err = l.putTrimMark(ctx, l.store, aim)
	}
	if err == nil {
		err = l.purgeBefore(ctx, l.store, st, aim)
	}
	if err != nil && ctx.Err() == nil {
		l.o.Logger.Warn("a trim was not done to its end", "err", err) // the next one does it
	}
	return nil
}

// stateKnown reports whether whoever opens the log has what its records before the first
// one said, and needs no snapshot for it.
func (l *Log) stateKnown(st streamState) bool {
	if l.o.StateAt == nil {
		return false
	}
	pos := l.o.StateAt(l.id)
	if pos+1 < st.first || pos > st.last {
		return false
	}
	l.covered = pos
	return true
}

// trimmedAway returns a *TrimmedError when the record was trimmed, by whichever node;
// nil when it was not.
func (l *Log) trimmedAway(ctx context.Context, s *store, want uint64, st streamState) error {
	if want < l.genesis || st.first <= want {
		return nil
	}
	if want >= l.First() {
		mark, err := l.trimMark(ctx, s, true)
		if err != nil || mark <= want {
			return err
		}
		l.sawFirst(mark)
	}
	return &TrimmedError{Want: want, First: l.First()}
}

// Size is what the log's stream holds, in bytes: of an embedded log its files, of one on
// another server its records, before they are compressed.
func (l *Log) Size(ctx context.Context) (int64, error) {
	if l.o.URL == "" {
		files, err := listBlocks(l.o.Dir, l.o.Stream)
		if err != nil {
			return 0, fmt.Errorf("size of the log: %w", err)
		}
		var n int64
		for _, f := range files {
			n += f.size
		}
		return n, nil
	}
	s, _ := l.current()
	st, err := s.state(ctx)
	if err != nil {
		return 0, fmt.Errorf("size of the log: %w", err)
	}
	return st.bytes, nil
}
