package gateway

import (
	"time"

	"vaiven"
	"vaiven/wire"
)

// attach makes c the connection that speaks for the item's device; the log learns
// of it with the first thing that is taken. Without an error the device is nil if
// its session is over: the board has been told.
func (c *conn) attach(it *wire.Item) (*device, *vaiven.Error) {
	d, first, err := c.contend(it)
	if err != nil {
		return nil, err
	}
	over := c.takeOn(d, first, it.Boot)
	if !over {
		c.g.expect(d, c)
	}
	d.mu.Unlock() // contend locked it
	if over {
		c.finished(d)
		return nil, nil
	}
	return d, nil
}

// takeOn attaches c to d, from first if that had it. It is true, and nothing has
// happened, if d's session is over. A session whose end is not on disk yet is not
// announced as over: c waits for that with whoever was there before. The caller
// holds d.mu.
func (c *conn) takeOn(d *device, first *conn, boot vaiven.Boot) (over bool) {
	g := c.g
	g.load(d)
	if d.session.over() {
		return !d.speak(c)
	}
	if first != nil {
		g.takeover(d, first, c)
	}
	g.scheduleEnd(d)
	d.speaks, d.sleep, d.asked = boot, 0, 0
	d.silent, d.greeting, d.pace.heard = false, greeting{up: -1}, g.uptime()
	if d.way != nil {
		d.way.begin()
	}
	d.speak(c)
	g.watch(d)
	return false
}

// arrival is what the log learns with the first thing of a connection that it
// takes: that the board is there, and that its session begins. What is refused is
// no board's arrival.
type arrival struct {
	events  []vaiven.Event // none: the log has it
	session bool           // a session begins with it
}

// arrive is c's arrival at d. The caller holds d.mu, and appends it with write.
func (c *conn) arrive(d *device, stamp vaiven.Stamp) (a arrival) {
	if d.shown.Load() == c {
		return arrival{}
	}
	a.events = []vaiven.Event{&vaiven.Presence{Stamp: stamp, Device: d.id, Connected: true, Remote: address(c.remote)}}
	if start := c.g.startSession(d, c.opened, stamp); start != nil {
		a.events, a.session = append(a.events, start), true
	}
	return a
}

// write appends events of d behind the arrival, in one record: a board of which
// nothing is taken in the end has not arrived. The caller holds d.mu.
func (c *conn) write(d *device, a arrival, events ...vaiven.Event) error {
	if a.events == nil {
		return c.append(d, events...)
	}
	if err := c.append(d, append(a.events, events...)...); err != nil {
		if a.session {
			d.session.forgetStart()
		}
		return err
	}
	d.shown.Store(c)
	d.left = nil
	c.g.scheduleEnd(d)
	return nil
}

// finished tells a board that came back after the end of its session, at the
// price of one message.
func (c *conn) finished(d *device) {
	text, _ := d.ended()
	c.g.stats.Finished.Add(1)
	if !d.told.Swap(true) {
		c.tell(d.id, text+c.g.o.Lang.Say(
			": came back after its session ended; `vaiven session new "+string(d.id)+"` starts another",
			": volvió después de terminar su sesión; `vaiven session new "+string(d.id)+"` empieza otra"))
	}
	c.done(text)
}

// detach says in the log that the devices of c are gone, unless another
// connection speaks for them already.
func (c *conn) detach(why string) {
	wait := endWait
	for i := range c.links {
		d := c.links[i].dev
		d.mu.Lock()
		if d.conn.Load() == c && !c.lose(d, why, wait) {
			wait = retryWait // a concentrator's other devices do not wait as long again
		}
		d.mu.Unlock()
	}
}

// lose takes d from c; false means that the log did not take that yet. The caller
// holds d.mu.
func (c *conn) lose(d *device, why string, wait time.Duration) bool {
	d.fallSilent()
	defer c.g.rest(d)
	if shown := d.shown.Swap(nil); shown != nil {
		d.left = &vaiven.Presence{Stamp: c.g.o.Stamp(), Device: d.id, Remote: address(shown.remote), Reason: why, Sleep: d.sleep}
	}
	return d.left == nil || c.g.recordLeft(d, wait)
}

// recordLeft appends d's disconnection. What a busy log does not take is recorded
// later. The caller holds d.mu.
func (g *Gateway) recordLeft(d *device, wait time.Duration) bool {
	if !g.tryAppend(d, wait, d.left) {
		g.schedule.wake(d, g.uptime()+retryEvery)
		return false
	}
	d.left = nil
	return true
}
