package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats.go"

	"vaiven/internal/atomicfile"
)

// restore writes the records of the journal that the blocks lack to them again, behind
// last, each in the place that it had.
func (l *Log) restore(ctx context.Context, last uint64, lacking []entry) (uint64, error) {
	for _, e := range lacking {
		if e.seq != last+1 {
			return last, &LostRecordsError{Have: last, Want: e.seq}
		}
		got, err := l.store.publish(ctx, &nats.Msg{Subject: l.subject, Data: e.data}, apiTimeout)
		if err != nil {
			return last, fmt.Errorf("record %d from the journal: %w", e.seq, err)
		}
		if got != e.seq {
			return last, fmt.Errorf("%w: record %d from the journal was given the place %d", ErrUncertain, e.seq, got)
		}
		last = got
	}
	if len(lacking) > 0 {
		l.o.Logger.Info("records that the log's files lacked were in the journal", "first", lacking[0].seq, "last", last)
	}
	return last, nil
}

// mendTail compares the newest blocks with the journal's records, and cuts the blocks off
// where they lack one that the journal has. It returns the records that are lacking then.
// What else is damaged is left to whoever reads all of the files, and so is everything
// when acked is newer than the journal. Before the record first, records were trimmed.
//
// If we die here, the next start does the same again.
func mendTail(dir, stream string, acked, first uint64, entries []entry) (lacking []entry, err error) {
	if len(entries) == 0 || entries[len(entries)-1].seq < acked {
		return nil, nil
	}
	files, err := listBlocks(dir, stream)
	if err != nil {
		return nil, err
	}
	m := mender{scan: newScan(stream, 0), entries: entries, next: entries[0].seq}
	from := len(files)
	for from > 0 {
		from--
		if first, err := firstOf(files[from], stream); err == nil && first != 0 && first <= m.next {
			break
		}
	}
	for i := from; i < len(files); i++ {
		cut, err := m.compare(files[i])
		if err != nil {
			return nil, err
		}
		if cut < 0 {
			continue
		}
		lacking := m.lacking()
		if len(lacking) == 0 {
			return nil, nil
		}
		if !wholeBlocks(files[:i], stream, first) {
			return nil, nil // it will be said, and nothing is changed before
		}
		if cut == 0 && i > 0 { // nothing of this one stays
			i--
			cut = int(files[i].size)
		}
		return lacking, cutBlocks(dir, stream, files[i:], int64(cut))
	}
	return m.lacking(), nil
}

// wholeBlocks reports whether nothing is wrong with the blocks before the one that is to
// be cut off.
func wholeBlocks(files []blockFile, stream string, first uint64) bool {
	s := newScan(stream, first)
	for _, f := range files {
		if rest, err := s.readBlock(f); err != nil || len(rest) > 0 {
			return false
		}
	}
	return true
}

// metaLogOf returns which log the stream in a folder says that it is, "" when it does not
// say it.
func metaLogOf(dir, stream string) string {
	b, err := os.ReadFile(filepath.Join(streamDir(dir, stream), "meta.inf"))
	var meta struct {
		Metadata map[string]string `json:"metadata"`
	}
	if err != nil || json.Unmarshal(b, &meta) != nil {
		return ""
	}
	return meta.Metadata[metaLog]
}

// mender is how far mendTail has come.
type mender struct {
	scan    blockScan
	entries []entry
	next    uint64 // the record that is looked for
	reached bool   // the one before it was found, or it itself
}

// lacking returns the records from the one on that was looked for in vain; none when
// what lies before the journal's records is not there.
func (m *mender) lacking() []entry {
	if !m.reached {
		return nil
	}
	i := slices.IndexFunc(m.entries, func(e entry) bool { return e.seq >= m.next })
	if i < 0 {
		return nil
	}
	return m.entries[i:]
}

// entry returns what the journal has for a sequence; nil: nothing.
func (m *mender) entry(seq uint64) []byte {
	if i := seq - m.entries[0].seq; seq >= m.entries[0].seq && i < uint64(len(m.entries)) {
		return m.entries[i].data
	}
	return nil
}

// compare looks for the next records in a block, and returns where it is to be cut off;
// -1: nowhere. What it has found there is written to it once more: a system that failed
// to bring it to the disk may take it for written.
func (m *mender) compare(f blockFile) (cut int, err error) {
	b, err := os.ReadFile(f.name)
	if err != nil {
		return 0, err
	}
	if bytes.HasPrefix(b, []byte(blockPacked)) { // was synced before it got its name
		s := m.scan
		if _, err := s.scanBlock(f, b); err != nil {
			m.reached = false // damage: nothing behind it is to be cut off
		} else if s.last+1 >= m.next {
			m.next, m.reached = s.last+1, true
		}
		return -1, nil
	}
	h, err := f.hash(m.scan.stream)
	if err != nil {
		return 0, err
	}
	at := 0
	for at < len(b) {
		size, seq, ok := m.scan.nextMessage(b[at:], h)
		if !ok {
			break
		}
		if seq&flagNote == 0 {
			seq &^= flagErased
			if seq > m.next || seq == m.next && !m.same(seq, b[at:at+size]) {
				break
			}
			m.reached = m.reached || seq+1 >= m.next
			m.next = max(m.next, seq+1)
		}
		at += size
	}
	if err := rewrite(f.name, b[:at]); err != nil {
		return 0, err
	}
	if at == len(b) {
		return -1, nil
	}
	return at, nil
}

// same reports whether a message holds what the journal has for it. Of one that is
// newer than the journal nobody was told.
func (m *mender) same(seq uint64, msg []byte) bool {
	want := m.entry(seq)
	return want == nil && seq > m.entries[len(m.entries)-1].seq || want != nil && bytes.Equal(payloadOf(msg), want)
}

// rewrite writes over the beginning of a file with what is there, and brings it to the
// disk.
func rewrite(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	return errors.Join(err, f.Sync(), f.Close())
}

// readyFiles is checkFiles for an embedded server that is about to start.
func readyFiles(ctx context.Context, dir, stream string, known mark) (last uint64, err error) {
	if last, err = checkFiles(ctx, dir, stream, known); err != nil {
		return last, err
	}
	files, err := listBlocks(dir, stream)
	if err != nil {
		return last, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for i := len(files) - 1; i >= 0; i-- {
		if files[i].size == 0 { // JetStream removes it
			continue
		}
		if err := unpackLast(dir, files[i]); err != nil {
			return last, fmt.Errorf("%w: %w", ErrNotWritable, err)
		}
		break
	}
	return last, nil
}

// unpackLast writes the last block as it was before it was compressed, where it is:
// JetStream appends to it, and does not expect it to be. It is the last when the next one
// was not on the disk yet, or could not be made. Its new content is made in dir.
func unpackLast(dir string, f blockFile) error {
	if packed, err := isPacked(f.name); err != nil || !packed {
		return err
	}
	b, err := os.ReadFile(f.name)
	if err != nil {
		return err
	}
	if b, err = unpackBlock(b); err != nil {
		return err
	}
	made := filepath.Join(dir, "unpacked")
	if err := atomicfile.WritePrivate(made, b); err != nil {
		return err
	}
	return atomicfile.Rename(made, f.name)
}

// isPacked reports whether a block is compressed.
func isPacked(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // read only
	head := make([]byte, len(blockPacked))
	n, err := f.ReadAt(head, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return string(head[:n]) == blockPacked, err
}
