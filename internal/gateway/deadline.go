package gateway

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"vaiven"
)

// deadlines holds the sessions that end at a moment, the next one first. There
// is at most one entry per start of a session.
type deadlines struct {
	mu   sync.Mutex
	heap deadlineHeap
	wake chan struct{} // an earlier deadline came
}

type deadline struct {
	at  time.Time
	dev *device
}

type deadlineHeap []deadline

func (h deadlineHeap) Len() int           { return len(h) }
func (h deadlineHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h deadlineHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *deadlineHeap) Push(x any)        { *h = append(*h, x.(deadline)) }
func (h *deadlineHeap) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = deadline{}
	*h = (*h)[:last]
	return x
}

// scheduleEnd makes d's session end in time. The caller holds d.mu.
func (g *Gateway) scheduleEnd(d *device) {
	if d.session.ends.IsZero() || d.session.ended || d.session.scheduled {
		return
	}
	d.session.scheduled = true
	g.deadline.push(deadline{d.session.ends, d})
}

func (q *deadlines) push(d deadline) {
	q.mu.Lock()
	heap.Push(&q.heap, d)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next pops the deadline that is due, or says how long until there is one.
func (q *deadlines) next(now time.Time) (*device, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.heap) == 0 {
		return nil, time.Hour
	}
	if wait := q.heap[0].at.Sub(now); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&q.heap).(deadline).dev, 0
}

func (g *Gateway) runDeadlines(ctx context.Context) {
	for ctx.Err() == nil {
		dev, wait := g.deadline.next(time.Now())
		if dev != nil {
			g.expire(ctx, dev)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-g.deadline.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// expire ends a session whose time is over. A log that is busy is asked again a
// second later: until then the session takes nothing more.
func (g *Gateway) expire(ctx context.Context, d *device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := &d.session
	if !s.active || s.ended && !s.unsaid || s.ends.IsZero() || s.ends.After(time.Now()) {
		return // ended otherwise, or started again since
	}
	end := s.end(g.o.Stamp(), vaiven.EndElapsed)
	end.Device = d.id
	s.unsaid = false
	d.ends(ending{event: end, text: s.farewell(g.o.Lang)})
	if err := g.append(ctx, d, end); err != nil {
		s.unsaid = true
		g.deadline.push(deadline{time.Now().Add(time.Second), d})
	}
}
