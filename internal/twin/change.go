package twin

import (
	"slices"
	"strings"

	"vaiven"
)

const (
	maxRecent   = 8    // ended changes that are kept of a device
	maxUnended  = 1024 // changes without a recorded end; as many as the log's readers remember
	maxReported = 64   // reported states; the one that came first makes room
)

// device is all that the log says of one device. Its methods are the rules: they
// know no clock and no other device.
type device struct {
	ID     vaiven.Device `json:"id"`
	Rev    uint64        `json:"rev,omitempty"`    // of the last accepted change
	Wanted []wish        `json:"wanted,omitempty"` // by name, at most vaiven.MaxStates
	Open   []change      `json:"open,omitempty"`   // no two share a state
	Owed   []change      `json:"owed,omitempty"`   // decided, and their end is not in the log yet
	Recent []Life        `json:"recent,omitempty"` // the last to end is the last
	Past   []past        `json:"past,omitempty"`   // those before

	Boot       vaiven.Boot `json:"boot,omitempty"`
	BootRev    uint64      `json:"boot_rev,omitempty"` // the highest that was reported in this boot
	Reports    bool        `json:"reports,omitempty"`  // it has reported with REV, ever
	Reported   []report    `json:"reported,omitempty"` // in order of first appearance
	ReportedAt int64       `json:"reported_at,omitempty"`
}

// wish is a desired state, and which change made it so.
type wish struct {
	Name string  `json:"name"`
	Num  float64 `json:"num"`
	Rev  uint64  `json:"rev"`
}

// change is one that has no end in the log yet.
type change struct {
	Key      vaiven.Key     `json:"key"`
	Rev      uint64         `json:"rev,omitempty"`
	States   []vaiven.Value `json:"states,omitempty"` // by name, toggles resolved; never changed
	By       string         `json:"by,omitempty"`
	Asked    int64          `json:"asked"`
	Deadline int64          `json:"deadline,omitempty"`
	Sent     int64          `json:"sent,omitempty"`
	Matched  int64          `json:"matched,omitempty"` // when a report first showed all of it

	Outcome vaiven.Outcome `json:"outcome,omitempty"` // of Owed: the end that is due
	Reason  string         `json:"reason,omitempty"`

	task *task // the keeper's; not of the log
}

// ask takes a change: it is refused, or it gets the next REV, overtakes what it
// shares a state with, and is desired from here on. It is false for a key that
// is known already.
func (d *device) ask(e *vaiven.Change) (answer, bool) {
	if _, known := d.answer(e.Key); known {
		return answer{}, false
	}
	c := change{Key: e.Key, By: e.By, Asked: e.At, Deadline: e.Deadline, States: d.resolve(e)}
	switch {
	case e.HasIf && e.If != d.Rev:
		c.Outcome, c.Reason = vaiven.Refused, vaiven.RefusedRev
	case !d.fits(c.States):
		c.Outcome, c.Reason = vaiven.Refused, vaiven.RefusedStates
	}
	if c.Outcome == vaiven.Refused {
		d.Owed = append(d.Owed, c)
		return c.answer(), true
	}
	d.overtake(c.States)
	d.Rev++
	c.Rev = d.Rev
	d.want(&c)
	d.Open = append(d.Open, c)
	return c.answer(), true
}

