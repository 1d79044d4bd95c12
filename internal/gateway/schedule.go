package gateway

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"vaiven"
)

const (
	// never is when nothing is due by itself.
	never = time.Duration(math.MaxInt64)
	// retryEvery is how long what could not be done is left alone: the log was
	// busy, or a device with its board.
	retryEvery = time.Second
	// retryWait is how long a round waits for a busy log, and endWait how long it
	// does for what ends a session or a connection.
	retryWait = 50 * time.Millisecond
	endWait   = 2 * time.Second
	// roundGap is the least time between two rounds: what falls due meanwhile is
	// done in one.
	roundGap = 10 * time.Millisecond
)

// schedule is what is due at a moment without anybody having said anything: the
// time of a session is over, a board fell silent, was not heard over HTTP any
// more, or did not confirm what it was told; rejected input is to be summed up, a
// disconnection still to be recorded, a device to be forgotten.
//
// It is a heap by moment, with one goroutine. Who is in it is there once, so there
// are at most as many entries as devices, boards by HTTP, and one. A reading moves
// none of them: the turn that comes too early looks how long it really was. So
// 100,000 boards that measure every second cost 33,000 turns a second, of a microsecond
// or two.
type schedule struct {
	oneRound sync.Mutex    // held by a round: there is one at a time
	earlier  chan struct{} // an entry came before the moment that is waited for

	mu    sync.Mutex
	heap  []turn
	until time.Duration // what is waited for
}

// branches of the heap: with four of them a move touches half as many entries, each
// of which has its slot elsewhere in memory, as with two.
const branches = 4

// turn is when somebody's turn is.
type turn struct {
	at time.Duration // as uptime has it
	of scheduled
}

// scheduled is who can get a turn.
type scheduled interface {
	// takeTurn does what is due, and returns when to come again: never for not by
	// itself. busy: it is in use, and should be asked again.
	takeTurn(r *round) (next time.Duration, busy bool)
	slot() *heapSlot
}

// heapSlot is embedded by who can get a turn: the place in the heap, from 1; 0:
// none. It belongs to the schedule's mu.
type heapSlot int32

func (p *heapSlot) slot() *heapSlot { return p }

// uptime is how long the gateway has existed: a clock that nobody sets.
func (g *Gateway) uptime() time.Duration { return time.Since(g.born) }

// wake gives x a turn at that moment, or earlier if it had one.
func (s *schedule) wake(x scheduled, at time.Duration) {
	s.mu.Lock()
	i := int(*x.slot()) - 1
	if i < 0 {
		i = len(s.heap)
		s.heap = append(s.heap, turn{never, x})
	}
	if at <= s.heap[i].at {
		s.moveUp(i, turn{at, x})
	}
	early := at < s.until
	if early {
		s.until = at
	}
	s.mu.Unlock()
	if early {
		select {
		case s.earlier <- struct{}{}:
		default: // it is about to look
		}
	}
}

// moveUp puts t at place i or above it, where it belongs.
func (s *schedule) moveUp(i int, t turn) {
	for i > 0 {
		above := (i - 1) / branches
		if s.heap[above].at <= t.at {
			break
		}
		s.put(i, s.heap[above])
		i = above
	}
	s.put(i, t)
}

// moveDown puts t at place i or below it, where it belongs.
func (s *schedule) moveDown(i int, t turn) {
	for {
		first := i
		at := t.at
		for x := branches*i + 1; x <= branches*i+branches && x < len(s.heap); x++ {
			if s.heap[x].at < at {
				first, at = x, s.heap[x].at
			}
		}
		if first == i {
			break
		}
		s.put(i, s.heap[first])
		i = first
	}
	s.put(i, t)
}

func (s *schedule) put(i int, t turn) {
	s.heap[i] = t
	*t.of.slot() = heapSlot(i + 1)
}

// takeDue takes out whose turn it is.
func (s *schedule) takeDue(now time.Duration) (due []scheduled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.heap) > 0 && s.heap[0].at <= now {
		due = append(due, s.heap[0].of)
		s.takeOut(0)
	}
	return due
}

// remove takes x out, if it is there.
func (s *schedule) remove(x scheduled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := int(*x.slot()) - 1; i >= 0 {
		s.takeOut(i)
	}
}

// takeOut takes out place i, which the last entry fills.
func (s *schedule) takeOut(i int) {
	*s.heap[i].of.slot() = 0
	last := len(s.heap) - 1
	t := s.heap[last]
	s.heap[last] = turn{}
	switch s.heap = s.heap[:last]; {
	case i == last:
	case i > 0 && t.at < s.heap[(i-1)/branches].at:
		s.moveUp(i, t)
	default:
		s.moveDown(i, t)
	}
}

// runSchedule holds a round whenever something is due.
func (g *Gateway) runSchedule(ctx context.Context) {
	s := &g.schedule
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		now := g.uptime()
		g.runRound(now)
		s.mu.Lock()
		s.until = never
		if len(s.heap) > 0 {
			s.until = max(s.heap[0].at, now+roundGap)
		}
		timer.Reset(s.until - g.uptime())
		s.mu.Unlock()
		select {
		case <-timer.C:
		case <-s.earlier:
		case <-ctx.Done():
		}
	}
}

