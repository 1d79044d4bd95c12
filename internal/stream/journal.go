package stream

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// The journal is what makes a commit of an embedded log durable: a file of fixed size
// that is written around and around, in place, a record on pages of its own.
//
// JetStream appends a record to a block, whose file grows with it. To bring that to the
// disk, a file system with a journal of its own writes five or six blocks of 4 KiB each
// time, whatever the record's size; writing over what was there before costs one. So
// JetStream only hands records to the system, and the journal has them on the disk
// before anybody is told of them. Now and then the blocks are synced (Log.flush), and
// the room of what they hold is written over.
//
// A start behind a power cut, or a kill, finds the records that are not known to be in
// the blocks here: it cuts the blocks off where they do not say the same any more
// (mendTail), and writes the rest to them again, each in its old place (restore).
//
// The file is, in little-endian:
//
//	page 0:  magic "VWJ1", a random key (16 bytes), another at each start, CRC-32C of
//	         both (uint32)
//	then records, each at the beginning of a page:
//	         magic "VWJR", CRC-32C of the key and all that follows (uint32), the log's
//	         id (16 bytes), sequence (uint64), flushed (uint64), length (uint32), record
//
// flushed is the last sequence that was known to be synced in the blocks when the record
// was written. The key keeps what boards send from being taken for a record: pages in
// the middle of a record that was partly written over are read, too.
type journal struct {
	f     journalFile
	fresh bool // it was made just now
	pages int
	key   [16]byte
	log   [16]byte
	buf   []byte

	mu      sync.Mutex
	inside  []placed // in order: what may not be written over
	flushed uint64
	roomy   chan struct{} // closed when room was made
}

// placed is where a record is.
type placed struct {
	seq         uint64
	page, pages int
}

// entry is a record that was found in the journal.
type entry struct {
	seq  uint64
	data []byte
}

// journalFile is what is needed of the file. WriteAt returns when the data is on the
// disk.
type journalFile interface {
	io.WriterAt
	Close() error
}

const (
	// JournalName is the file in a log's folder with what was committed last.
	JournalName  = "journal"
	journalPage  = 4 << 10
	journalHead  = 4 + 4 + 16 + 8 + 8 + 4
	magicJournal = "VWJ1"
	magicEntry   = "VWJR"
)

// journalSize is that of a file that is made, in bytes; one that is there keeps its own.
// It takes half a minute of ten commits a second until it is half full, and no time to be
// written on a slow card.
var journalSize = 4 << 20

// maxJournal bounds the size of a file that is taken for a journal.
const maxJournal = 64 << 20

// errJournalFull means that there is no room before the next flush.
var errJournalFull = errors.New("the journal is full")

// errNoJournal means that none could be made.
var errNoJournal = errors.New("there can be no journal")

// openJournal opens the journal in the folder, or makes one, and returns the records of
// that log in it which may not be in the blocks, in the order of their sequences, without
// a gap, up to the newest. The error is errNoJournal when there is none.
func openJournal(dir, log string) (*journal, []entry, error) {
	path := filepath.Join(dir, JournalName)
	b, err := readJournal(path)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{roomy: make(chan struct{})}
	if j.fresh = len(b) < 2*MaxRecord || len(b) > maxJournal || len(b)%journalPage != 0; !j.fresh {
		copy(j.key[:], b[len(magicJournal):])
		j.fresh = !bytes.HasPrefix(b, journalHeader(j.key))
	}
	if j.fresh {
		if len(b) > 0 { // damaged: for whoever wants to look at it
			_ = os.Rename(path, path+".damaged")
		}
		if err := create(path); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errNoJournal, err)
		}
	}
	if j.f, err = openDurable(path); err != nil {
		return nil, nil, err
	}
	if j.fresh {
		j.pages = journalSize / journalPage
		return j, nil, nil
	}
	j.pages = len(b) / journalPage
	return j, j.scan(b, log), nil
}

// readJournal reads what of the file can be read: a page that cannot is one that holds
// nothing. It is nil when there is no file.
func readJournal(path string) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	fi, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &os.PathError{Op: "read", Path: path, Err: errors.New("is not a file")}
	}
	b := make([]byte, min(fi.Size(), maxJournal+1))
	if _, err := f.ReadAt(b, 0); err == nil {
		return b, nil
	}
	clear(b)
	for at := 0; at < len(b); at += journalPage {
		page := b[at:min(at+journalPage, len(b))]
		if _, err := f.ReadAt(page, int64(at)); err != nil {
			clear(page)
		}
	}
	return b, nil
}

