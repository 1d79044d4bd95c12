package history

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
)

// block is a block on disk, open for reading. Its times are first <= t < end.
type block struct {
	tsdb       *tsdb.Block
	id         ulid.ULID
	dir        string
	first, end int64
	samples    uint64
	kept       uint64
	bytes      int64 // of all its files

	file *os.File // of the roll-ups, nil: there are none
	use  sync.RWMutex

	damage atomic.Pointer[damage] // the first that was met, nil: none
	said   atomic.Bool            // that somebody was told of it
}

// openBlock opens a block that is whole.
func openBlock(dir string) (*block, error) {
	var t *tsdb.Block
	err := guard(func() (err error) {
		t, err = tsdb.OpenBlock(nil, dir, nil, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	meta := t.Meta()
	b := &block{
		tsdb: t, id: meta.ULID, dir: dir, first: meta.MinTime, end: meta.MaxTime,
		samples: meta.Stats.NumSamples, kept: keptOf(&meta), bytes: t.Size(),
	}
	b.file, err = os.Open(filepath.Join(dir, rollupName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = t.Close() // read only
		return nil, err
	}
	if b.file != nil {
		if info, err := b.file.Stat(); err == nil {
			b.bytes += info.Size()
		}
	}
	return b, nil
}

// close waits for whoever reads the block; nobody may begin to.
func (b *block) close() error {
	b.use.Lock()
	defer b.use.Unlock()
	if b.file != nil {
		_ = b.file.Close() // read only
		b.file = nil
	}
	return b.tsdb.Close()
}

// remove closes the block and removes its folder; what is left is removed by the next
// start, since no manifest names it.
func (b *block) remove() error {
	if err := b.close(); err != nil {
		return err
	}
	return os.RemoveAll(b.dir)
}

// overlaps reports whether the block may have samples at from <= t < to.
func (b *block) overlaps(from, to int64) bool { return b.first < to && from < b.end }

// newest returns the last time of a series in the block; false when it has none that can
// be read.
func (b *block) newest(k key) (int64, bool, error) {
	ir, err := b.reader(nil).Index()
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = ir.Close() }() // read only
	found, err := tsdb.PostingsForMatchers(context.Background(), ir, k.matchers()...)
	if err != nil || !found.Next() {
		return 0, false, err
	}
	var (
		name labels.ScratchBuilder
		chks []chunks.Meta
	)
	if err := ir.Series(found.At(), &name, &chks); err != nil || len(chks) == 0 { // the error is damage
		return 0, false, nil
	}
	return chks[len(chks)-1].MaxTime, true, nil
}

// next returns the first sample of a series at from or behind it; false for none.
func (b *block) next(k key, from int64) (s sample, found bool, err error) {
	err = b.read(nil, k, from, math.MaxInt64, func(t int64, v float64) bool {
		s, found = sample{t, v}, true
		return false
	})
	return s, found, err
}

// read calls fn with the samples of a series at from <= t < to, until it returns false.
// What cannot be read is left out, and u told of it.
func (b *block) read(u *unread, k key, from, to int64, fn func(t int64, v float64) bool) error {
	q, err := tsdb.NewBlockQuerier(b.reader(u), from, to-1)
	if err != nil {
		return err
	}
	defer func() { _ = q.Close() }() // read only
	set := q.Select(context.Background(), false, nil, k.matchers()...)
	for set.Next() {
		it := set.At().Iterator(nil)
		for it.Next() != chunkenc.ValNone {
			if t, v := it.At(); !fn(t, v) {
				return nil
			}
		}
		if err := it.Err(); err != nil {
			return err
		}
	}
	return set.Err()
}
