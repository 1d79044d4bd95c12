package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/tsdb/index"
	"github.com/prometheus/prometheus/util/annotations"

	"vaiven"
)

// damage is a stretch of time of which a block has something that cannot be read.
type damage struct {
	block ulid.ULID
	vaiven.Stretch
	err error
}

// Error makes it a warning in Prometheus' sense.
func (d damage) Error() string {
	text := fmt.Sprintf("history: block %s cannot be read in full", d.block)
	if d.From != math.MinInt64 {
		text += fmt.Sprintf(": something is missing from %s to %s", moment(d.From), moment(d.To))
	}
	return text
}

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// unread is what could not be read for one question, which one goroutine asks.
type unread struct{ list []damage }

// maxUnread is how many stretches of one block are told apart.
const maxUnread = 16

func (u *unread) add(d damage) {
	if u == nil {
		return
	}
	if u.list = append(u.list, d); len(u.list) > 1024 { // a file that was cut lacks each of its chunks
		u.list = u.perBlock()
	}
}

// perBlock are the stretches by blocks and times, those that touch made one. Of a block
// with very many there is one that has them all.
func (u *unread) perBlock() []damage {
	slices.SortStableFunc(u.list, func(a, b damage) int { return cmp.Or(a.block.Compare(b.block), cmp.Compare(a.From, b.From)) })
	var out []damage
	begin := 0 // of the block
	for _, d := range u.list {
		last := len(out) - 1
		switch {
		case last < 0 || out[last].block != d.block:
			begin = len(out)
			out = append(out, d)
		case d.From <= out[last].To:
			out[last].To = max(out[last].To, d.To)
		case len(out)-begin == maxUnread:
			out[begin].To = d.To
			out = out[:begin+1]
		default:
			out = append(out, d)
		}
	}
	return out
}

// within are the stretches of all blocks, from <= time < to, in time's order.
func (u *unread) within(from, to int64) (out []vaiven.Stretch) {
	list := u.perBlock()
	slices.SortFunc(list, func(a, b damage) int { return cmp.Compare(a.From, b.From) })
	for _, d := range list {
		s := vaiven.Stretch{From: max(d.From, from), To: min(d.To, to)}
		switch last := len(out) - 1; {
		case s.From >= s.To:
		case last >= 0 && s.From <= out[last].To:
			out[last].To = max(out[last].To, s.To)
		default:
			out = append(out, s)
		}
	}
	return out
}

func (u *unread) warnings() (notes annotations.Annotations) {
	for _, d := range u.perBlock() {
		notes.Add(d)
	}
	return notes
}

// reader reads the block as far as it can be read: series and chunks that are damaged
// are as if they were not there, and u is told of them.
func (b *block) reader(u *unread) tsdb.BlockReader { return &reader{Block: b.tsdb, b: b, u: u} }

type reader struct {
	*tsdb.Block
	b     *block
	u     *unread
	blind bool // something of the index could not be read
}

func (r *reader) tell(s vaiven.Stretch, err error) {
	d := damage{r.b.id, s, err}
	r.b.damage.CompareAndSwap(nil, &d)
	r.u.add(d)
}

// whole tells that the index is damaged: it is not known what it would have said.
func (r *reader) whole(err error) {
	r.blind = true
	r.tell(vaiven.Stretch{From: r.b.first, To: r.b.end}, err)
}

// Index implements [tsdb.BlockReader].
func (r *reader) Index() (tsdb.IndexReader, error) {
	ir, err := r.Block.Index()
	return indexReader{ir, r}, err
}

// Chunks implements [tsdb.BlockReader].
func (r *reader) Chunks() (tsdb.ChunkReader, error) {
	cr, err := r.Block.Chunks()
	return chunkReader{cr, r}, err
}

// guard calls fn, which reads a file that is mapped into memory. A disk that does not
// give its content, or a file that became shorter, is an error and not the program's end.
func guard(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch p := recover().(type) {
		case nil:
		case runtime.Error:
			err = fmt.Errorf("read: %w", p)
		default:
			panic(p)
		}
	}()
	return fn()
}

type indexReader struct {
	tsdb.IndexReader
	r *reader
}

// read calls fn, and reports whether it could be read; the error is ctx's.
func (x indexReader) read(ctx context.Context, fn func() error) (bool, error) {
	err := guard(fn)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	}
	x.r.whole(err)
	return false, nil
}

