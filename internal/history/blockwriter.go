package history

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/fileutil"
	"github.com/prometheus/prometheus/tsdb/index"
)

// Files of a block that the TSDB has no exported name for.
const (
	metaName   = "meta.json"
	indexName  = "index"
	chunksName = "chunks"
)

// maxSegment is how large a file of chunks becomes. The TSDB reserves so much when it
// begins one, so it is asked for no more than will be needed.
const maxSegment = 64 << 20

// blockWriter writes one block with its roll-ups. It is what the TSDB's own joining of
// blocks writes to, and gets each series' chunks first and then its name.
type blockWriter struct {
	dir    string
	meta   tsdb.BlockMeta
	index  *index.Writer
	chunks *chunks.Writer
	rollup *rollupWriter
	done   bool
}

// newBlockWriter begins a block in a folder of its own below dir; size is about how
// many bytes of chunks there will be.
func newBlockWriter(dir string, size int64) (_ *blockWriter, err error) {
	id, err := ulid.New(ulid.Now(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("name of a block: %w", err)
	}
	w := &blockWriter{dir: filepath.Join(dir, id.String()), meta: tsdb.BlockMeta{
		ULID: id, Version: 1, MinTime: math.MaxInt64, MaxTime: math.MinInt64,
		Compaction: tsdb.BlockMetaCompaction{Level: 1, Sources: []ulid.ULID{id}},
	}}
	defer func() {
		if err != nil {
			w.abandon()
		}
	}()
	segment := min(size+size/8+1<<16, maxSegment)
	if w.chunks, err = chunks.NewWriter(filepath.Join(w.dir, chunksName), chunks.WithSegmentSize(segment)); err != nil {
		return nil, err
	}
	if w.index, err = index.NewWriter(context.Background(), filepath.Join(w.dir, indexName)); err != nil {
		return nil, err
	}
	if w.rollup, err = newRollupWriter(filepath.Join(w.dir, rollupName)); err != nil {
		return nil, err
	}
	return w, nil
}

// AddSymbol is called for every string of every name, in order, before any series.
func (w *blockWriter) AddSymbol(sym string) error { return w.index.AddSymbol(sym) }

// WriteChunks is called with the chunks of the next series.
func (w *blockWriter) WriteChunks(chks ...chunks.Meta) error {
	if err := w.rollup.addChunks(chks); err != nil {
		return err
	}
	return w.chunks.WriteChunks(chks...)
}

// AddSeries is called with the name of the series whose chunks were written, in the
// order of the names.
func (w *blockWriter) AddSeries(ref storage.SeriesRef, l labels.Labels, chks ...chunks.Meta) error {
	for _, c := range chks {
		w.meta.MinTime, w.meta.MaxTime = min(w.meta.MinTime, c.MinTime), max(w.meta.MaxTime, c.MaxTime+1)
		w.meta.Stats.NumChunks++
	}
	w.meta.Stats.NumSeries++
	w.meta.Stats.NumSamples += w.rollup.samples
	w.meta.Stats.NumFloatSamples = w.meta.Stats.NumSamples
	if err := w.rollup.endSeries(keyOf(l)); err != nil {
		return err
	}
	return w.index.AddSeries(ref, l, chks...)
}

// Close is for the interfaces: finish ends the block.
func (w *blockWriter) Close() error { return nil }

// finish brings the block to the disk. Its meta.json comes last: a folder that has one
// is a whole block.
func (w *blockWriter) finish() (err error) {
	defer func() {
		if err != nil {
			w.abandon()
		}
	}()
	w.done = true
	if err := cmp.Or(w.chunks.Close(), w.index.Close(), w.rollup.close()); err != nil {
		return err
	}
	b, err := json.MarshalIndent(w.meta, "", "\t")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(w.dir, metaName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return cmp.Or(err, f.Sync(), f.Close(), syncFolder(filepath.Join(w.dir, chunksName)), syncFolder(w.dir))
}

// abandon removes what there is of a block.
func (w *blockWriter) abandon() {
	if !w.done {
		if w.chunks != nil {
			_ = w.chunks.Close() // all of it is removed
		}
		if w.index != nil {
			_ = w.index.Close()
		}
		if w.rollup != nil {
			_ = w.rollup.file.Close()
		}
	}
	w.done = true
	_ = os.RemoveAll(w.dir) // or the next start removes it
}

// syncFolder brings a folder's names to the disk.
func syncFolder(path string) error {
	dir, err := fileutil.OpenDir(path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }() // read only
	return dir.Sync()
}

// keptHint begins the hint of a block's meta.json that says up to which record of the
// log all blocks were whole when it was begun, for a folder whose manifest is damaged.
const keptHint = "vaiven-kept="

func setKept(m *tsdb.BlockMeta, kept uint64) {
	m.Compaction.Hints = append(m.Compaction.Hints, keptHint+strconv.FormatUint(kept, 10))
}

func keptOf(m *tsdb.BlockMeta) uint64 {
	for _, hint := range m.Compaction.Hints {
		if text, ok := strings.CutPrefix(hint, keptHint); ok {
			if n, err := strconv.ParseUint(text, 10, 64); err == nil {
				return n
			}
		}
	}
	return 0
}

// part is what one series has for one block.
type part struct {
	labels labels.Labels
	chunks []chunks.Meta
}

// writeBlock writes one block of parts, which are in the order of their labels.
func writeBlock(dir string, parts []part, kept uint64) (*block, error) {
	size, symbols := 0, map[string]bool{}
	for _, p := range parts {
		for _, c := range p.chunks {
			size += len(c.Chunk.Bytes()) + chunks.MaxChunkLengthFieldSize + chunks.ChunkEncodingSize + 4
		}
		p.labels.Range(func(l labels.Label) { symbols[l.Name], symbols[l.Value] = true, true })
	}
	w, err := newBlockWriter(dir, int64(size))
	if err != nil {
		return nil, err
	}
	setKept(&w.meta, kept)
	if err := w.writeParts(parts, symbols); err != nil {
		w.abandon()
		return nil, err
	}
	if err := w.finish(); err != nil {
		return nil, err
	}
	return openBlock(w.dir)
}

func (w *blockWriter) writeParts(parts []part, symbols map[string]bool) error {
	sorted := make([]string, 0, len(symbols))
	for s := range symbols {
		sorted = append(sorted, s)
	}
	slices.Sort(sorted)
	for _, s := range sorted {
		if err := w.AddSymbol(s); err != nil {
			return err
		}
	}
	for i, p := range parts {
		if err := w.WriteChunks(p.chunks...); err != nil {
			return err
		}
		if err := w.AddSeries(storage.SeriesRef(i), p.labels, p.chunks...); err != nil {
			return err
		}
	}
	return nil
}
