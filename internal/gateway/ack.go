package gateway

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"vaiven"
	"vaiven/wire"
)

// ackQueue is how many records may wait for one ack worker. Full means that the
// committer waits: boards are then slowed by their sockets, nothing is lost.
const ackQueue = 16

func ackWorkers() int { return max(1, runtime.GOMAXPROCS(0)) }

// committed is a ticket of the gateway's that is on disk.
type committed struct {
	dev     *device
	request *request // that waits for it, nil for none
	events  []vaiven.Event
}

// part is what one ack worker has to do about one record.
type part struct{ tickets []committed }

var parts = sync.Pool{New: func() any { return new(part) }}

// append queues events and counts the ticket until its commit was answered. owner
// is the device that they are about, or the receipt of a request. The caller holds
// the device's mu, which makes the order of admission the order in the log.
func (g *Gateway) append(ctx context.Context, owner any, events []vaiven.Event) error {
	g.pending.Add(1)
	d := ownerDevice(owner)
	g.crowd.enter(d)
	if err := g.o.Log.Append(ctx, events, owner); err != nil {
		g.pending.Add(-1)
		g.crowd.exit(d)
		return err
	}
	return nil
}

// ownerDevice is the device that an append is about.
func ownerDevice(owner any) *device {
	if r, ok := owner.(*receipt); ok {
		return r.dev
	}
	return owner.(*device)
}

