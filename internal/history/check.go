package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"vaiven"
)

// checkWindow is how many samples of the log wait to be compared: 8 MB or so.
const checkWindow = 1 << 18

// maxPause is the time without a sample behind which a series is looked up anew, in ms,
// so that a late sample does not make all be read that lies between.
const maxPause = 3_600_000

// Checker compares what the log says with the blocks of a folder that nobody uses. It is
// a view, which is handed the log from where it begins, and keeps nothing. The samples
// that blocks need not hold any more are left out.
type Checker struct {
	blocks     []*block
	none       bool // there is no history
	kept       uint64
	removed    int64 // earlier samples need not be there
	missed     []Missed
	newest     int64  // see manifest.Newest
	collisions uint64 // that the history has dropped

	window  int // checkWindow, but in tests
	waiting map[key][]sample
	count   int // of them
	dropped uint64
	samples []vaiven.Sample
	found   Check
	unread  unread
}

// Check is what a Checker has found.
type Check struct {
	Samples   uint64 // compared
	Missing   uint64
	Different uint64 // not explained by what was dropped for being another value of the same millisecond
	First     vaiven.Sample
	Missed    []Missed    // that the log did not have any more when the history needed it
	Unread    []ulid.ULID // blocks that cannot be read in full
	Err       error       // the first of those
}

// OpenChecker opens the blocks of a folder for a log. A folder that is not there, is of
// another log, or has a damaged manifest, has nothing to compare.
func OpenChecker(dir, log string) (*Checker, error) {
	c := &Checker{window: checkWindow, waiting: map[key][]sample{}, none: true}
	m, err := readManifest(dir)
	if err != nil && !errors.Is(err, errDamaged) {
		return nil, fmt.Errorf("history: %w", err)
	}
	if err != nil || m == nil || m.Log != log {
		return c, nil
	}
	c.none, c.missed, c.newest = false, m.Missed, m.Newest
	c.kept, c.removed, c.collisions = m.Kept, m.Removed, m.Counts.Collisions
	for _, id := range m.Blocks {
		b, err := openBlock(filepath.Join(dir, id.String()))
		if err != nil {
			c.unread.add(damage{id, readLost(dir, id).Stretch, err})
			continue
		}
		c.blocks = append(c.blocks, b)
	}
	return c, nil
}

// Name is how the checker is called.
func (c *Checker) Name() string { return "history's check" }

// Snapshot is empty: there is nothing to go on from.
func (c *Checker) Snapshot() ([]byte, error) { return nil, nil }

// Restore does nothing: all of the log is compared.
func (c *Checker) Restore([]byte) error { return nil }

// Kept is that of the history: what is behind it, it need not have.
func (c *Checker) Kept() uint64 {
	if c.none {
		return math.MaxUint64
	}
	return c.kept
}

// Missed is told of records that neither the log nor the history has.
func (c *Checker) Missed(first, last uint64, at int64) {
	c.missed = addMissed(c.missed, Missed{first, last, c.newest, at})
}

// Apply takes a record's samples. It never fails: what is wrong Finish says.
func (c *Checker) Apply(pos uint64, entries []vaiven.Entry) error {
	if pos > c.kept {
		return nil
	}
	for _, en := range entries {
		c.samples = vaiven.AppendSamples(c.samples[:0], en.Event)
		for _, s := range c.samples {
			if s.At < c.removed {
				continue
			}
			k := key{s.Device, s.Name, s.State}
			if _, known := c.waiting[k]; !known {
				k = k.clone()
			}
			c.waiting[k] = append(c.waiting[k], sample{s.At, s.Num})
			c.count++
		}
	}
	if c.count >= c.window {
		c.compareAll()
	}
	return nil
}

