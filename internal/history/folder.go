package history

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/prometheus/tsdb"

	"vaiven"
	"vaiven/internal/atomicfile"
)

// openFolder reads the manifest and opens the blocks that it names; everything else in
// the folder that looks like a block is a leftover.
func (h *History) openFolder() error {
	m, err := readManifest(h.o.Dir)
	switch {
	case errors.Is(err, errDamaged):
		return h.rescue()
	case err != nil:
		return err
	case m == nil:
		m = &manifest{Version: manifestVersion, Log: h.o.Log}
	case m.Log != h.o.Log:
		if err := h.setAside(); err != nil {
			return err
		}
		m = &manifest{Version: manifestVersion, Log: h.o.Log}
	}
	h.saved = *m
	there, err := h.folders()
	if err != nil {
		return err
	}
	for _, id := range m.Blocks {
		h.openOrLose(id)
	}
	for _, id := range there {
		if !slices.Contains(m.Blocks, id) {
			if err := os.RemoveAll(filepath.Join(h.o.Dir, id.String())); err != nil {
				return err
			}
		}
	}
	h.sayLost()
	return nil
}

// openOrLose opens a block. One that cannot be read stays in the manifest, and in the
// folder, for whoever can.
func (h *History) openOrLose(id ulid.ULID) {
	b, err := openBlock(filepath.Join(h.o.Dir, id.String()))
	if err != nil {
		h.o.Logger.Error("a block of history cannot be opened", "block", id, "err", err, "hint", rebuildHint(vaiven.English))
		h.lost = append(h.lost, readLost(h.o.Dir, id))
		return
	}
	h.blocks = append(h.blocks, b)
}

func (h *History) sayLost() {
	if len(h.lost) > 0 {
		h.o.Notify(Notice{Kind: LostBlocks, Path: h.o.Dir, Blocks: lostIDs(h.lost)})
	}
}

// lostBlock is a block of the manifest that cannot be opened.
type lostBlock struct {
	id ulid.ULID
	vaiven.Stretch
}

// readLost learns what time a block is of, if its meta.json still says so.
func readLost(dir string, id ulid.ULID) lostBlock {
	l := lostBlock{id, vaiven.Stretch{From: math.MinInt64, To: math.MaxInt64}}
	b, err := os.ReadFile(filepath.Join(dir, id.String(), metaName))
	var meta tsdb.BlockMeta
	if err == nil && json.Unmarshal(b, &meta) == nil && meta.MinTime < meta.MaxTime {
		l.Stretch = vaiven.Stretch{From: meta.MinTime, To: meta.MaxTime}
	}
	return l
}

func lostIDs(list []lostBlock) []ulid.ULID {
	var ids []ulid.ULID
	for _, l := range list {
		ids = append(ids, l.id)
	}
	return ids
}

// addLost tells u of the blocks that are lost and may have had something at
// from <= time <= to; h.mu is held.
func (h *History) addLost(u *unread, from, to int64) {
	for _, l := range h.lost {
		if l.From <= to && from < l.To {
			u.add(damage{l.id, l.Stretch, nil})
		}
	}
}

// sayDamage tells once of each block in which something was found that cannot be read.
func (h *History) sayDamage() {
	h.mu.RLock()
	var fresh []*block
	for _, b := range h.blocks {
		if b.damage.Load() != nil && b.said.CompareAndSwap(false, true) {
			fresh = append(fresh, b)
		}
	}
	h.mu.RUnlock()
	for _, b := range fresh {
		d := b.damage.Load()
		h.o.Logger.Error("a block of history cannot be read in full", "block", b.id, "from", moment(d.From), "to", moment(d.To), "err", d.err, "hint", rebuildHint(vaiven.English))
		h.o.Notify(Notice{Kind: DamagedBlock, Path: h.o.Dir, Blocks: []ulid.ULID{b.id}, Part: d.Stretch})
	}
}

// folders returns the names of the folder's blocks, whole or not.
func (h *History) folders() ([]ulid.ULID, error) {
	entries, err := os.ReadDir(h.o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var ids []ulid.ULID
	for _, e := range entries {
		if id, err := ulid.ParseStrict(e.Name()); err == nil && e.IsDir() {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// Files lists what a copy of the folder needs, with slashes, the manifest first: it
// says which of the others count. What is written between two calls of Files replaces
// the manifest, and nothing else. There are none in a folder that is of another log
// than this one; a manifest that cannot be read is an error, since a start puts it right.
// While a History has the folder, it must be held.
func Files(dir, log string) ([]string, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	if m == nil || m.Log != log {
		return nil, nil
	}
	files := []string{manifestName}
	for _, id := range m.Blocks {
		err := filepath.WalkDir(filepath.Join(dir, id.String()), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, path)
			files = append(files, filepath.ToSlash(name))
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // lost: it stays so in the copy
			return nil, fmt.Errorf("history: %w", err)
		}
	}
	return files, nil
}

// setAside renames the folder, and begins another.
func (h *History) setAside() error {
	aside, err := atomicfile.AsideName(h.o.Dir, "other-log", h.o.Now())
	if err != nil {
		return err
	}
	if err := os.Rename(h.o.Dir, aside); err != nil {
		return err
	}
	h.o.Notify(Notice{Kind: OtherLog, Path: h.o.Dir, Aside: aside})
	return nil
}

// rescue makes do without a manifest. A block that others were joined to is as good as
// those, which may be there still. What was cut since the earliest block of the last
// flush may be there in part, so that the log is read again from there: the same sample
// again is nothing new.
func (h *History) rescue() error {
	ids, err := h.folders()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := os.Stat(filepath.Join(h.o.Dir, id.String(), metaName)); err == nil {
			h.openOrLose(id)
		}
	}
	parents := map[ulid.ULID]bool{}
	for _, b := range h.blocks {
		for _, p := range b.tsdb.Meta().Compaction.Parents {
			parents[p.ULID] = true
		}
	}
	m := manifest{Version: manifestVersion, Log: h.o.Log, Blocks: lostIDs(h.lost)}
	h.blocks = slices.DeleteFunc(h.blocks, func(b *block) bool {
		if !parents[b.tsdb.Meta().ULID] {
			return false
		}
		_ = b.close() // read only
		return true
	})
	for _, b := range h.blocks {
		m.Kept, m.Counts.Samples = max(m.Kept, b.kept), m.Counts.Samples+b.samples
		m.Blocks = append(m.Blocks, b.tsdb.Meta().ULID)
	}
	slices.SortFunc(h.blocks, byTime)
	if len(h.blocks) > 0 { // what was removed is not known any more
		m.Removed = h.blocks[0].first
	}
	h.saved = m
	h.o.Notify(Notice{Kind: Rescued, Path: h.o.Dir})
	h.sayLost()
	return m.write(h.o.Dir)
}

func byTime(a, b *block) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.end, b.end)) }
