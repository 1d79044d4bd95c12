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
// 100,000 boards that measure every second cost 30,000 turns a second.
type schedule struct {
	oneRound sync.Mutex    // held by a round: there is one at a time
	earlier  chan struct{} // an entry came before the moment that is waited for

	mu    sync.Mutex
	heap  []turn
	until time.Duration // what is waited for
}

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
	place() *heapPlace
}

// heapPlace is embedded by who can get a turn: the place in the heap, from 1; 0:
// none. It belongs to the schedule's mu.
type heapPlace int32

func (p *heapPlace) place() *heapPlace { return p }

// uptime is how long the gateway has existed: a clock that nobody sets.
func (g *Gateway) uptime() time.Duration { return time.Since(g.born) }

// wake gives x a turn at that moment, or earlier if it had one.
func (s *schedule) wake(x scheduled, at time.Duration) {
	s.mu.Lock()
	i := int(*x.place()) - 1
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
		above := (i - 1) / 2
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
		below := 2*i + 1
		if right := below + 1; right < len(s.heap) && s.heap[right].at < s.heap[below].at {
			below = right
		}
		if below >= len(s.heap) || t.at <= s.heap[below].at {
			break
		}
		s.put(i, s.heap[below])
		i = below
	}
	s.put(i, t)
}

func (s *schedule) put(i int, t turn) {
	s.heap[i] = t
	*t.of.place() = heapPlace(i + 1)
}

// takeDue takes out whose turn it is.
func (s *schedule) takeDue(now time.Duration) (due []scheduled) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.heap) > 0 && s.heap[0].at <= now {
		x := s.heap[0].of
		*x.place() = 0
		due = append(due, x)
		last := len(s.heap) - 1
		t := s.heap[last]
		s.heap[last] = turn{}
		if s.heap = s.heap[:last]; last > 0 {
			s.moveDown(0, t)
		}
	}
	return due
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

// append queues events of d that nobody waits for; false means that the log is
// busy. The caller holds d.mu.
func (r *round) append(d *device, wait time.Duration, events ...vaiven.Event) bool {
	r.stuck = r.stuck || !r.g.tryAppend(d, wait, events...)
	return !r.stuck
}

// tryAppend is append for what nobody waits for; false means that the log is busy.
// The caller holds d.mu.
func (g *Gateway) tryAppend(d *device, wait time.Duration, events ...vaiven.Event) bool {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if err := g.append(ctx, d, events...); err != nil {
		g.o.Logger.Debug("not recorded yet", "device", d.id, "err", err)
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
	gone := r.visit(d)
	next = r.endSession(d)
	if d.conn.Load() == nil {
		d.watched = false
		return min(next, r.rest(d)), false
	}
	if d.session.over() {
		d.watched = false
		return next, false
	}
	return min(next, gone, r.silence(d), r.delivery(d)), false
}
