package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Kind says what a Part is.
type Kind uint8

// The kinds of parts, in the order in which they come.
const (
	PartSnapshot Kind = iota // a piece of a snapshot, Index says which
	PartRecord               // a record
	PartFile                 // a file begins
	PartData                 // a piece of the file
)

// Part is what Next returns.
type Part struct {
	Kind  Kind
	Index int    // PartSnapshot: of Header.Snapshots
	Seq   uint64 // PartRecord: its sequence
	File  File   // PartFile
	Data  []byte // until the next call of Next
}

// Reader reads a backup. Close it.
type Reader struct {
	in     io.Reader
	header Header
	dec    *zstd.Decoder
	sum    hash.Hash // of everything read
	before [sha256.Size]byte
	crc    uint32
	offset int64 // of what comes next
	frame  []byte
	raw    []byte

	records []byte // of the frame that are still to be handed on
	next    uint64 // the record that is expected
	shot    int    // the snapshot being read
	shotGot int64  // bytes of it
	left    int64  // of the file being read
	totals  *Totals
	err     error
}

// NewReader reads the header. The error is one of this package's, or that of in.
func NewReader(in io.Reader) (*Reader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPiece))
	if err != nil {
		return nil, err
	}
	r := &Reader{in: in, dec: dec, sum: sha256.New()}
	if err := r.readHeader(); err != nil {
		dec.Close()
		return nil, err
	}
	r.next = r.header.First
	return r, nil
}

// Header is the backup's.
func (r *Reader) Header() Header { return r.header }

// Totals are those of a backup that was read to its end; nil before, and for one of a
// form that has none.
func (r *Reader) Totals() *Totals {
	if !errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.totals
}

// Close gives back what the Reader has, and not the io.Reader.
func (r *Reader) Close() { r.dec.Close() }

func (r *Reader) readHeader() error {
	magic := make([]byte, len(Magic))
	n, err := io.ReadFull(r.in, magic)
	switch {
	case string(magic[:n]) != Magic[:n] || err == io.EOF:
		return ErrNotABackup
	case err == io.ErrUnexpectedEOF:
		return &PlaceError{Kind: ErrCut}
	case err != nil:
		return err
	}
	_, _ = r.sum.Write(magic)
	r.offset = int64(len(magic))
	kind, body, err := r.readFrame()
	if err != nil {
		return err
	}
	if kind != frameHeader {
		return r.damaged("no header")
	}
	var known struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(body, &known); err != nil {
		return r.damaged(err.Error())
	}
	if known.Format > Format {
		return fmt.Errorf("%w: form %d, this one knows up to %d", ErrLater, known.Format, Format)
	}
	if err := json.Unmarshal(body, &r.header); err != nil {
		return r.damaged(err.Error())
	}
	if err := r.header.check(); err != nil {
		return r.damaged(err.Error())
	}
	return nil
}

// Next returns the next part. It returns io.EOF once the end was found to be whole
// and right: a caller that has not seen that has seen no backup. All other errors are
// this package's, or that of the io.Reader; they stay.
func (r *Reader) Next() (Part, error) {
	for r.err == nil {
		if len(r.records) > 0 {
			return r.nextRecord()
		}
		kind, body, err := r.readFrame()
		if err != nil {
			r.err = err
			break
		}
		part, ok := r.part(kind, body)
		if ok && r.err == nil {
			return part, nil
		}
	}
	return Part{}, r.err
}

// part makes a part of a frame; one of records gives several, which Next hands on.
func (r *Reader) part(kind byte, body []byte) (p Part, ok bool) {
	if r.totals != nil && kind != frameEnd {
		r.err = r.damaged("something follows its totals")
		return p, false
	}
	switch kind {
	case frameSnapshot:
		return r.snapshotPart(body)
	case frameRecords:
		if r.snapshotsMissing() || r.next > r.header.Last {
			r.err = r.damaged("records where none belong")
		} else if raw := r.decompress(body); r.err == nil {
			r.records = raw
		}
		return p, false
	case frameFile:
		p.Kind = PartFile
		err := json.Unmarshal(body, &p.File)
		if err == nil {
			err = p.File.check()
		}
		switch {
		case err != nil:
			r.err = r.damaged(err.Error())
		case r.next <= r.header.Last || r.left > 0:
			r.err = r.damaged("a file where none belongs")
		}
		r.left = p.File.Size
		return p, true
	case frameData:
		p.Kind, p.Data = PartData, r.decompress(body)
		if r.left -= int64(len(p.Data)); r.err == nil && r.left < 0 {
			r.err = r.damaged("more of a file than it has")
		}
		return p, true
	case frameTotals:
		r.err = r.readTotals(body)
		return p, false
	case frameEnd:
		r.err = r.end(body)
		return p, false
	}
	r.err = r.damaged(fmt.Sprintf("a frame of the unknown kind %q", kind))
	return p, false
}

