package stream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
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
const (
	blockHeader = 22
	blockHash   = 8
	blockLimit  = 32 << 20 // a longer message is taken for damage, as JetStream does
	flagHeaders = 1 << 31
	flagErased  = 1 << 63
	flagNote    = 1 << 62
)

// blockFile is one of the stream's files.
type blockFile struct {
	name  string
	index uint32
	size  int64
}

// blocks lists the files of the stream in order.
func blocks(dir, stream string) ([]blockFile, error) {
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

// scan follows the sequences through the blocks.
type scan struct {
	stream  string
	subject []byte
	first   uint64 // 0: none yet
	last    uint64
}

// block reads one file. rest is what follows the last whole message.
func (s *scan) block(f blockFile) (rest []byte, err error) {
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
		m, ok := nextMessage(b, h)
		if !ok {
			if s.resumes(b, h) {
				return b, fmt.Errorf("%w: %s, behind record %d", ErrCorrupt, f.name, s.last)
			}
			return b, nil
		}
		b = b[m.length:]
		if m.seq&flagNote != 0 {
			continue
		}
		seq := m.seq &^ uint64(flagErased)
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
func (s *scan) resumes(b []byte, h hash.Hash64) bool {
	for at := 1; ; {
		i := bytes.Index(b[at:], s.subject)
		if i < 0 {
			return false
		}
		at += i + 1
		if head := at - 1 - blockHeader; head > 0 {
			if m, ok := nextMessage(b[head:], h); ok && m.seq&^uint64(flagErased|flagNote) > s.last {
				return true
			}
		}
	}
}

type blockMessage struct {
	length int
	seq    uint64
}

// nextMessage checks the message that b begins with.
func nextMessage(b []byte, h hash.Hash64) (m blockMessage, ok bool) {
	le := binary.LittleEndian
	if len(b) < blockHeader+blockHash {
		return m, false
	}
	length := le.Uint32(b)
	size, subject := int(length&^uint32(flagHeaders)), int(le.Uint16(b[20:]))
	skip := 0
	if length&flagHeaders != 0 {
		skip = 4
	}
	if size > len(b) || size > blockLimit || blockHeader+subject+skip+blockHash > size {
		return m, false
	}
	end := size - blockHash
	h.Reset()
	h.Write(b[4:20])
	h.Write(b[blockHeader : blockHeader+subject])
	h.Write(b[blockHeader+subject+skip : end])
	var sum [8]byte
	if !bytes.Equal(h.Sum(sum[:0]), b[end:size]) {
		return m, false
	}
	return blockMessage{length: size, seq: le.Uint64(b[4:])}, true
}

// checkFiles reads the stream's files, and returns the last sequence there; 0
// if there is none. After a clean end only the newest files are read, the
// others when their records are. The error is one of this package's.
//
// What it has read is also made durable: a process that died between a write
// and its fsync leaves records in the page cache that the next power cut would
// take away again, after they were seen.
func checkFiles(ctx context.Context, dir, stream string, known mark) (last uint64, err error) {
	files, err := blocks(dir, stream)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if known.clean && len(files) > 2 {
		files = files[len(files)-2:]
	}
	s := scan{stream: stream, subject: []byte(subjectOf(stream))}
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
		rest, err := s.block(f)
		if err != nil {
			return 0, err
		}
		if len(rest) > 0 {
			torn = f.index
		}
		if err := syncFile(f.name); err != nil {
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
