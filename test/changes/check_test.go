//go:build suites && linux

package changes

import (
	"fmt"
	"slices"
)

// history is all that is known of a run when it is over.
type history struct {
	events []event // of the log, in its order
	asked  []asked
	did    map[string][]did
	now    map[string]standing
}

// tally counts what a run had in it.
type tally struct {
	asked, local                           int // changes: by the API, by boards' switches
	confirmed, overtaken, expired, refused int // of those asked for
	applications, lates, reports           int // at the boards
}

func (c tally) String() string {
	return fmt.Sprintf("%d changes asked for: %d confirmed, %d overtaken, %d expired, %d refused (REV); %d at the boards' own switches; boards applied %d, reported %d, refused %d as too late",
		c.asked, c.confirmed, c.overtaken, c.expired, c.refused, c.local, c.applications, c.reports, c.lates)
}

// tolerance is by how much a board may apply a change after its deadline, in
// ms: board and server read the same clock, so not at all.
const tolerance = 0

// check holds ledger and log against each other, and returns all that is wrong.
func (h *history) check() (tally, []error) {
	c := checker{h: h, devices: map[string]*modelled{}, keys: map[string]*change{}}
	for i := range h.events {
		c.event(&h.events[i])
	}
	c.everyEnd()
	c.everyAsked()
	c.everyDeed()
	c.everyStanding()
	return c.tally, c.wrong
}

// checker follows the log with a model of its own of what changes mean.
type checker struct {
	h       *history
	devices map[string]*modelled
	keys    map[string]*change // by device and key
	tally   tally
	wrong   []error
}

// modelled is a device as the log has it so far.
type modelled struct {
	rev      uint64
	accepted []*change // by REV, from 1
	desired  map[string]*change
	said     []event // reports and HELLOs with states
}

// change is one change and what became of it.
type change struct {
	event
	rev       uint64 // 0: not accepted
	values    values // toggles resolved; nil while that is not known
	overtaken bool
	end       *event
}

func (c *checker) fault(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Errorf(format, args...))
}

func (c *checker) device(id string) *modelled {
	d := c.devices[id]
	if d == nil {
		d = &modelled{desired: map[string]*change{}}
		c.devices[id] = d
	}
	return d
}

func (c *checker) event(e *event) {
	d := c.device(e.Device)
	switch e.Kind {
	case "report", "hello":
		if len(e.States) > 0 {
			d.said = append(d.said, *e)
		}
	case "change":
		c.change(d, e)
	case "sent":
		c.sent(e)
	case "change_end":
		c.end(d, e)
	}
}

// change lets a change count.
func (c *checker) change(d *modelled, e *event) {
	name := e.Device + " " + e.Key
	if c.keys[name] != nil {
		c.fault("%s: change %s stands in the log twice", e.ID, name)
		return
	}
	n := &change{event: *e}
	c.keys[name] = n
	if e.By == "board" {
		c.tally.local++
	} else {
		c.tally.asked++
	}
	if e.If != nil && *e.If != d.rev {
		return
	}
	n.values = d.resolve(e)
	for _, old := range d.accepted {
		if old.end == nil && !old.overtaken && old.shares(n) {
			old.overtaken = true
			if old.deadline() != 0 {
				d.withdraw(old)
			}
		}
	}
	d.rev++
	n.rev = d.rev
	d.accepted = append(d.accepted, n)
	for _, state := range n.names() {
		d.desired[state] = n
	}
}

// resolve turns over what is toggled, as far as something is wanted; what is not
// is turned over from what the board reported, which the end will say.
func (d *modelled) resolve(e *event) values {
	v := values{}
	for name, num := range e.States {
		v[name] = num
	}
	for _, name := range e.Toggle {
		was := d.desired[name]
		if was == nil || was.values == nil {
			return nil
		}
		v[name] = 0
		if was.values[name] == 0 {
			v[name] = 1
		}
	}
	return v
}

// names are the states that a change is about.
func (n *change) names() []string {
	names := slices.Clone(n.Toggle)
	for name := range n.States {
		names = append(names, name)
	}
	return names
}

func (n *change) shares(other *change) bool {
	return slices.ContainsFunc(n.names(), func(name string) bool { return slices.Contains(other.names(), name) })
}

// withdraw removes what the change made desired.
func (d *modelled) withdraw(n *change) {
	for name, by := range d.desired {
		if by == n {
			delete(d.desired, name)
		}
	}
}

func (c *checker) sent(e *event) {
	n := c.keys[e.Device+" "+e.Key]
	switch {
	case n == nil:
		c.fault("%s: change %s of %s was sent, and nobody asked for it", e.ID, e.Key, e.Device)
	case n.rev == 0 || e.Rev != n.rev:
		c.fault("%s: change %s of %s was sent as REV %d, and is REV %d", e.ID, e.Key, e.Device, e.Rev, n.rev)
	}
}

// end closes a change, and judges how it ended.
func (c *checker) end(d *modelled, e *event) {
	n := c.keys[e.Device+" "+e.Key]
	if n == nil {
		c.fault("%s: change %s of %s ended, and nobody asked for it", e.ID, e.Key, e.Device)
		return
	}
	if n.end != nil {
		c.fault("%s: change %s of %s ended %s, and %s before", e.ID, e.Key, e.Device, e.Outcome, n.end.Outcome)
		return
	}
	n.end = e
	if e.Rev != n.rev && (n.By != "board" || e.Rev != 0) {
		c.fault("%s: change %s of %s is REV %d, and ended as REV %d", e.ID, e.Key, e.Device, n.rev, e.Rev)
	}
	if n.values == nil {
		n.values = e.States
	}
	if !equal(n.values, e.States) {
		c.fault("%s: change %s of %s is %v, and ended as %v", e.ID, e.Key, e.Device, n.values, e.States)
	}
	c.outcome(d, n)
	if e.Outcome == "expired" || e.Outcome == "refused" || n.deadline() != 0 {
		d.withdraw(n)
	}
}

// outcome judges whether a change could end as it did.
func (c *checker) outcome(d *modelled, n *change) {
	e := n.end
	if n.By != "board" {
		c.tally.outcome(e.Outcome)
	}
	switch {
	case n.rev == 0 && (e.Outcome != "refused" || e.Reason != "rev"):
		c.fault("%s: change %s of %s was asked for another REV, and ended %s", e.ID, e.Key, e.Device, e.Outcome)
	case n.rev == 0:
	case e.Outcome == "confirmed":
		c.confirmed(d, n)
	case e.Outcome == "overtaken" && n.overtaken:
	case e.Outcome == "expired" && n.deadline() != 0 && e.At.UnixMilli() >= n.deadline():
	default:
		c.fault("%s: change %s of %s (REV %d, deadline %d, overtaken %t) ended %s %s",
			e.ID, e.Key, e.Device, n.rev, n.deadline(), n.overtaken, e.Outcome, e.Reason)
	}
}

func (t *tally) outcome(how string) {
	switch how {
	case "confirmed":
		t.confirmed++
	case "overtaken":
		t.overtaken++
	case "expired":
		t.expired++
	case "refused":
		t.refused++
	}
}

func equal(a, b values) bool {
	return len(a) == len(b) && covers(a, b)
}

// covers reports whether all has every value of part.
func covers(all, part values) bool {
	for name, num := range part {
		if got, ok := all[name]; !ok || got != num {
			return false
		}
	}
	return true
}