// create makes an empty file, of which every page is on the disk: to write one over then
// changes nothing else.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	b := make([]byte, journalSize)
	copy(b, journalHeader([16]byte{}))
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path) // a part of it is of no use
	}
	return err
}

// journalHeader is how page 0 begins.
func journalHeader(key [16]byte) []byte {
	b := append([]byte(magicJournal), key[:]...)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// scan returns the newest records of a log, without a gap, which are not known to be
// flushed.
func (j *journal) scan(b []byte, log string) []entry {
	le := binary.LittleEndian
	found := make(map[uint64][]byte)
	var newest, flushed uint64
	for at := journalPage; at+journalHead <= len(b); {
		head := b[at:]
		length := le.Uint32(head[40:])
		size := journalHead + int(min(length, maxJournal))
		if string(head[:4]) != magicEntry || size > len(head) || le.Uint32(head[4:]) != j.sum(head[8:size]) {
			at += journalPage
			continue
		}
		if hex.EncodeToString(head[8:24]) == log {
			seq, known := le.Uint64(head[24:]), le.Uint64(head[32:])
			found[seq] = head[journalHead:size]
			if seq > newest || seq == newest && known > flushed {
				newest, flushed = seq, known
			}
		}
		at += pagesOf(size) * journalPage
	}
	var out []entry
	for seq := newest; seq > flushed; seq-- {
		data, there := found[seq]
		if !there {
			break
		}
		out = append(out, entry{seq, data})
	}
	slices.Reverse(out)
	return out
}

func (j *journal) sum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(j.key[:], castagnoli), castagnoli, b)
}

func pagesOf(bytes int) int { return (bytes + journalPage - 1) / journalPage }

// begin forgets what is in the journal: the blocks of the log have it, up to flushed.
// With another key nothing of it is a record any more, not even of this log as it was in
// a folder that somebody has put an older copy into.
func (j *journal) begin(log string, flushed uint64) error {
	if _, err := hex.Decode(j.log[:], []byte(log)); err != nil {
		return err
	}
	if _, err := rand.Read(j.key[:]); err != nil {
		return err
	}
	if _, err := j.f.WriteAt(journalHeader(j.key), 0); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.mu.Lock()
	j.inside, j.flushed = nil, flushed
	j.mu.Unlock()
	return j.put(flushed, nil) // so that the next start knows it, too
}

// put writes a record, durably. The error is errJournalFull, or the disk's; nothing that
// was put before is harmed then, and the record may be put again.
func (j *journal) put(seq uint64, record []byte) error {
	size := journalHead + len(record)
	j.mu.Lock()
	page, flushed := j.roomFor(pagesOf(size)), j.flushed
	j.mu.Unlock()
	if page == 0 {
		return errJournalFull
	}
	le := binary.LittleEndian
	b := append(j.buf[:0], magicEntry...)
	b = append(le.AppendUint32(b, 0), j.log[:]...)
	b = le.AppendUint64(le.AppendUint64(b, seq), flushed)
	b = append(le.AppendUint32(b, uint32(len(record))), record...)
	le.PutUint32(b[4:], j.sum(b[8:]))
	j.buf = b
	if _, err := j.f.WriteAt(b, int64(page)*journalPage); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.inside = append(j.inside, placed{seq, page, pagesOf(size)})
	return nil
}

// roomFor returns the page where so many are free; 0: nowhere.
func (j *journal) roomFor(pages int) int {
	if len(j.inside) == 0 {
		return 1
	}
	first, last := j.inside[0], j.inside[len(j.inside)-1]
	next := last.page + last.pages
	if next > first.page { // not around yet: up to the end of the file, or from its beginning
		if next+pages <= j.pages {
			return next
		}
		next = 1
	}
	if next+pages <= first.page {
		return next
	}
	return 0
}

// release gives the room of what is synced in the blocks, up to seq, away. The newest
// record stays: behind it the next one is written.
func (j *journal) release(seq uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.flushed = max(j.flushed, seq)
	n := 0
	for n < len(j.inside)-1 && j.inside[n].seq <= seq {
		n++
	}
	j.inside = slices.Delete(j.inside, 0, n)
	close(j.roomy)
	j.roomy = make(chan struct{})
}

// filled is how much of the journal may not be written over, from 0 to 1, and a channel
// that is closed when that becomes less.
func (j *journal) filled() (part float64, less <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.inside) == 0 {
		return 0, j.roomy
	}
	first, last := j.inside[0], j.inside[len(j.inside)-1]
	used := last.page + last.pages - first.page
	if used <= 0 {
		used += j.pages
	}
	return float64(used) / float64(j.pages), j.roomy
}
