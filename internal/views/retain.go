package views

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"vaiven"
)

// Keeper is an Archive from which old records can be taken away. internal/stream's Log
// is one.
type Keeper interface {
	Archive
	// PutSnapshot keeps a snapshot, unless there is one at its position.
	PutSnapshot(ctx context.Context, info vaiven.SnapshotInfo, data []byte) error
	// DropSnapshot takes one away; it is no error when there is none.
	DropSnapshot(ctx context.Context, pos uint64) error
	// Trim takes away all records up to through, at which the oldest snapshot must
	// stand. The last record stays all the same.
	Trim(ctx context.Context, through uint64) error
}

// Retention says what a log keeps, and how far apart its snapshots are. Nothing goes
// that a view still lacks, whatever this says.
type Retention struct {
	Age  time.Duration // records older than this go, by the log's own time; 0: none does
	Size int64         // bytes of the log beyond which its oldest records go; 0: any size
	// Grace is how long a snapshot has been there before the log is trimmed to it. A
	// log of several nodes needs some: one of them may just be reading what is behind
	// an earlier snapshot.
	Grace time.Duration
	// Records and Events bound what a start without a checkpoint must read: a
	// snapshot is taken after so many; defaults 100,000 and 1,000,000. Bytes bounds
	// what cannot be taken away from the log on a full disk; 0: nothing does.
	Records, Events uint64
	Bytes           int64
}

func (r Retention) withDefaults() Retention {
	r.Records = cmp.Or(r.Records, 100_000)
	r.Events = cmp.Or(r.Events, 1_000_000)
	return r
}

const (
	// steps is in how many the log is trimmed of what it keeps, and keptSnapshots how
	// many that takes.
	steps         = 8
	keptSnapshots = steps + 2
	// fewestKept are those that stay whatever they cost: the base, the newest, and one
	// between them that grows old, for the log to be trimmed to.
	fewestKept = 3
	// lookEvery is how often a log is asked what snapshots it has, and what size.
	lookEvery = time.Minute
	// What an event and a record take in the log, about, to weigh a snapshot's cost.
	eventBytes, recordBytes = 20, 60
	// leastRoom is the size below which a full disk is not the log's doing, and roomStep
	// how much of it goes at least: it is files that go.
	leastRoom = 12 << 20
	roomStep  = 4 << 20
)

// kept is what is known of the log's snapshots. It belongs to the goroutine that
// writes checkpoints.
type kept struct {
	list   []vaiven.SnapshotInfo
	seen   map[uint64]time.Time // when a snapshot was first seen
	looked time.Time            // when the log was last asked
	failed time.Time            // when a snapshot could not be written
	mark   mark                 // at the newest snapshot
	size   int64                // of the log now, in bytes
	cost   int                  // bytes of the last cut
}

// mark is how far the log had come somewhere.
type mark struct {
	pos, events uint64
	at          int64
	size        int64 // of the log
}

// roomRequest asks for room on a full disk.
type roomRequest struct{ answer chan bool } // holds one

// MakeRoom takes a snapshot, and takes away the oldest of the records that no view
// lacks, about a quarter of the log. It reports whether any went. It is for a disk
// that is full, and waits for Run, at most until ctx is done.
func (p *Pump) MakeRoom(ctx context.Context) bool {
	if p.keeper == nil {
		return false
	}
	ask := roomRequest{make(chan bool, 1)}
	select {
	case p.rooms <- ask:
	case <-p.stop:
		return false
	case <-ctx.Done():
		return false
	}
	select {
	case freed := <-ask.answer:
		return freed
	case <-p.stop:
	case <-ctx.Done():
	}
	return false
}

// Snapshots returns how many snapshots the log had when it was last asked.
func (p *Pump) Snapshots() int { return int(p.snapshots.Load()) }