func (r *Reader) snapshotPart(body []byte) (Part, bool) {
	if r.skipEmptySnapshots(); r.shot == len(r.header.Snapshots) || r.next != r.header.First {
		r.err = r.damaged("a snapshot where none belongs")
		return Part{}, false
	}
	p := Part{Kind: PartSnapshot, Index: r.shot, Data: r.decompress(body)}
	r.shotGot += int64(len(p.Data))
	size := r.header.Snapshots[r.shot].Size
	if r.err == nil && r.shotGot > size {
		r.err = r.damaged("more of a snapshot than it has")
	}
	if r.shotGot == size {
		r.shot, r.shotGot = r.shot+1, 0
	}
	return p, true
}

// snapshotsMissing reports whether one of the header's was not read.
func (r *Reader) snapshotsMissing() bool {
	r.skipEmptySnapshots()
	return r.shot < len(r.header.Snapshots)
}

// skipEmptySnapshots passes over those that have no pieces.
func (r *Reader) skipEmptySnapshots() {
	for r.shot < len(r.header.Snapshots) && r.header.Snapshots[r.shot].Size == 0 {
		r.shot++
	}
}

func (r *Reader) nextRecord() (Part, error) {
	size, n := binary.Uvarint(r.records)
	if n <= 0 || size > maxRecord || size > uint64(len(r.records)-n) || r.next > r.header.Last {
		r.err = r.damaged("records that do not parse")
		return Part{}, r.err
	}
	p := Part{Kind: PartRecord, Seq: r.next, Data: r.records[n : n+int(size) : n+int(size)]}
	r.records = r.records[n+int(size):]
	r.next++
	return p, nil
}

// readTotals takes the totals, which stand behind all parts.
func (r *Reader) readTotals(body []byte) error {
	t := new(Totals)
	err := json.Unmarshal(body, t)
	if err == nil {
		err = t.check()
	}
	switch {
	case err != nil:
		return r.damaged(err.Error())
	case r.header.Format < formatOfTotals || r.next <= r.header.Last || r.left > 0:
		return r.damaged("totals where none belong")
	}
	r.totals = t
	return nil
}

// end checks that everything was read, and that nothing follows. It returns io.EOF
// when all is well.
func (r *Reader) end(body []byte) error {
	if r.next <= r.header.Last || r.left > 0 || r.snapshotsMissing() || r.totals == nil && r.header.Format >= formatOfTotals {
		return r.damaged("it ends before all of it was there")
	}
	if string(body) != string(r.before[:]) {
		return r.damaged("its sum is another")
	}
	switch n, err := io.ReadFull(r.in, make([]byte, 1)); {
	case n > 0:
		return r.damaged("something follows its end")
	case err != io.EOF:
		return err
	}
	return io.EOF
}

// readFrame reads one frame and checks it against the one before. The body is the
// Reader's until the next call.
func (r *Reader) readFrame() (kind byte, body []byte, err error) {
	r.sum.Sum(r.before[:0])
	var head [frameHead]byte
	if err := r.readFull(head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.LittleEndian.Uint32(head[1:])
	if size > maxBody {
		return 0, nil, r.damaged(fmt.Sprintf("a frame of %d bytes", size))
	}
	all := frameHead + int(size) + frameTail
	if cap(r.frame) < all {
		r.frame = make([]byte, 0, all+all/4)
	}
	r.frame = append(r.frame[:0], head[:]...)[:all]
	if err := r.readFull(r.frame[frameHead:]); err != nil {
		return 0, nil, err
	}
	checked := r.frame[:all-frameTail]
	if r.crc = chain(r.crc, checked); r.crc != binary.LittleEndian.Uint32(r.frame[all-frameTail:]) {
		return 0, nil, r.damaged("a checksum is another")
	}
	_, _ = r.sum.Write(r.frame)
	r.offset += int64(all)
	return head[0], checked[frameHead:], nil
}

// readFull fills b; an end before that is a cut.
func (r *Reader) readFull(b []byte) error {
	_, err := io.ReadFull(r.in, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &PlaceError{Kind: ErrCut, Byte: r.offset, What: "the part that begins there is missing"}
	}
	return err
}

// decompress returns a piece, which is never empty; it sets r.err when it is none.
func (r *Reader) decompress(body []byte) []byte {
	raw, err := r.dec.DecodeAll(body, r.raw[:0])
	if err != nil || len(raw) == 0 || len(raw) > maxPiece {
		r.err = r.damaged("a piece does not decompress")
		return nil
	}
	r.raw = raw
	return raw
}

func (r *Reader) damaged(what string) error {
	return &PlaceError{Kind: ErrDamaged, Byte: r.offset, What: what}
}