// round is one look at what is due.
type round struct {
	g     *Gateway
	now   time.Duration
	stuck bool // the log is busy: it is not asked again in this round
}

// runRound gives those that are due their turn. Who is busy is asked again behind
// the others, and then a second later.
func (g *Gateway) runRound(now time.Duration) {
	s := &g.schedule
	s.oneRound.Lock()
	defer s.oneRound.Unlock()
	r := round{g: g, now: now}
	due := s.takeDue(now)
	for range 2 {
		due = slices.DeleteFunc(due, func(x scheduled) bool {
			next, busy := x.takeTurn(&r)
			if !busy && next != never {
				s.wake(x, next)
			}
			return !busy
		})
	}
	for _, x := range due {
		s.wake(x, now+retryEvery)
	}
}

// tryAppend is Gateway's, and asks a busy log once in a round. The caller holds d.mu.
func (r *round) tryAppend(d *device, wait time.Duration, events ...vaiven.Event) bool {
	r.stuck = r.stuck || !r.g.tryAppend(d, wait, events...)
	return !r.stuck
}

// tryAppend is append for what nobody waits for; false means that the log is busy,
// and d gets a turn to try again. The caller holds d.mu.
func (g *Gateway) tryAppend(d *device, wait time.Duration, events ...vaiven.Event) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := g.append(ctx, d, events); err != nil {
		g.o.Logger.Debug("not recorded yet", "device", d.id, "err", err)
		g.schedule.wake(d, g.uptime()+retryEvery)
		return false
	}
	return true
}

// takeTurn does what is due about a device by itself.
func (d *device) takeTurn(r *round) (next time.Duration, busy bool) {
	if !d.mu.TryLock() {
		return 0, true
	}
	defer d.mu.Unlock()
	if d.gone {
		return never, false
	}
	next = r.endSession(d)
	switch {
	case d.conn.Load() == nil:
		d.watched = false
		next = min(next, r.forget(d))
	case d.session.ended:
		d.watched = false
	default:
		next = min(next, r.noteSilence(d), r.repeatDesired(d))
	}
	return next, false
}

const (
	// silentAfter is how many of its intervals a connected device may go without
	// a reading before it is called silent, and minSilence the least time.
	silentAfter = 3
	minSilence  = 2 * time.Second
	// burst is the stretch in which readings count as come together: a backlog,
	// or several in one message, say nothing about how often a board measures.
	burst = 250 * time.Millisecond
)

// pace is what a device's readings say about how often they come.
type pace struct {
	heard    time.Duration // the last reading, or the connection's beginning
	arrived  time.Duration // the first reading of the last burst
	measured int64         // when the last one was taken, Unix ms; 0: unknown
	last     [5]uint32     // intervals, ms
	n, at    uint8         // how many of them, and the place of the next
}

// noteReading takes note of a reading. Between two bursts counts the longer of what
// passed here and what passed at the board: readings that waited for a connection
// and come in quick succession were taken at their usual pace.
func (p *pace) noteReading(now time.Duration, measured int64) {
	p.heard = now
	if gap := now - p.arrived; p.arrived == 0 || gap >= burst {
		if p.arrived != 0 {
			ms := gap.Milliseconds()
			if p.measured != 0 && measured != 0 {
				ms = max(ms, measured-p.measured)
			}
			p.last[p.at] = uint32(min(ms, math.MaxUint32))
			p.at = (p.at + 1) % uint8(len(p.last))
			p.n = min(p.n+1, uint8(len(p.last)))
		}
		p.arrived = now
	}
	p.measured = measured
}

// every is the interval between readings: the median of the last few, which one
// pause does not move. 0: not known before the third.
func (p *pace) every() time.Duration {
	if p.n < 3 {
		return 0
	}
	sorted := p.last
	slices.Sort(sorted[:p.n])
	return time.Duration(sorted[p.n/2]) * time.Millisecond
}

// silentBy is when d counts as silent if no reading comes. A board that said
// that it would sleep is given that time on top.
func (d *device) silentBy() time.Duration {
	return d.pace.heard + max(silentAfter*d.pace.every(), minSilence) + time.Duration(d.sleep)*time.Millisecond
}

// watchSilence makes d be looked at when it should have been heard from, once its
// pace is known. The caller holds d.mu.
func (g *Gateway) watchSilence(d *device) {
	if !d.watched && d.pace.every() != 0 {
		d.watched = true
		g.schedule.wake(d, d.silentBy())
	}
}

// noteSilence records that a connected device has fallen silent. The caller holds
// d.mu.
func (r *round) noteSilence(d *device) time.Duration {
	g := r.g
	from := d.recorded.Load()
	if d.silent || from == nil || d.pace.every() == 0 {
		d.watched = false // the next reading watches again
		return never
	}
	if by := d.silentBy(); by > r.now {
		return by
	}
	event := &vaiven.Presence{
		Stamp: g.o.Stamp(), Device: d.id, Connected: true, Silent: true, Remote: address(from.remote),
	}
	if !r.tryAppend(d, retryWait, event) {
		return r.now + retryEvery
	}
	d.silent, d.watched = true, false
	return never
}
