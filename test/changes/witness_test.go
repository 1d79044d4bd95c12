//go:build suites && linux

package changes

import (
	"maps"
	"slices"
)

// confirmed looks for the proof of a confirmation: words of the board in the log
// before it, which the board's own ledger has, and behind what it did.
func (c *checker) confirmed(d *modelled, n *change) {
	if n.By == "board" {
		c.switched(d, n)
		return
	}
	for i := len(d.said) - 1; i >= 0; i-- {
		said := &d.said[i]
		if said.Rev >= n.rev && covers(said.States, n.values) && c.did(said, n) {
			return
		}
	}
	c.fault("%s: change %s of %s (REV %d, %v) is called confirmed, and its board did not apply and report it",
		n.end.ID, n.Key, n.Device, n.rev, n.values)
}

// did reports whether the board applied what it said, as the change wants it, and
// reported that, before the log had it.
func (c *checker) did(said *event, n *change) bool {
	done := false
	for _, e := range c.h.did[n.Device] {
		if e.boot != said.Boot || e.at > said.At.UnixMilli() || e.at < n.At.UnixMilli() {
			continue
		}
		switch {
		case e.what == applied && e.rev >= n.rev && e.rev <= said.Rev && covers(e.states, n.values):
			done = true
		case e.what == reported && done && e.rev == said.Rev && covers(e.states, n.values):
			return true
		}
	}
	return false
}

// switched looks for the person at the board.
func (c *checker) switched(d *modelled, n *change) {
	if len(d.said) == 0 || !covers(d.said[len(d.said)-1].States, n.values) || d.said[len(d.said)-1].Rev != 0 {
		c.fault("%s: change %s of %s was made at the board, which did not say so", n.ID, n.Key, n.Device)
		return
	}
	said, pressed := d.said[len(d.said)-1], false
	for _, e := range c.h.did[n.Device] {
		if e.boot != said.Boot || e.at > said.At.UnixMilli() {
			continue
		}
		pressed = pressed || e.what == switched && covers(e.states, n.values)
		if e.what == reported && pressed && e.rev == 0 && covers(e.states, n.values) {
			return
		}
	}
	c.fault("%s: change %s of %s was made at the board, where nobody was", n.ID, n.Key, n.Device)
}

// everyEnd holds that each change ended.
func (c *checker) everyEnd() {
	for _, name := range slices.Sorted(maps.Keys(c.keys)) {
		if n := c.keys[name]; n.end == nil {
			c.fault("%s: change %s (REV %d) has no end", n.ID, name, n.rev)
		}
	}
}

// everyAsked holds that each change that was asked for is in the log, under its
// key, as the API said; and that nobody else asked.
func (c *checker) everyAsked() {
	known := map[string]bool{}
	for i := range c.h.asked {
		a := &c.h.asked[i]
		name := a.device + " " + a.key
		known[name] = true
		n := c.keys[name]
		if n == nil {
			c.fault("change %s: asked for %d times, and not in the log (answers: %+v)", name, a.tries, a.answers)
			continue
		}
		if !equal(n.States, a.states) || !slices.Equal(n.Toggle, a.toggle) {
			c.fault("%s: change %s asks for %v %v, and %v %v was asked for", n.ID, name, n.States, n.Toggle, a.states, a.toggle)
		}
		for _, got := range a.answers {
			c.answer(name, n, got)
		}
	}
	for name, n := range c.keys {
		if n.By != "board" && !known[name] {
			c.fault("%s: change %s by %s: nobody asked for it", n.ID, name, n.By)
		}
	}
}

// answer holds the API to its word.
func (c *checker) answer(name string, n *change, got answer) {
	refused := n.rev == 0
	switch {
	case refused != (got.status == 412):
		c.fault("%s: change %s is REV %d, and the API answered %d", n.ID, name, n.rev, got.status)
	case refused:
	case got.rev != n.rev || !equal(got.states, n.values):
		c.fault("%s: change %s is REV %d %v, and the API said REV %d %v", n.ID, name, n.rev, n.values, got.rev, got.states)
	case got.status == 200 && (n.end == nil || got.phase != n.end.Outcome):
		c.fault("%s: change %s: the API said that it is %s already", n.ID, name, got.phase)
	case got.status == 202 && got.phase != "asked" && got.phase != "sent":
		c.fault("%s: change %s has not ended, said the API, and is %s", n.ID, name, got.phase)
	}
}

// everyDeed holds that boards applied what was wanted of them, and nothing too
// late.
func (c *checker) everyDeed() {
	for _, device := range slices.Sorted(maps.Keys(c.h.did)) {
		d := c.device(device)
		for _, e := range c.h.did[device] {
			switch e.what {
			case applied:
				c.tally.applications++
				c.applied(device, d, e)
			case reported:
				c.tally.reports++
			case late:
				c.tally.lates++
			}
		}
	}
}

// applied holds what a board applied against the change that each state is of.
func (c *checker) applied(device string, d *modelled, e did) {
	if e.rev > uint64(len(d.accepted)) {
		c.fault("board %s applied REV %d, and there are %d", device, e.rev, len(d.accepted))
		return
	}
	for name, num := range e.states {
		n := d.latest(name, e.rev)
		switch {
		case n == nil || n.values[name] != num:
			c.fault("board %s applied %s=%v under REV %d, which nobody asked for", device, name, num, e.rev)
		case n.deadline() != 0 && e.at > n.deadline()+tolerance:
			c.fault("board %s applied %s=%v of change %s (REV %d) %d ms after its deadline",
				device, name, num, n.Key, n.rev, e.at-n.deadline())
		}
	}
}

// latest is the last change up to rev that is about the state.
func (d *modelled) latest(state string, rev uint64) *change {
	for i := int(rev) - 1; i >= 0; i-- {
		if slices.Contains(d.accepted[i].names(), state) {
			return d.accepted[i]
		}
	}
	return nil
}

// everyStanding holds that log, API and boards agree at the end.
func (c *checker) everyStanding() {
	for _, device := range slices.Sorted(maps.Keys(c.h.now)) {
		now, d := c.h.now[device], c.device(device)
		want := values{}
		for name, n := range d.desired {
			want[name] = n.values[name]
		}
		switch {
		case now.open != 0:
			c.fault("device %s has %d open changes", device, now.open)
		case now.rev != d.rev:
			c.fault("device %s is at REV %d in the log, and %d in the API", device, d.rev, now.rev)
		case !equal(now.desired, want):
			c.fault("device %s ought to be %v by the log, and %v by the API", device, want, now.desired)
		case !covers(now.is, want):
			c.fault("board %s is %v, and ought to be %v", device, now.is, want)
		}
	}
}