func (x indexReader) SortedLabelValues(ctx context.Context, name string, h *storage.LabelHints, ms ...*labels.Matcher) (list []string, err error) {
	_, err = x.read(ctx, func() (err error) {
		list, err = x.IndexReader.SortedLabelValues(ctx, name, h, ms...)
		return err
	})
	return list, err
}

func (x indexReader) LabelValues(ctx context.Context, name string, h *storage.LabelHints, ms ...*labels.Matcher) (list []string, err error) {
	_, err = x.read(ctx, func() (err error) {
		list, err = x.IndexReader.LabelValues(ctx, name, h, ms...)
		return err
	})
	return list, err
}

func (x indexReader) LabelNames(ctx context.Context, ms ...*labels.Matcher) (list []string, err error) {
	_, err = x.read(ctx, func() (err error) {
		list, err = x.IndexReader.LabelNames(ctx, ms...)
		return err
	})
	return list, err
}

func (x indexReader) Postings(ctx context.Context, name string, values ...string) (p index.Postings, err error) {
	ok, err := x.read(ctx, func() (err error) {
		p, err = x.IndexReader.Postings(ctx, name, values...)
		return err
	})
	if !ok {
		p = index.EmptyPostings()
	}
	return p, err
}

func (x indexReader) PostingsForLabelMatching(ctx context.Context, name string, match func(string) bool) index.Postings {
	return x.postings(ctx, func() index.Postings { return x.IndexReader.PostingsForLabelMatching(ctx, name, match) })
}

func (x indexReader) PostingsForAllLabelValues(ctx context.Context, name string) index.Postings {
	return x.postings(ctx, func() index.Postings { return x.IndexReader.PostingsForAllLabelValues(ctx, name) })
}

func (x indexReader) postings(ctx context.Context, find func() index.Postings) (p index.Postings) {
	ok, err := x.read(ctx, func() error {
		p = find()
		return p.Err()
	})
	switch {
	case err != nil:
		return index.ErrPostings(err)
	case !ok:
		return index.EmptyPostings()
	}
	return p
}

// Series returns storage.ErrNotFound for a series that cannot be read: whoever walks
// postings goes on with the next.
func (x indexReader) Series(ref storage.SeriesRef, name *labels.ScratchBuilder, chks *[]chunks.Meta) error {
	err := guard(func() error { return x.IndexReader.Series(ref, name, chks) })
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		x.r.whole(err)
		return storage.ErrNotFound
	}
	return err
}

type chunkReader struct {
	tsdb.ChunkReader
	r *reader
}

// ChunkOrIterable returns a chunk without samples for one that cannot be read.
func (x chunkReader) ChunkOrIterable(m chunks.Meta) (c chunkenc.Chunk, it chunkenc.Iterable, err error) {
	err = guard(func() (err error) {
		c, it, err = x.ChunkReader.ChunkOrIterable(m)
		return err
	})
	if err != nil {
		x.r.tell(vaiven.Stretch{From: m.MinTime, To: m.MaxTime + 1}, err)
		return chunkenc.NewXORChunk(), nil, nil
	}
	return c, it, nil
}

// scan reads all of the block, and tells u what cannot be read. The error is none of
// damage.
func (b *block) scan(ctx context.Context, u *unread) error {
	r := &reader{Block: b.tsdb, b: b, u: u}
	ir, err := r.Index()
	if err != nil {
		return err
	}
	defer func() { _ = ir.Close() }() // read only
	cr, err := r.Chunks()
	if err != nil {
		return err
	}
	defer func() { _ = cr.Close() }() // read only
	names, err := ir.LabelNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ir.PostingsForAllLabelValues(ctx, name).Err(); err != nil {
			return err
		}
	}
	all, err := ir.Postings(ctx, "", "") // the key of all
	if err != nil {
		return err
	}
	var (
		name    labels.ScratchBuilder
		chks    []chunks.Meta
		samples uint64
	)
	before := len(u.list)
	for all.Next() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if ir.Series(all.At(), &name, &chks) != nil { // u knows
			continue
		}
		for _, m := range chks {
			c, _, err := cr.ChunkOrIterable(m)
			if err != nil {
				return err
			}
			samples += uint64(c.NumSamples())
		}
	}
	if len(u.list) == before && samples != b.samples {
		r.whole(fmt.Errorf("it has %d samples, and should have %d", samples, b.samples))
	}
	return nil
}