// Committed is told by the log what has become durable, in log order, by one
// goroutine. It hands the tickets to the workers, each device always to the
// same one, so that acknowledgements leave while the next batch is written.
func (g *Gateway) Committed(tickets []vaiven.Ticket) {
	for _, t := range tickets {
		c := committed{events: t.Events}
		switch o := t.Owner.(type) {
		case *device:
			c.dev = o
		case *receipt:
			c.dev, c.request = o.dev, o.request
		default:
			continue // not the gateway's
		}
		p := &g.parts[c.dev.shard%uint32(len(g.acks))]
		if *p == nil {
			*p = parts.Get().(*part)
		}
		(*p).tickets = append((*p).tickets, c)
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

func (g *Gateway) runAckWorker(ctx context.Context, queue <-chan *part) {
	w := acker{g: g}
	for {
		select {
		case p := <-queue:
			w.acknowledgeRecord(p.tickets)
			clear(p.tickets)
			p.tickets = p.tickets[:0]
			parts.Put(p)
		case <-ctx.Done():
			return
		}
	}
}

// acker is one worker's memory between records. It takes no device's mu: that
// may be held by whoever waits for the very commit that the worker follows.
type acker struct {
	g     *Gateway
	dirty []dirtyBoot
	ends  []endedSession
	buf   []byte
}

// dirtyBoot is a boot with something new to acknowledge.
type dirtyBoot struct {
	dev    *device
	boot   vaiven.Boot
	lowest uint64 // SEQ in the record
	last   uint64
}

// endedSession is one whose last reading or deadline was committed.
type endedSession struct {
	dev   *device
	event *vaiven.SessionEnd
}

// acknowledgeRecord acknowledges the tickets of one record: one message for each
// boot of a device, however many readings it had in the record.
func (w *acker) acknowledgeRecord(tickets []committed) {
	for _, t := range tickets {
		for _, e := range t.events {
			switch e := e.(type) {
			case *vaiven.Reading:
				w.noteSettled(t.dev, e.Boot, e.Seq)
			case *vaiven.Refusal:
				w.noteSettled(t.dev, e.Boot, e.Seq)
			case *vaiven.Gap:
				w.noteSettled(t.dev, e.Boot, e.To)
			case *vaiven.SessionEnd:
				if e.Reason != vaiven.EndRenewed {
					w.ends = append(w.ends, endedSession{t.dev, e})
				}
			}
		}
	}
	for _, x := range w.dirty {
		x.dev.dirty = 0
		if !x.dev.markDurable(x) {
			continue
		}
		// Looked up behind the mark: who comes before is told here, who comes after it
		// by WELCOME.
		if c := x.dev.conn.Load(); c != nil {
			w.buf = wire.AppendAck(w.buf[:0], x.dev.id, x.boot, x.last)
			_ = c.peer.send(w.buf)
		}
	}
	for _, x := range w.ends {
		if c, text := x.dev.confirmEnd(x.event); c != nil {
			c.closeIfFinished(text)
		}
	}
	for _, t := range tickets {
		if t.request != nil {
			t.request.noteCommit() // behind what it brought for the board
		}
		w.g.crowd.exit(t.dev)
	}
	clear(w.dirty)
	clear(w.ends)
	w.dirty, w.ends = w.dirty[:0], w.ends[:0]
	w.g.pending.Add(-int64(len(tickets)))
	w.g.crowd.makeShares()
}

// noteSettled notes what is to be acknowledged: for each boot the last.
func (w *acker) noteSettled(d *device, boot vaiven.Boot, seq uint64) {
	if seq == 0 {
		return
	}
	if i := d.dirty - 1; i >= 0 && w.dirty[i].boot == boot {
		x := &w.dirty[i]
		x.lowest, x.last = min(x.lowest, seq), seq
		return
	}
	w.dirty = append(w.dirty, dirtyBoot{d, boot, seq, seq})
	d.dirty = int32(len(w.dirty))
}

// ackMark is how far one boot of a device is acknowledged.
type ackMark struct {
	boot    vaiven.Boot
	durable uint64 // every SEQ up to here is on disk, refused or a gap
	ceiling uint64 // not acknowledged from here on, whatever is durable: the board is inside a gap; 0: no such
	lift    uint64 // the ceiling goes with the commit of this SEQ; 0: it does not go by itself
}

// markDurable notes that the SEQs of x are durable, and reports whether its board is
// to be told. A boot that was left, or that a backlog is of, is told everything, but
// for what lies behind a gap that the board was inside.
func (d *device) markDurable(x dirtyBoot) bool {
	d.brief.Lock()
	defer d.brief.Unlock()
	m := &d.ack
	if m.boot != x.boot {
		i := d.findLeftAck(x.boot)
		if i < 0 {
			return true
		}
		m = &d.leftAcks[i]
	}
	if m.lift != 0 && (x.lowest <= m.lift || m.durable >= m.lift) {
		m.ceiling, m.lift = 0, 0 // what is in this record, and in those to come, was taken behind the gap's
	}
	if x.last <= m.durable || m.ceiling != 0 && x.last >= m.ceiling {
		return false
	}
	m.durable = x.last
	return true
}

// findLeftAck returns the place in leftAcks of a boot's mark, -1 if it has none. The caller
// holds d.brief.
func (d *device) findLeftAck(boot vaiven.Boot) int {
	return slices.IndexFunc(d.leftAcks, func(m ackMark) bool { return m.boot == boot })
}

// durableUpTo is what a WELCOME or ACK for boot may say now.
func (d *device) durableUpTo(boot vaiven.Boot) uint64 {
	d.brief.Lock()
	defer d.brief.Unlock()
	if boot == "" || d.ack.boot != boot {
		return 0
	}
	return d.ack.durable
}

// raiseDurable notes that all SEQs of the present boot up to seq are durable.
func (d *device) raiseDurable(seq uint64) {
	d.brief.Lock()
	defer d.brief.Unlock()
	if d.ack.boot != d.progress.boot {
		d.switchAck()
	}
	d.ack.durable = max(d.ack.durable, seq)
}

// switchAck makes the mark that of the present boot. A ceiling stays with the boot that
// is left: what lies behind its gap may be on its way to the disk. The caller holds
// d.mu and d.brief.
func (d *device) switchAck() {
	p, left := &d.progress, d.ack
	d.ack = ackMark{boot: p.boot}
	if i := d.findLeftAck(p.boot); i >= 0 {
		d.ack = d.leftAcks[i]
		d.leftAcks = slices.Delete(d.leftAcks, i, i+1)
	}
	switch {
	case p.until != 0 && d.ack.ceiling == 0:
		d.ack.ceiling = p.next
	case p.until == 0 && d.ack.lift == 0: // nothing of it was on its way
		d.ack.ceiling = 0
	}
	d.leftAcks = slices.DeleteFunc(d.leftAcks, func(m ackMark) bool { return d.findOtherBoot(m.boot) < 0 })
	if left.ceiling != 0 && d.findOtherBoot(left.boot) >= 0 {
		d.leftAcks = append(d.leftAcks, left)
	}
	if len(d.leftAcks) == 0 {
		d.leftAcks = nil
	}
}

// acknowledge says again what is durable, for a repeat. What is still on its
// way is acknowledged by its commit.
func (c *conn) acknowledge(m *member) {
	m.owed = false
	if n := m.dev.durableUpTo(m.boot); n != 0 {
		_ = c.peer.send(wire.AppendAck(nil, m.dev.id, m.boot, n))
	}
}
