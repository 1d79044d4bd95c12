package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"

	"vaiven/internal/lock"
)

// lockName holds the process id of whoever has the folder, for people.
const lockName = "LOCK"

// lockFolder makes the log's folder if need be, and locks it against every other
// process.
func lockFolder(dir string) (*lock.Lock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	l, err := lock.Take(filepath.Join(dir, lockName), "")
	var held *lock.HeldError
	var path *os.PathError
	switch {
	case errors.As(err, &held):
		return nil, fmt.Errorf("%w: %s (process %s)", ErrLocked, dir, held.Process)
	case errors.As(err, &path):
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return l, err
}

// streamDir is where the embedded server keeps the stream.
func streamDir(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", stream)
}

// mark is what the witness remembers of a log.
type mark struct {
	log   string // its id
	first uint64 // sequence of its first record
	acked uint64 // last sequence that was acknowledged
	clean bool   // the log was closed after it
}

// witness is the file that knows what was acknowledged, apart from the log: a
// flipped bit can make JetStream drop the end of the log without an error
// (nats-server #7549), and its sequences would then be used twice.
//
// It is written after each commit and before anyone is told of it, to two
// slots in turn, so that a torn write spoils one and leaves the other. It is
// not synced: the log is on disk before the witness is written, so after a
// power cut the witness knows the same or less than the log, and less only
// makes it a weaker witness, never a false one. After a killed process the
// page cache still has it.
type witness struct {
	f       witnessFile
	log     [16]byte
	mark    mark
	turn    uint64
	started bool // this process has written to it
}

// witnessFile is what is needed of the file.
type witnessFile interface {
	io.WriterAt
	Sync() error
	Close() error
}

// Acknowledged returns the last sequence that the witness in a log's folder
// knows to have been acknowledged, 0 when there is no witness. It is for a
// folder whose log does not open.
func Acknowledged(dir string) (uint64, error) {
	w, m, err := openWitness(dir)
	if err != nil {
		return 0, err
	}
	return m.acked, w.f.Close()
}

const (
	witnessName = "acked"
	slotSize    = 512
	slotMagic   = "VWA1"
	slotLength  = 4 + 8 + 8 + 8 + 16 + 4 + 4
	slotClean   = 1
)

// openWitness opens or creates the file; a new one gives the zero mark.
func openWitness(dir string) (*witness, mark, error) {
	f, err := os.OpenFile(filepath.Join(dir, witnessName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, mark{}, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	w := &witness{f: f}
	buf := make([]byte, 2*slotSize+1)
	n, err := f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, mark{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if n == 0 {
		return w, mark{}, nil
	}
	for i := range 2 {
		if at := i * slotSize; at+slotLength <= n {
			w.readSlot(buf[at : at+slotLength])
		}
	}
	if w.turn == 0 && !bytes.Equal(buf[:n], make([]byte, n)) {
		f.Close()
		return nil, mark{}, fmt.Errorf("%w: %s: neither slot is whole", ErrCorrupt, f.Name())
	}
	return w, w.mark, nil
}

// readSlot takes a slot that is whole and newer than what was read before.
func (w *witness) readSlot(b []byte) {
	le := binary.LittleEndian
	sum := crc32.Checksum(b[:slotLength-4], castagnoli)
	if string(b[:4]) != slotMagic || le.Uint32(b[slotLength-4:]) != sum || le.Uint64(b[4:]) <= w.turn {
		return
	}
	w.turn = le.Uint64(b[4:])
	copy(w.log[:], b[28:44])
	w.mark = mark{log: hex.EncodeToString(w.log[:]), first: le.Uint64(b[12:]), acked: le.Uint64(b[20:]),
		clean: le.Uint32(b[44:]) == slotClean}
}

// start writes the first mark of this process to both slots, durably: from
// here on the file has one whole slot at any moment.
func (w *witness) start(m mark) error {
	if _, err := hex.Decode(w.log[:], []byte(m.log)); err != nil || len(m.log) != 32 {
		return fmt.Errorf("%w: log id %q", ErrNotALog, m.log)
	}
	w.mark, w.started = m, true
	for range 2 {
		if err := w.set(m.acked); err != nil {
			return err
		}
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

// set writes down that acked was acknowledged.
func (w *witness) set(acked uint64) error {
	w.mark.acked = acked
	w.turn++
	var b [slotSize]byte
	le := binary.LittleEndian
	copy(b[:], slotMagic)
	le.PutUint64(b[4:], w.turn)
	le.PutUint64(b[12:], w.mark.first)
	le.PutUint64(b[20:], w.mark.acked)
	copy(b[28:], w.log[:])
	if w.mark.clean {
		le.PutUint32(b[44:], slotClean)
	}
	le.PutUint32(b[slotLength-4:], crc32.Checksum(b[:slotLength-4], castagnoli))
	if _, err := w.f.WriteAt(b[:], int64(w.turn%2)*slotSize); err != nil {
		w.turn-- // again into this slot, which may be torn: the other is whole
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

// close marks the log as closed, if all went well until the end.
func (w *witness) close(clean bool) error {
	var err error
	if w.started && clean {
		w.mark.clean = true
		if err = w.set(w.mark.acked); err == nil {
			err = w.f.Sync()
		}
	}
	return errors.Join(err, w.f.Close())
}

// Before the embedded server sees the stream's files, they are read here, and
// nothing is changed. When JetStream meets a damaged message, it cuts the
// block off there, without an error (nats-server #7549): the end of the log,
// or all the rest of a block, would be gone before anyone could look. So what
// JetStream would cut is found first, and told apart: a write that was cut
// short, which nobody was told of and which may go, and damage, where Open
// stops and leaves everything as it is.
//
// A block is a sequence of messages, in little-endian:
//
//	length of all of it (uint32, top bit: has headers), sequence (uint64, top
//	bit: erased, next: a note about another), time (int64), length of the
//	subject (uint16), subject, [length of the headers (uint32), headers,]
//	payload, HighwayHash-64 of all but the lengths.
//
// What the hash leaves out is known otherwise: the subject of a record is the
// stream's, and headers end where they say that they end. A length that lies would
// shift the payload, or be a subject that no client can be told.
const (
	blockHeader = 22
	blockHash   = 8
	blockLimit  = 32 << 20 // a longer message is taken for damage, as JetStream does
	flagHeaders = 1 << 31
	flagErased  = 1 << 63
	flagNote    = 1 << 62
	headersEnd  = "\r\n\r\n"
)

// blockFile is one of the stream's files.
type blockFile struct {
	name  string
	index uint32
	size  int64
}

// listBlocks lists the files of the stream in order.
func listBlocks(dir, stream string) ([]blockFile, error) {
	names, err := filepath.Glob(filepath.Join(streamDir(dir, stream), "msgs", "*.blk"))
	if err != nil {
		return nil, err
	}
	var out []blockFile
	for _, name := range names {
		index, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(name), ".blk"), 10, 32)
		if err != nil {
			continue
		}
		fi, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		out = append(out, blockFile{name: name, index: uint32(index), size: fi.Size()})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].index < out[j].index })
	return out, nil
}

// blockScan follows the sequences through the blocks.
type blockScan struct {
	stream  string
	subject []byte
	first   uint64 // 0: none yet
	last    uint64
}

// readBlock reads one file. rest is what follows the last whole message.
func (s *blockScan) readBlock(f blockFile) (rest []byte, err error) {
	b, err := os.ReadFile(f.name)
	if err != nil {
		return nil, err
	}
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", s.stream, f.index))
	h, err := highwayhash.New64(key[:])
	if err != nil {
		return nil, err
	}
	for len(b) > 0 {
		length, seq, ok := s.nextMessage(b, h)
		if !ok {
			if s.resumes(b, h) {
				return b, fmt.Errorf("%w: %s, behind record %d", ErrCorrupt, f.name, s.last)
			}
			return b, nil
		}
		b = b[length:]
		if seq&flagNote != 0 {
			continue
		}
		seq &^= flagErased
		if s.first == 0 {
			s.first, s.last = seq, seq-1
		}
		if seq > s.last+1 {
			return nil, &MissingError{Want: s.last + 1, Got: seq}
		}
		s.last = max(s.last, seq)
	}
	return nil, nil
}

// resumes reports whether a whole message of the log comes after the damage:
// then it is not a write that was cut short.
func (s *blockScan) resumes(b []byte, h hash.Hash64) bool {
	for at := 1; ; {
		i := bytes.Index(b[at:], s.subject)
		if i < 0 {
			return false
		}
		at += i + 1
		if head := at - 1 - blockHeader; head > 0 {
			if _, seq, ok := s.nextMessage(b[head:], h); ok && seq&^uint64(flagErased|flagNote) > s.last {
				return true
			}
		}
	}
}

// nextMessage checks the message that b begins with, and returns its length and its
// sequence with the flags in it.
func (s *blockScan) nextMessage(b []byte, h hash.Hash64) (size int, seq uint64, ok bool) {
	le := binary.LittleEndian
	if len(b) < blockHeader+blockHash {
		return 0, 0, false
	}
	length, seq := le.Uint32(b), le.Uint64(b[4:])
	size, subject := int(length&^uint32(flagHeaders)), int(le.Uint16(b[20:]))
	skip := 0
	if length&flagHeaders != 0 {
		skip = 4
	}
	if size > len(b) || size > blockLimit || blockHeader+subject+skip+blockHash > size {
		return 0, 0, false
	}
	end := size - blockHash
	name, rest := b[blockHeader:blockHeader+subject], b[blockHeader+subject+skip:end]
	h.Reset()
	h.Write(b[4:20])
	h.Write(name)
	h.Write(rest)
	var sum [8]byte
	if !bytes.Equal(h.Sum(sum[:0]), b[end:size]) {
		return 0, 0, false
	}
	if seq&(flagErased|flagNote) != 0 { // no content, or random bytes
		return size, seq, true
	}
	ok = bytes.Equal(name, s.subject)
	if skip > 0 {
		headers := int(le.Uint32(b[blockHeader+subject:]))
		ok = ok && headers == bytes.Index(rest, []byte(headersEnd))+len(headersEnd)
	}
	return size, seq, ok
}

// checkFiles reads the stream's files, and returns the last sequence there; 0
// if there is none. After a clean end only the newest files are read, the
// others when their records are. The error is one of this package's.
//
// What it has read is also made durable: a process that died between a write
// and its fsync leaves records in the page cache that the next power cut would
// take away again, after they were seen.
func checkFiles(ctx context.Context, dir, stream string, known mark) (last uint64, err error) {
	files, err := listBlocks(dir, stream)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if known.clean && len(files) > 2 {
		files = files[len(files)-2:]
	}
	s := blockScan{stream: stream, subject: []byte(subjectOf(stream))}
	torn := uint32(0)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if f.size == 0 {
			continue
		}
		if torn != 0 {
			return 0, fmt.Errorf("%w: block %d ends in the middle of a record, and block %d follows", ErrCorrupt, torn, f.index)
		}
		rest, err := s.readBlock(f)
		if err != nil {
			return 0, err
		}
		if len(rest) > 0 {
			torn = f.index
		}
		b, err := os.OpenFile(f.name, os.O_RDWR, 0)
		if err == nil {
			err = errors.Join(b.Sync(), b.Close())
		}
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	if s.last < known.acked {
		return 0, &LostRecordsError{Have: s.last, Want: known.acked}
	}
	if !known.clean && known.first != 0 && s.first > known.first {
		return 0, &MissingError{Want: known.first, Got: s.first}
	}
	return s.last, nil
}

// clearUnborn removes what remains of a stream whose creation was cut short
// and that holds nothing: JetStream would never load it, nor make it anew.
func clearUnborn(dir, stream string) error {
	files, err := listBlocks(dir, stream)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for _, f := range files {
		if f.size > 0 {
			return nil
		}
	}
	if err := os.RemoveAll(streamDir(dir, stream)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}
