package backup

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Writer writes a backup. Its methods are called in the order of the form: every
// snapshot of the header, every record, files, Totals, Close. The first error of the
// io.Writer is the Writer's from then on; what was written then is not a backup, and
// a Reader says so.
type Writer struct {
	out     io.Writer
	header  Header
	enc     *zstd.Encoder
	sum     hash.Hash // of everything written
	crc     uint32    // of the last frame
	frame   []byte
	records []byte // that are not written yet
	next    uint64 // the record that is expected
	shots   int    // snapshots written
	totals  bool   // they are written
	err     error
}

// NewWriter begins a backup. The caller fills h, but for its Format.
func NewWriter(out io.Writer, h Header) (*Writer, error) {
	h.Format = Format
	if err := h.check(); err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	// Boards are served meanwhile: little memory, one core, the fastest way.
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	w := &Writer{out: out, header: h, enc: enc, sum: sha256.New(), next: h.First}
	w.write([]byte(Magic))
	w.writeJSON(frameHeader, h)
	return w, w.err
}

// errOrder is a programmer's mistake.
var errOrder = errors.New("backup: parts come in another order than the form has")

// Snapshot writes the next snapshot of the header.
func (w *Writer) Snapshot(data []byte) error {
	if w.err == nil && (w.next != w.header.First || w.shots == len(w.header.Snapshots) || int64(len(data)) != w.header.Snapshots[w.shots].Size) {
		w.err = errOrder
	}
	w.shots++
	for len(data) > 0 && w.err == nil {
		n := min(len(data), pieceSize)
		w.writePiece(frameSnapshot, data[:n])
		data = data[n:]
	}
	return w.err
}

// Record writes the record with this sequence, which is the one behind the last.
func (w *Writer) Record(seq uint64, record []byte) error {
	if w.err == nil && (w.shots != len(w.header.Snapshots) || seq != w.next || seq > w.header.Last || len(record) > maxRecord) {
		w.err = errOrder
	}
	if w.err != nil {
		return w.err
	}
	w.records = binary.AppendUvarint(w.records, uint64(len(record)))
	w.records = append(w.records, record...)
	if w.next++; len(w.records) >= pieceSize || seq == w.header.Last {
		w.writePiece(frameRecords, w.records)
		w.records = w.records[:0]
	}
	return w.err
}

// File writes the first f.Size bytes of content. The error is errOrder's, the
// writer's, or that of content, which may not be shorter.
func (w *Writer) File(f File, content io.Reader) error {
	if w.err == nil && (w.next != w.header.Last+1 || w.totals) {
		w.err = errOrder
	}
	if w.err == nil {
		w.err = f.check()
	}
	if w.err != nil {
		return w.err
	}
	w.writeJSON(frameFile, f)
	buf := make([]byte, min(f.Size, pieceSize))
	for left := f.Size; left > 0 && w.err == nil; {
		n := min(left, pieceSize)
		if _, err := io.ReadFull(content, buf[:n]); err != nil {
			w.err = fmt.Errorf("%s: %w", f.Path, err)
			break
		}
		w.writePiece(frameData, buf[:n])
		left -= n
	}
	return w.err
}

// Totals writes them, once.
func (w *Writer) Totals(t Totals) error {
	if w.err == nil && (w.next != w.header.Last+1 || w.totals) {
		w.err = errOrder
	}
	if w.err == nil {
		w.err = t.check()
	}
	if w.totals = true; w.err == nil {
		w.writeJSON(frameTotals, t)
	}
	return w.err
}

// Close writes the end, without which there is no backup. It does not close the
// io.Writer.
func (w *Writer) Close() error {
	if w.err == nil && !w.totals {
		w.err = errOrder
	}
	if w.err == nil {
		w.writeFrame(frameEnd, w.sum.Sum(nil))
	}
	err := w.err
	if w.err == nil {
		w.err = errOrder // for whoever goes on
	}
	return err
}

func (w *Writer) writeJSON(kind byte, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		w.err = err
		return
	}
	w.writeFrame(kind, b)
}

func (w *Writer) writePiece(kind byte, raw []byte) {
	w.beginFrame(kind)
	w.frame = w.enc.EncodeAll(raw, w.frame)
	w.endFrame()
}

func (w *Writer) writeFrame(kind byte, body []byte) {
	w.beginFrame(kind)
	w.frame = append(w.frame, body...)
	w.endFrame()
}

func (w *Writer) beginFrame(kind byte) { w.frame = append(w.frame[:0], kind, 0, 0, 0, 0) }

func (w *Writer) endFrame() {
	binary.LittleEndian.PutUint32(w.frame[1:], uint32(len(w.frame)-frameHead))
	w.crc = chain(w.crc, w.frame)
	w.frame = binary.LittleEndian.AppendUint32(w.frame, w.crc)
	w.write(w.frame)
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	_, _ = w.sum.Write(b) // a hash takes everything
	_, w.err = w.out.Write(b)
}

// chain is the checksum of a frame that stands behind one with this checksum.
func chain(before uint32, frame []byte) uint32 {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], before)
	return crc32.Update(crc32.Checksum(b[:], castagnoli), castagnoli, frame)
}