// Hold keeps what the log and its snapshots are now until it is called what Hold
// returned: nothing is trimmed or dropped, unless a full disk asks for room. It is for
// whoever copies the log. A trim that is under way is waited for, until ctx is done or
// for Options.HoldTimeout: a view that hangs may hold it up for ever. The error then is a
// *HoldError, or ctx's, and nothing is held.
func (p *Pump) Hold(ctx context.Context) (release func(), err error) {
	p.holding.Lock()
	p.holders++ // before the wait: no other trim begins meanwhile
	under := p.trimming
	p.holding.Unlock()
	release = sync.OnceFunc(func() {
		p.holding.Lock()
		p.holders--
		p.holding.Unlock()
	})
	if under == nil {
		return release, nil
	}
	late := time.NewTimer(p.opts.HoldTimeout)
	defer late.Stop()
	select {
	case <-under:
		return release, nil
	case <-ctx.Done():
		err = fmt.Errorf("wait for the log's trimming: %w", context.Cause(ctx))
	case <-late.C:
		hung := &HoldError{After: p.opts.HoldTimeout}
		if name := p.ground.view.Load(); name != nil {
			hung.View = *name
		}
		err = hung
	}
	release()
	return nil, err
}

// beginTrim reports whether the log may be trimmed now, which is so until end is
// called. Nobody holds it, or a full disk needs the room.
func (p *Pump) beginTrim(room bool) (end func(), ok bool) {
	p.holding.Lock()
	defer p.holding.Unlock()
	if p.holders > 0 && !room {
		return nil, false
	}
	under := make(chan struct{})
	p.trimming = under
	return func() {
		p.holding.Lock()
		p.trimming = nil
		p.holding.Unlock()
		close(under)
	}, true
}

// retain takes a snapshot when one is due, trims the log, and drops the snapshots that
// serve no more. c is where everything stands, nil when that is as before. It reports
// whether the log was trimmed. If we die between two of these steps, the next round
// goes on: until the log is trimmed all that was there still is, and a snapshot more
// costs room alone.
func (p *Pump) retain(ctx context.Context, c *cut, room bool) (trimmed bool, err error) {
	k := &p.kept
	defer func() { p.snapshots.Store(int64(len(k.list))) }()
	now := p.opts.Now()
	if p.keeper == nil || c == nil && !room && now.Sub(k.looked) < lookEvery {
		return false, nil
	}
	if k.size, err = p.logSize(ctx); err != nil {
		return false, err
	}
	k.mark.size = min(k.mark.size, k.size) // full blocks get smaller
	if !room && now.Sub(k.looked) < lookEvery && !p.due(c, now) {
		return false, nil
	}
	if err := p.look(ctx, now); err != nil {
		return false, err
	}
	var failed error // on a full disk a snapshot may not be possible before something went
	if c != nil && (p.due(c, now) || room && c.pos > k.mark.pos) {
		if !room { // the next start reads nothing again from before the snapshot
			p.settle(ctx)
		}
		if failed = p.putSnapshot(ctx, c, now); failed != nil && !room {
			return false, failed
		}
	}
	end, ok := p.beginTrim(room)
	if !ok {
		return false, failed
	}
	defer end()
	if !room && p.trimTo(now, false, p.answered()) > p.durable() {
		p.settle(ctx)
	}
	if to := p.trimTo(now, room, p.durable()); to != 0 {
		if trimmed, err = p.trim(ctx, to); err != nil {
			return false, errors.Join(failed, err)
		}
	}
	return trimmed, errors.Join(failed, p.thinSnapshots(ctx))
}

func (p *Pump) putSnapshot(ctx context.Context, c *cut, now time.Time) error {
	k, info := &p.kept, vaiven.SnapshotInfo{Pos: c.pos, At: c.time.at, Size: int64(len(c.data))}
	if err := p.keeper.PutSnapshot(ctx, info, c.data); err != nil {
		k.failed = now
		return fmt.Errorf("snapshot: %w", err)
	}
	if n := len(k.list); n == 0 || k.list[n-1].Pos < c.pos {
		k.list = append(k.list, info)
	}
	k.seen[c.pos], k.failed = now, time.Time{}
	k.mark = mark{c.pos, c.stats.Events, c.time.at, k.size}
	return nil
}

