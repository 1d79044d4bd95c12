package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/klauspost/compress/s2"
	"github.com/minio/highwayhash"

	"vaiven/internal/atomicfile"
)

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
// A block that is full is compressed: written anew beside itself, and put in its place
// when that is on disk. So a compressed block is whole, or damaged:
//
//	"cmp", 1, the length of all of it when it was not compressed (uvarint), its
//	messages but for the last 8 bytes as an S2 stream, those 8 bytes.
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
	blockPacked = "cmp\x01"
)

// blockFile is one of the stream's files.
type blockFile struct {
	name  string
	index uint32
	size  int64
}

// hash is what a stream's messages in the block are sealed with.
func (f blockFile) hash(stream string) (hash.Hash64, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, f.index))
	return highwayhash.New64(key[:])
}

// listBlocks lists the files of the stream in order.
func listBlocks(dir, stream string) ([]blockFile, error) {
	names, err := filepath.Glob(filepath.Join(blocksDir(dir, stream), "*.blk"))
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
		if errors.Is(err, os.ErrNotExist) {
			continue // purged while we look
		}
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
	floor   uint64 // before it, records were trimmed, and may be there or not
	first   uint64 // 0: none yet
	last    uint64
}

// newScan begins a scan of a stream's blocks; before the record floor, records were
// trimmed, 0: none were.
func newScan(stream string, floor uint64) blockScan {
	return blockScan{stream: stream, subject: []byte(subjectOf(stream)), floor: floor}
}

// readBlock reads one file. rest is what follows the last whole message.
func (s *blockScan) readBlock(f blockFile) (rest []byte, err error) {
	b, err := os.ReadFile(f.name)
	if err != nil {
		return nil, err
	}
	return s.scanBlock(f, b)
}

// scanBlock is readBlock for what was read.
func (s *blockScan) scanBlock(f blockFile, b []byte) (rest []byte, err error) {
	h, err := f.hash(s.stream)
	if err != nil {
		return nil, err
	}
	packed := bytes.HasPrefix(b, []byte(blockPacked))
	if packed {
		if b, err = unpackBlock(b); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, f.name, err)
		}
	}
	for len(b) > 0 {
		length, seq, ok := s.nextMessage(b, h)
		if !ok {
			if packed || s.resumes(b, h) {
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
		if seq > s.last+1 && seq <= s.floor {
			s.first, s.last = seq, seq-1 // a purge was cut short
		}
		if seq > s.last+1 {
			return nil, &MissingError{Want: s.last + 1, Got: seq}
		}
		s.last = max(s.last, seq)
	}
	return nil, nil
}

// unpackBlock returns the messages of a compressed block. The error says what is wrong
// with it.
func unpackBlock(b []byte) ([]byte, error) {
	b = b[len(blockPacked):]
	size, n := binary.Uvarint(b)
	if n <= 0 || size < blockHash || size > 2*blockLimit || len(b)-n < blockHash {
		return nil, errors.New("the head of a compressed block")
	}
	stream, last := b[n:len(b)-blockHash], b[len(b)-blockHash:]
	out := make([]byte, size)
	r := s2.NewReader(bytes.NewReader(stream), s2.ReaderAllocBlock(64<<10))
	if _, err := io.ReadFull(r, out[:size-blockHash]); err != nil {
		return nil, err
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("more than %d bytes: %w", size, err)
	}
	copy(out[size-blockHash:], last)
	return out, nil
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

// payloadOf returns the content of a message that was found whole.
func payloadOf(msg []byte) []byte {
	le := binary.LittleEndian
	at := blockHeader + int(le.Uint16(msg[20:]))
	if le.Uint32(msg)&flagHeaders != 0 {
		at += 4 + int(le.Uint32(msg[at:]))
	}
	return msg[at : len(msg)-blockHash]
}

// firstOf returns the sequence of the first record in a block, 0 when none is whole.
func firstOf(f blockFile, stream string) (uint64, error) {
	s := newScan(stream, 0)
	if _, err := s.readBlock(f); err != nil && s.first == 0 {
		return 0, err
	}
	return s.first, nil
}

// cutBlocks cuts the first of the files off, and removes the others and what JetStream
// remembers of them all.
func cutBlocks(dir, stream string, files []blockFile, size int64) error {
	folder := blocksDir(dir, stream)
	for _, f := range files[1:] {
		if err := os.Remove(f.name); err != nil {
			return err
		}
	}
	if err := os.Remove(filepath.Join(folder, "index.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.Truncate(files[0].name, size); err != nil {
		return err
	}
	return errors.Join(atomicfile.SyncFile(files[0].name), atomicfile.SyncFolder(folder))
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
	s := newScan(stream, known.first)
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
		if err := atomicfile.SyncFile(f.name); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
	}
	if s.last < known.acked {
		return 0, &LostRecordsError{Have: s.last, Want: known.acked}
	}
	return s.last, nil
}

// blockStart returns the first record of the last block that begins at first or before:
// up to there, whole files can go.
func blockStart(dir, stream string, first uint64) (uint64, error) {
	files, err := listBlocks(dir, stream)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	begins := uint64(0) // of the last block that was found to begin early enough
	early := func(f blockFile) bool {
		begin, rerr := firstOf(f, stream)
		err = errors.Join(err, rerr)
		if begin == 0 || begin > first {
			return false
		}
		begins = max(begins, begin)
		return true
	}
	if len(files) < 2 || !early(files[1]) { // as it mostly is
		return begins, err
	}
	sort.Search(len(files)-2, func(i int) bool { return !early(files[i+2]) })
	return begins, err
}
