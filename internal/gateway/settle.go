package gateway

import (
	"slices"

	"vaiven"
)

// maxPowers is how many power-ups of a device may have SEQs on their way to the
// log at a time, beside the present one. A board has one, or two while it sends
// what it kept from before; with more, the next waits (busy).
const maxPowers = 32

// resume makes boot the power-up whose SEQs are settled: from what this process
// admitted, or what the log is known to hold, whichever is more. It is false
// while too many others are on their way. The caller holds d.mu.
func (g *Gateway) resume(d *device, boot vaiven.Boot) bool {
	if d.now.boot != boot {
		if !g.setAside(d) {
			return false
		}
		d.now, d.asked = d.takeBack(boot), 0
	}
	g.refresh(d)
	return true
}

// setAside remembers how far the present power-up was admitted, if the log's
// views do not know it yet: coming back to it, the board would otherwise be
// asked again for what is on its way, and a session would count that twice.
func (g *Gateway) setAside(d *device) bool {
	onWay := func(p power) bool {
		return p.boot != "" && (p.end() > g.o.Settled.Settled(d.id, p.boot).Top+1 || g.unseen(d, &p))
	}
	d.others = slices.DeleteFunc(d.others, func(p power) bool { return !onWay(p) })
	if len(d.others) == 0 {
		d.others = nil
	}
	if !onWay(d.now) {
		return true
	}
	if len(d.others) >= maxPowers {
		return false
	}
	d.others = append(d.others, d.now)
	d.now = power{}
	return true
}

func (d *device) takeBack(boot vaiven.Boot) power {
	i := slices.IndexFunc(d.others, func(p power) bool { return p.boot == boot })
	if i < 0 {
		return power{boot: boot, next: 1}
	}
	p := d.others[i]
	d.others = slices.Delete(d.others, i, i+1)
	return p
}

// settled notes that SEQs of boot up to seq are durable, and reports whether
// its board is to be told.
func (d *device) settled(boot vaiven.Boot, seq uint64) bool {
	d.brief.Lock()
	defer d.brief.Unlock()
	if d.ackBoot != boot {
		return true // of a power-up that was left, or of its backlog
	}
	if seq <= d.durable || d.ceiling != 0 && seq >= d.ceiling {
		return false
	}
	d.durable = seq
	return true
}

// acknowledged is what a WELCOME or ACK for boot may say now.
func (d *device) acknowledged(boot vaiven.Boot) uint64 {
	d.brief.Lock()
	defer d.brief.Unlock()
	if boot == "" || d.ackBoot != boot {
		return 0
	}
	return d.durable
}