// look asks the log what snapshots it has. Other nodes take some as well.
func (p *Pump) look(ctx context.Context, now time.Time) error {
	k := &p.kept
	list, err := p.keeper.Snapshots(ctx)
	if err != nil {
		return fmt.Errorf("snapshots: %w", err)
	}
	seen := make(map[uint64]time.Time, len(list))
	for _, s := range list {
		if t, known := k.seen[s.Pos]; known {
			seen[s.Pos] = t
		} else {
			seen[s.Pos] = now
		}
	}
	k.list, k.seen, k.looked = slices.Clone(list), seen, now
	p.mu.RLock()
	defer p.mu.RUnlock()
	stats, pos := p.decider.stats, p.decider.Position()
	newest := mark{pos: First(p.opts.Source) - 1, at: p.decider.time.first}
	if n := len(list); n > 0 {
		newest = mark{pos: list[n-1].Pos, at: list[n-1].At, size: k.size}
	}
	if newest.pos > k.mark.pos || k.mark.at == 0 { // written by another node, or by an earlier start
		newest.events = stats.Events
		if pos > newest.pos && stats.Records > 0 { // about so many of them are behind it
			newest.events -= min(stats.Events, stats.Events/stats.Records*(pos-newest.pos))
		}
		k.mark = newest
	}
	return nil
}

// due reports whether a snapshot is to be taken: the log's tail has grown long, and
// is worth one; or the log is to be trimmed by age, and needs one to be trimmed to.
func (p *Pump) due(c *cut, now time.Time) bool {
	k, o := &p.kept, &p.opts.Retention
	if c == nil || c.pos <= k.mark.pos || !k.failed.IsZero() && now.Sub(k.failed) < lookEvery {
		return false
	}
	if k.looked.IsZero() {
		return true // the log is to be asked
	}
	k.cost = len(c.data)
	if first := First(p.opts.Source); first > 1 && !slices.ContainsFunc(k.list, func(s vaiven.SnapshotInfo) bool { return s.Pos+1 >= first }) {
		return true // those for what was trimmed are lost: the log stands on the checkpoint alone
	}
	return o.Age > 0 && c.time.age(k.mark.pos, k.mark.at) >= o.Age/steps || p.grown(c.pos, c.stats.Events)
}

// grown reports whether the tail behind the newest snapshot is long, and worth another.
func (p *Pump) grown(pos, events uint64) bool {
	k, o := &p.kept, &p.opts.Retention
	records := pos - min(k.mark.pos, pos)
	events -= min(k.mark.events, events)
	bytes := k.size - k.mark.size
	long := records >= o.Records || events >= o.Events || o.Bytes > 0 && bytes >= o.Bytes || o.Size > 0 && bytes >= o.Size/steps
	return long && events*eventBytes+records*recordBytes >= 2*uint64(k.cost)
}

// snapshotDue reports whether a snapshot must not wait for the next checkpoint: the log is
// to be asked for its own, its tail has grown long, or it is to be trimmed by age.
func (p *Pump) snapshotDue(ctx context.Context) bool {
	k, o := &p.kept, &p.opts.Retention
	if p.keeper == nil || !k.failed.IsZero() {
		return false
	}
	if k.looked.IsZero() {
		return true
	}
	if size, err := p.logSize(ctx); err == nil {
		k.size = size
	}
	p.mu.RLock()
	pos, events := p.decider.Position(), p.decider.stats.Events
	old := pos > k.mark.pos && o.Age > 0 && p.decider.time.age(k.mark.pos, k.mark.at) >= o.Age/steps
	p.mu.RUnlock()
	return old || p.grown(pos, events)
}

func (p *Pump) logSize(ctx context.Context) (int64, error) {
	s, ok := p.keeper.(interface {
		Size(context.Context) (int64, error)
	})
	if !ok {
		return 0, nil
	}
	return s.Size(ctx)
}