// Finish compares the rest, reads the blocks in full, those of a time that the log does
// not have any more as well, and returns what was found. The error is ctx's.
func (c *Checker) Finish(ctx context.Context) (Check, error) {
	c.compareAll()
	for _, b := range c.blocks {
		if err := b.scan(ctx, &c.unread); err != nil {
			return Check{}, fmt.Errorf("history: block %s: %w", b.id, err)
		}
	}
	found := c.found
	found.Missed = slices.DeleteFunc(slices.Clone(c.missed), func(m Missed) bool { return m.To != 0 && m.To <= c.removed })
	for _, d := range c.unread.perBlock() {
		if !slices.Contains(found.Unread, d.block) {
			found.Unread = append(found.Unread, d.block)
		}
		found.Err = cmp.Or(found.Err, d.err)
	}
	found.Different -= min(found.Different, c.collisions-min(c.collisions, c.dropped))
	return found, nil
}

// Close lets go of the blocks. Safe twice.
func (c *Checker) Close() error {
	var err error
	for _, b := range c.blocks {
		err = cmp.Or(err, b.close())
	}
	c.blocks = nil
	return err
}

// compareAll compares what waits.
func (c *Checker) compareAll() {
	for k, list := range c.waiting {
		slices.SortStableFunc(list, func(a, b sample) int { return cmp.Compare(a.t, b.t) })
		n := 0
		for _, s := range list { // the first of a millisecond counts
			switch {
			case n == 0 || list[n-1].t != s.t:
				list[n] = s
				n++
			case !sameValue(list[n-1].v, s.v):
				c.dropped++
			}
		}
		list = list[:n]
		for from := 0; from < n; {
			to := from + 1
			for to < n && list[to].t-list[to-1].t <= maxPause {
				to++
			}
			c.compare(k, list[from:to])
			from = to
		}
	}
	clear(c.waiting)
	c.count = 0
}

// compare looks up samples of a series, which are in time's order.
func (c *Checker) compare(k key, list []sample) {
	there := make([]bool, len(list))
	first, last := list[0].t, list[len(list)-1].t
	for _, b := range c.blocks {
		if !b.overlaps(first, last+1) {
			continue
		}
		i := 0
		err := b.read(&c.unread, k, first, last+1, func(t int64, v float64) bool {
			for i < len(list) && list[i].t < t {
				i++
			}
			if i < len(list) && list[i].t == t {
				there[i] = true
				if !sameValue(list[i].v, v) {
					c.found.Different++
					c.wrong(k, list[i])
				}
			}
			return i < len(list)
		})
		if err != nil {
			c.found.Err = cmp.Or(c.found.Err, fmt.Errorf("%s: %w", filepath.Base(b.dir), err))
		}
	}
	for i, s := range list {
		c.found.Samples++
		if !there[i] {
			c.found.Missing++
			c.wrong(k, s)
		}
	}
}

// wrong remembers the earliest sample that is not as it should be.
func (c *Checker) wrong(k key, s sample) {
	if c.found.First.Device == "" || s.t < c.found.First.At {
		c.found.First = vaiven.Sample{Series: vaiven.Series{Device: k.device, Name: k.name, State: k.state}, At: s.t, Num: s.v}
	}
}

// sameValue reports whether two values are one sample.
func sameValue(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a == 0 && b == 0
}

// Text says what is wrong, "" when nothing is.
func (c Check) Text(l vaiven.Lang) string {
	var parts []string
	if len(c.Unread) > 0 {
		parts = append(parts, fmt.Sprintf(l.Say("history: blocks that cannot be read in full: %s (%v)", "historial: bloques que no se pueden leer enteros: %s (%v)"),
			fmt.Sprint(c.Unread), c.Err))
	}
	if c.Missing+c.Different == 0 {
		return strings.Join(parts, "; ")
	}
	text := fmt.Sprintf(l.Say("history: of %d values of the log %d are missing and %d are others; the earliest is %s of %s at %s",
		"historial: de %d valores del registro faltan %d y %d son otros; el primero es %s de %s a las %s"),
		c.Samples, c.Missing, c.Different, c.First.Name, c.First.Device, moment(c.First.At))
	return strings.Join(append(parts, text), "; ")
}

// MissedText says what the history lacks that the log does not have either, "" for
// nothing. No start can cure that.
func (c Check) MissedText(l vaiven.Lang) string { return missedText(c.Missed, l) }

// Hint says what to do about what Text says.
func (c Check) Hint(l vaiven.Lang) string { return rebuildHint(l) }
