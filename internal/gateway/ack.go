package gateway

import (
	"context"
	"runtime"
	"sync"

	"vaiven"
	"vaiven/wire"
)

// ackQueue is how many records may wait for one ack worker. Full means that the
// committer waits: boards are then slowed by their sockets, nothing is lost.
const ackQueue = 16

func ackWorkers() int { return max(1, runtime.GOMAXPROCS(0)) }

// part is what one ack worker has to do about one record.
type part struct{ tickets []vaiven.Ticket }

var parts = sync.Pool{New: func() any { return new(part) }}

// release forgets the part's events, and keeps its room for another.
func (p *part) release() {
	clear(p.tickets)
	p.tickets = p.tickets[:0]
	parts.Put(p)
}

// Committed is told by the log what has become durable, in log order, by one
// goroutine. It hands the tickets to the workers, each device always to the
// same one, so that acknowledgements leave while the next batch is written.
func (g *Gateway) Committed(tickets []vaiven.Ticket) {
	for _, t := range tickets {
		d := owner(t)
		if d == nil {
			continue
		}
		i := int(d.shard % uint32(len(g.acks)))
		if g.parts[i] == nil {
			g.parts[i] = parts.Get().(*part)
		}
		g.parts[i].tickets = append(g.parts[i].tickets, t)
	}
	for i, p := range g.parts {
		if p == nil {
			continue
		}
		g.parts[i] = nil
		select {
		case g.acks[i] <- p:
		case <-g.stopped: // at the end nobody is told any more
		}
	}
}

func (g *Gateway) ackWorker(ctx context.Context, queue <-chan *part) {
	w := acker{g: g}
	for {
		select {
		case p := <-queue:
			w.handle(p.tickets)
			p.release()
		case <-ctx.Done():
			return
		}
	}
}

// acker is one worker's memory between records. It takes no device's mu: that
// may be held by whoever waits for the very commit that the worker follows.
type acker struct {
	g     *Gateway
	dirty []dirty
	ended []ended
	posts []*post // that wait for one of the tickets, once for each
	buf   []byte
}

// dirty is a device with something new to acknowledge, ended one whose last
// reading or deadline was committed.
type dirty struct {
	dev  *device
	boot vaiven.Boot
	seq  uint64
}

type ended struct {
	dev   *device
	event *vaiven.SessionEnd
}

// handle acknowledges the tickets of one record: one message for each power-up
// of a device, however many readings it had in the record.
func (w *acker) handle(tickets []vaiven.Ticket) {
	for _, t := range tickets {
		d, ok := t.Owner.(*device)
		if !ok {
			r := t.Owner.(*receipt)
			w.posts = append(w.posts, r.post)
			d = r.dev
		}
		for _, e := range t.Events {
			w.note(d, e)
		}
	}
	for i := range w.dirty {
		w.acknowledge(&w.dirty[i])
	}
	for _, e := range w.ended {
		if c, text := e.dev.finish(e.event); c != nil {
			c.done(text)
		}
	}
	clear(w.dirty)
	clear(w.ended)
	w.dirty, w.ended = w.dirty[:0], w.ended[:0]
	for _, p := range w.posts {
		p.committed() // behind what it brought for the board
	}
	clear(w.posts)
	w.posts = w.posts[:0]
	w.g.pending.Add(-int64(len(tickets)))
}

// owner is the device that a ticket is about, nil if it is not the gateway's.
func owner(t vaiven.Ticket) *device {
	switch o := t.Owner.(type) {
	case *device:
		return o
	case *receipt:
		return o.dev
	}
	return nil
}

func (w *acker) note(d *device, e vaiven.Event) {
	switch e := e.(type) {
	case *vaiven.Reading:
		w.settled(d, e.Boot, e.Seq)
	case *vaiven.Refusal:
		w.settled(d, e.Boot, e.Seq)
	case *vaiven.Gap:
		w.settled(d, e.Boot, e.To)
	case *vaiven.SessionEnd:
		if e.Reason != vaiven.EndRenewed {
			w.ended = append(w.ended, ended{d, e})
		}
	}
}

func (w *acker) settled(d *device, boot vaiven.Boot, seq uint64) {
	if seq == 0 {
		return
	}
	if i := d.dirty - 1; i >= 0 && w.dirty[i].boot == boot {
		w.dirty[i].seq = seq
		return
	}
	w.dirty = append(w.dirty, dirty{d, boot, seq})
	d.dirty = int32(len(w.dirty))
}

func (w *acker) acknowledge(x *dirty) {
	x.dev.dirty = 0
	if !x.dev.settled(x.boot, x.seq) {
		return
	}
	if c := x.dev.conn.Load(); c != nil {
		w.buf = wire.AppendAck(w.buf[:0], x.dev.id, x.boot, x.seq)
		c.send(w.buf)
	}
}

// acknowledge says again what is durable, for a repeat. What is still on its
// way is acknowledged by its commit.
func (c *conn) acknowledge(l *link) {
	l.owed = false
	if n := l.dev.acknowledged(l.boot); n != 0 {
		c.send(wire.AppendAck(nil, l.dev.id, l.boot, n))
	}
}