// trimTo returns the snapshot to which the log is to be trimmed now, up to the record
// bound; 0: none.
func (p *Pump) trimTo(now time.Time, room bool, bound uint64) (to uint64) {
	o, first, size := &p.opts.Retention, First(p.opts.Source), p.kept.size
	p.mu.RLock()
	time, last := p.decider.time, p.decider.Position()
	p.mu.RUnlock()
	limit := o.Size
	if room {
		if limit = size - max(size/4, roomStep); size < leastRoom {
			return 0
		}
	}
	left := func(pos uint64) int64 { // of the log's bytes, about
		return int64(float64(size) * float64(last-pos) / float64(last-first+1))
	}
	over := limit > 0 && size > limit
	for _, s := range p.kept.list {
		if s.Pos < first || s.Pos > bound || s.Pos > last || o.Grace > 0 && now.Sub(p.kept.seen[s.Pos]) < o.Grace {
			continue
		}
		old := o.Age > 0 && time.age(s.Pos, s.At) >= o.Age
		if old || over {
			to = s.Pos
			over = over && left(s.Pos) > limit
		}
	}
	return to
}

// durable returns the record up to which every view has everything, and would have it
// after a power cut.
func (p *Pump) durable() uint64 {
	pos := p.answered()
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, r := range p.keepers() {
		if v, ok := r.view.(Positioned); ok {
			pos = min(pos, v.Kept())
		}
	}
	return pos
}

// answered is durable once the views that keep a position of their own have settled.
func (p *Pump) answered() uint64 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	pos := p.decider.Position()
	for _, r := range p.keepers() {
		r.mu.Lock()
		pos = min(pos, r.durable)
		r.mu.Unlock()
	}
	return pos
}

// trim takes away the records up to a snapshot, and with them the snapshots from before
// it. It is read first: what is to be the log's beginning must be whole. Meanwhile no
// view looks where the log begins. If we die between a drop and the trim, the log
// begins before its oldest snapshot, and whoever needs its beginning takes that.
func (p *Pump) trim(ctx context.Context, to uint64) (bool, error) {
	p.ground.Lock()
	defer p.ground.Unlock()
	if p.durable() < to { // a view has lost what it had since
		return false, nil
	}
	data, err := p.keeper.Snapshot(ctx, to)
	if err == nil {
		_, err = parseCheckpoint(data)
	}
	if err != nil {
		return false, fmt.Errorf("snapshot %d: %w", to, err)
	}
	for len(p.kept.list) > 0 && p.kept.list[0].Pos < to {
		if err := p.drop(ctx, 0); err != nil {
			return false, err
		}
	}
	first := First(p.opts.Source)
	if err := p.keeper.Trim(ctx, to); err != nil {
		return false, fmt.Errorf("trim: %w", err)
	}
	now := First(p.opts.Source)
	p.opts.Logger.Info("log trimmed", "first", now, "was", first)
	if p.opts.Retention.Grace == 0 {
		return now > first, nil
	}
	// Another node may have dropped it in the same moment: it is the log's beginning now.
	list, err := p.keeper.Snapshots(ctx)
	if err == nil && !slices.ContainsFunc(list, func(s vaiven.SnapshotInfo) bool { return s.Pos == to }) {
		err = p.keeper.PutSnapshot(ctx, p.kept.list[0], data)
	}
	return now > first, err
}

// drop drops the snapshot i of the list.
func (p *Pump) drop(ctx context.Context, i int) error {
	k := &p.kept
	pos := k.list[i].Pos
	k.list = slices.Delete(k.list, i, i+1)
	delete(k.seen, pos)
	if err := p.keeper.DropSnapshot(ctx, pos); err != nil {
		return fmt.Errorf("drop snapshot: %w", err)
	}
	return nil
}

// thinSnapshots drops some of those that are close to each other, until they are few
// enough and do not cost more than a quarter of the log. The oldest and the newest stay.
func (p *Pump) thinSnapshots(ctx context.Context) error {
	k := &p.kept
	for len(k.list) > fewestKept {
		total := int64(0)
		for _, s := range k.list {
			total += s.Size
		}
		if len(k.list) <= keptSnapshots && (k.size == 0 || total <= k.size/4) {
			return nil
		}
		hole := func(i int) uint64 { return k.list[i+1].Pos - k.list[i-1].Pos } // without it
		least := 1
		for i := 2; i < len(k.list)-1; i++ {
			if hole(i) < hole(least) {
				least = i
			}
		}
		if err := p.drop(ctx, least); err != nil {
			return err
		}
	}
	return nil
}
