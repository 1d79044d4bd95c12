package history

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"slices"

	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"

	"vaiven"
)

// rollupName is the file with a block's roll-ups, in its folder. A block without one,
// or with one that is damaged, is read sample by sample.
const rollupName = "rollup"

// step is the time that one entry of a roll-up stands for, in ms; entries begin at
// multiples of it.
const step = 5 * 60 * 1000

// minPerStep is how many samples an entry has on the average in a series that is worth
// a roll-up: below, the samples are as quickly read.
const minPerStep = 16

// sums are what is known of some samples.
type sums struct {
	count    uint64
	min, max float64
	sum      float64
}

func (s *sums) add(v float64) {
	if s.count == 0 {
		s.min, s.max = v, v
	}
	s.min, s.max = min(s.min, v), max(s.max, v)
	s.count++
	s.sum += v
}

func (s *sums) join(o sums) {
	if s.count == 0 {
		*s = o
		return
	}
	s.min, s.max = min(s.min, o.min), max(s.max, o.max)
	s.count += o.count
	s.sum += o.sum
}

// rolled is an entry: a step that has samples, by its number.
type rolled struct {
	step int64
	sums
}

// The file: the magic, for each series its entries and their CRC-32C, for each series
// an element of the directory, and an end of fixed length: the directory's place, its
// length, and its CRC-32C. Numbers are little-endian.
const (
	rollupMagic = "vaiven-rollup-1\n"
	entryLength = 8 + 4 + 3*8
	endLength   = 8 + 8 + 4
)

// rollupWriter writes the roll-ups of one block.
type rollupWriter struct {
	file    *os.File
	out     *bufio.Writer
	at      uint64
	dir     []byte
	entries []rolled // of the present series
	samples uint64   // of it
	buf     []byte
	it      chunkenc.Iterator
}

func newRollupWriter(path string) (*rollupWriter, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	w := &rollupWriter{file: f, out: bufio.NewWriterSize(f, 64<<10), at: uint64(len(rollupMagic))}
	_, err = w.out.WriteString(rollupMagic)
	return w, err
}

// addChunks takes chunks of the present series, in time's order.
func (w *rollupWriter) addChunks(chks []chunks.Meta) error {
	for _, c := range chks {
		w.it = c.Chunk.Iterator(w.it)
		for w.it.Next() != chunkenc.ValNone {
			t, v := w.it.At()
			number := floorDiv(t, step)
			if n := len(w.entries); n == 0 || w.entries[n-1].step != number {
				w.entries = append(w.entries, rolled{step: number})
			}
			w.entries[len(w.entries)-1].add(v)
			w.samples++
		}
		if err := w.it.Err(); err != nil {
			return err
		}
	}
	return nil
}

// endSeries writes the present series' entries under its name.
func (w *rollupWriter) endSeries(k key) error {
	entries, samples := w.entries, w.samples
	w.entries, w.samples = w.entries[:0], 0
	if samples < minPerStep*uint64(len(entries)) {
		return nil
	}
	b := w.buf[:0]
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint64(b, uint64(e.step))
		b = binary.LittleEndian.AppendUint32(b, uint32(e.count)) // 71 million samples a second would be too many
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.min))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.max))
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.sum))
	}
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	w.buf = b
	w.dir = appendKey(w.dir, k)
	w.dir = binary.AppendUvarint(w.dir, w.at)
	w.dir = binary.AppendUvarint(w.dir, uint64(len(entries)))
	w.at += uint64(len(b))
	_, err := w.out.Write(b)
	return err
}

func (w *rollupWriter) close() error {
	end := binary.LittleEndian.AppendUint64(w.dir, w.at)
	end = binary.LittleEndian.AppendUint64(end, uint64(len(w.dir)))
	end = binary.LittleEndian.AppendUint32(end, crc32.Checksum(w.dir, castagnoli))
	_, err := w.out.Write(end)
	return cmp.Or(err, w.out.Flush(), w.file.Sync(), w.file.Close())
}

func appendKey(b []byte, k key) []byte {
	kind := byte(0)
	if k.state {
		kind = 1
	}
	b = append(b, kind, byte(len(k.device)))
	b = append(b, k.device...)
	b = append(b, byte(len(k.name)))
	return append(b, k.name...)
}

// rollup is a block's roll-ups, to be read.
type rollup struct {
	file io.ReaderAt
	dir  map[key]place
}

type place struct{ at, entries uint64 }

var errRollup = errors.New("roll-ups are damaged")

// readRollup reads the directory; file is read while the rollup is used.
func readRollup(file *os.File) (*rollup, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	size := info.Size()
	var end [endLength]byte
	if size < int64(len(rollupMagic))+endLength {
		return nil, errRollup
	}
	if _, err := file.ReadAt(end[:], size-endLength); err != nil {
		return nil, err
	}
	at, length := binary.LittleEndian.Uint64(end[:]), binary.LittleEndian.Uint64(end[8:])
	if length > uint64(size) || at != uint64(size)-endLength-length {
		return nil, errRollup
	}
	b := make([]byte, length)
	if _, err := file.ReadAt(b, int64(at)); err != nil {
		return nil, err
	}
	if crc32.Checksum(b, castagnoli) != binary.LittleEndian.Uint32(end[16:]) {
		return nil, errRollup
	}
	r := &rollup{file: file, dir: map[key]place{}}
	for len(b) > 0 {
		k, rest, ok := cutKey(b)
		at, n := binary.Uvarint(rest)
		entries, m := binary.Uvarint(rest[max(n, 0):])
		if !ok || n <= 0 || m <= 0 {
			return nil, errRollup
		}
		r.dir[k] = place{at, entries}
		b = rest[n+m:]
	}
	return r, nil
}

func cutKey(b []byte) (k key, rest []byte, ok bool) {
	if len(b) < 2 || len(b) < 3+int(b[1]) {
		return k, nil, false
	}
	k.state = b[0] == 1
	k.device, b = vaiven.Device(b[2:2+int(b[1])]), b[2+int(b[1]):]
	if len(b) < 1+int(b[0]) {
		return k, nil, false
	}
	k.name = string(b[1 : 1+int(b[0])])
	return k, b[1+int(b[0]):], true
}

// entries returns a series' entries of steps first <= number < end; ok is false when
// the series has no roll-up.
func (r *rollup) entries(k key, first, end int64) (list []rolled, ok bool, err error) {
	p, ok := r.dir[k]
	if !ok {
		return nil, false, nil
	}
	b := make([]byte, p.entries*entryLength+4)
	if _, err := r.file.ReadAt(b, int64(p.at)); err != nil {
		return nil, false, fmt.Errorf("roll-ups: %w", err)
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(b[len(body):]) {
		return nil, false, errRollup
	}
	list = make([]rolled, 0, p.entries)
	for e := range slices.Chunk(body, entryLength) {
		number := int64(binary.LittleEndian.Uint64(e))
		if number < first || number >= end {
			continue
		}
		list = append(list, rolled{number, sums{
			count: uint64(binary.LittleEndian.Uint32(e[8:])),
			min:   math.Float64frombits(binary.LittleEndian.Uint64(e[12:])),
			max:   math.Float64frombits(binary.LittleEndian.Uint64(e[20:])),
			sum:   math.Float64frombits(binary.LittleEndian.Uint64(e[28:])),
		}})
	}
	return list, true, nil
}

// floorDiv rounds down, also in front of 1970.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