// resolve returns what a change asks for, by name: a toggled state is turned
// over from what is desired, else from what was reported, else from 0. A name
// that is there twice counts once, and being set counts before being toggled.
func (d *device) resolve(e *vaiven.Change) []vaiven.Value {
	out := make([]vaiven.Value, 0, len(e.States)+len(e.Toggle))
	for _, v := range e.States {
		if _, twice := vaiven.Find(out, v.Name); !twice {
			out = append(out, v)
		}
	}
	for _, name := range e.Toggle {
		if _, twice := vaiven.Find(out, name); twice {
			continue
		}
		v := vaiven.Value{Name: name}
		if d.present(name) == 0 {
			v.Num = 1
		}
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// present returns a state as a toggle sees it.
func (d *device) present(name string) float64 {
	if i, ok := d.wanted(name); ok {
		return d.Wanted[i].Num
	}
	for i := range d.Reported {
		if d.Reported[i].Name == name {
			return d.Reported[i].Num
		}
	}
	return 0
}

func (d *device) wanted(name string) (int, bool) {
	return slices.BinarySearchFunc(d.Wanted, name, func(w wish, name string) int { return strings.Compare(w.Name, name) })
}

// fits reports whether the device may have these states beside those that are
// desired already. A change of nothing never does.
func (d *device) fits(states []vaiven.Value) bool {
	n := len(d.Wanted)
	for _, v := range states {
		if _, ok := d.wanted(v.Name); !ok {
			n++
		}
	}
	return len(states) > 0 && n <= vaiven.MaxStates
}

// want makes the values of a change desired.
func (d *device) want(c *change) {
	for _, v := range c.States {
		w := wish{Name: v.Name, Num: v.Num, Rev: c.Rev}
		if i, ok := d.wanted(v.Name); ok {
			d.Wanted[i] = w
		} else {
			d.Wanted = slices.Insert(d.Wanted, i, w)
		}
	}
}

// withdraw removes what the change with this REV made desired, as far as no
// later one has made it something else.
func (d *device) withdraw(rev uint64) {
	d.Wanted = slices.DeleteFunc(d.Wanted, func(w wish) bool { return w.Rev == rev })
	if len(d.Wanted) == 0 {
		d.Wanted = nil
	}
}

// overtake ends, as a whole, every open change that shares a state. What else
// it had asked for stays desired, unless it was not to be applied late: nobody
// looks after its deadline any more.
func (d *device) overtake(states []vaiven.Value) {
	n := 0
	for _, c := range d.Open {
		if !c.shares(states) {
			d.Open[n] = c
			n++
			continue
		}
		if c.Deadline != 0 {
			d.withdraw(c.Rev)
		}
		c.Outcome = vaiven.Overtaken
		d.Owed = append(d.Owed, c)
	}
	clear(d.Open[n:])
	d.Open = d.Open[:n]
}

func (c *change) shares(states []vaiven.Value) bool {
	return slices.ContainsFunc(c.States, func(v vaiven.Value) bool {
		_, ok := vaiven.Find(states, v.Name)
		return ok
	})
}

// sent notes that a change was written to a connection.
func (d *device) sent(e *vaiven.Sent) {
	for _, list := range [][]change{d.Open, d.Owed} {
		for i := range list {
			if list[i].Key == e.Key && list[i].Sent == 0 {
				list[i].Sent = e.At
			}
		}
	}
}

// end closes a change, and returns it with how it ended. It is false for one
// that is not known, or that has ended.
func (d *device) end(e *vaiven.ChangeEnd) (change, Life, bool) {
	c, ok := d.take(e.Key)
	if !ok {
		return c, Life{}, false
	}
	// A wish with a deadline is never one for later: fulfilled or not, the board
	// must not get it again after a reboot.
	if e.Outcome == vaiven.Expired || e.Outcome == vaiven.Refused || c.Deadline != 0 {
		d.withdraw(c.Rev)
	}
	end := *e
	end.Rev, end.States, end.By, end.Asked = c.Rev, c.States, c.By, c.Asked
	return c, d.remember(&c, end), true
}

// take removes a change from those that have no end.
func (d *device) take(key vaiven.Key) (change, bool) {
	is := func(c change) bool { return c.Key == key }
	if i := slices.IndexFunc(d.Open, is); i >= 0 {
		c := d.Open[i]
		d.Open = slices.Delete(d.Open, i, i+1)
		return c, true
	}
	i := slices.IndexFunc(d.Owed, is)
	if i < 0 {
		return change{}, false
	}
	c := d.Owed[i]
	if i == 0 { // the usual order, without moving a long list
		d.Owed[0] = change{}
		d.Owed = d.Owed[1:]
	} else {
		d.Owed = slices.Delete(d.Owed, i, i+1)
	}
	if len(d.Owed) == 0 {
		d.Owed = nil
	}
	return c, true
}

// remember keeps how a change ended.
func (d *device) remember(c *change, end vaiven.ChangeEnd) Life {
	l := Life{End: end, Sent: c.Sent, Deadline: c.Deadline}
	if len(d.Recent) >= maxRecent {
		for i := range d.Recent[:len(d.Recent)-maxRecent+1] {
			d.file(&d.Recent[i].End)
		}
		d.Recent = slices.Delete(d.Recent, 0, len(d.Recent)-maxRecent+1)
	}
	d.Recent = append(d.Recent, l)
	return l
}

// crowded takes out the oldest change that was decided long ago and whose end
// never came, when there are more than the log's readers remember: its end
// would be dropped there, so it ends here as it was decided.
func (d *device) crowded() (change, Life, bool) {
	if len(d.Owed) == 0 || len(d.Open)+len(d.Owed) <= maxUnended {
		return change{}, Life{}, false
	}
	c, _ := d.take(d.Owed[0].Key)
	end := c.end(d.ID)
	end.At = c.Asked
	return c, d.remember(&c, end), true
}

// end words the end of a change, without its stamp.
func (c *change) end(id vaiven.Device) vaiven.ChangeEnd {
	return vaiven.ChangeEnd{
		Device: id, Key: c.Key, Rev: c.Rev, Outcome: c.Outcome, Reason: c.Reason,
		States: c.States, By: c.By, Asked: c.Asked,
	}
}

// answer is what a change was given.
type answer struct {
	rev     uint64
	values  []vaiven.Value
	refused string
}

func (c *change) answer() answer { return answer{c.Rev, c.States, c.Reason} }

// answer returns what a change was given that is among those remembered.
func (d *device) answer(key vaiven.Key) (answer, bool) {
	for _, list := range [][]change{d.Open, d.Owed} {
		for i := range list {
			if list[i].Key == key {
				return list[i].answer(), true
			}
		}
	}
	if l, ok := d.life(key); ok {
		a := answer{rev: l.End.Rev, values: l.End.States}
		if a.rev == 0 {
			a.refused = l.End.Reason
		}
		return a, true
	}
	return answer{}, false
}

func (d *device) life(key vaiven.Key) (Life, bool) {
	for i := range d.Recent {
		if d.Recent[i].End.Key == key {
			return d.Recent[i], true
		}
	}
	return d.filed(key)
}

// find returns a change that has no end, nil for none.
func (d *device) find(key vaiven.Key) *change {
	for _, list := range [][]change{d.Open, d.Owed} {
		for i := range list {
			if list[i].Key == key {
				return &list[i]
			}
		}
	}
	return nil
}
