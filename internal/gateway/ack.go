package gateway

import (
	"context"
	"runtime"

	"vaiven"
	"vaiven/internal/ws"
	"vaiven/wire"
)

// ackQueue is how many records may wait for one ack worker. Full means that the
// committer waits: boards are then slowed by their sockets, nothing is lost.
const ackQueue = 16

func ackWorkers() int { return max(1, runtime.GOMAXPROCS(0)) }

// Committed is told by the log what has become durable, in log order. It hands
// the tickets to the workers, each device always to the same one, so that
// acknowledgements leave while the next batch is being written.
func (g *Gateway) Committed(tickets []vaiven.Ticket) {
	parts := make([][]vaiven.Ticket, len(g.acks))
	for _, t := range tickets {
		d, ok := t.Owner.(*device)
		if !ok {
			continue
		}
		i := int(d.shard % uint32(len(parts)))
		parts[i] = append(parts[i], t)
	}
	for i, part := range parts {
		if len(part) == 0 {
			continue
		}
		select {
		case g.acks[i] <- part:
		case <-g.stopped:
			return
		}
	}
}

func (g *Gateway) ackWorker(ctx context.Context, queue <-chan []vaiven.Ticket) {
	w := acker{g: g}
	for {
		select {
		case tickets := <-queue:
			w.handle(tickets)
		case <-ctx.Done():
			return
		}
	}
}

// acker is one worker's memory between records.
type acker struct {
	g     *Gateway
	dirty []*device // have something new to acknowledge
	ended []*device // whose last reading or deadline was committed
	buf   []byte
}

// handle acknowledges the tickets of one record: one message for each device,
// however many readings it had in the record.
func (w *acker) handle(tickets []vaiven.Ticket) {
	for _, t := range tickets {
		d := t.Owner.(*device)
		for _, e := range t.Events {
			w.note(d, e)
		}
	}
	for _, d := range w.dirty {
		d.dirty = false
		if c := d.conn.Load(); c != nil {
			w.buf = d.appendAck(w.buf[:0])
			c.send(w.buf)
		}
	}
	for _, d := range w.ended {
		w.g.sayDone(d)
	}
	w.dirty, w.ended = w.dirty[:0], w.ended[:0]
	w.g.pending.Add(-int64(len(tickets)))
}

func (w *acker) note(d *device, e vaiven.Event) {
	boot, seq := vaiven.Boot(""), uint64(0)
	switch e := e.(type) {
	case *vaiven.Reading:
		boot, seq = e.Boot, e.Seq
	case *vaiven.Refusal:
		boot, seq = e.Boot, e.Seq
	case *vaiven.Gap:
		boot, seq = e.Boot, e.To
	case *vaiven.SessionEnd:
		if e.Reason != vaiven.EndRenewed {
			w.ended = append(w.ended, d)
		}
	}
	if seq != 0 && d.settled(boot, seq) && !d.dirty {
		d.dirty = true
		w.dirty = append(w.dirty, d)
	}
}

// sayDone tells the board that its session is over, now that its last reading
// is on disk and acknowledged. It takes d.mu: an ended session admits nothing,
// so nobody holds it for long.
func (g *Gateway) sayDone(d *device) {
	d.mu.Lock()
	over, text := d.session.over(), d.session.farewell(g.o.Lang)
	c := d.conn.Load()
	d.mu.Unlock()
	if over && c != nil {
		c.active.Add(-1)
		c.done(text)
	}
}

// writeAck acknowledges again what is durable, for a repeat.
func (d *device) writeAck(c *conn) {
	if p := d.appendAck(nil); p != nil {
		_ = c.ws.Write(ws.Text, p)
	}
}

func (d *device) appendAck(b []byte) []byte {
	boot, n := d.acknowledged()
	if n == 0 {
		return nil
	}
	return wire.AppendAck(b, d.id, boot, n)
}
