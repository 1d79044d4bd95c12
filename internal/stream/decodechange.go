package stream

import (
	"cmp"
	"fmt"

	"vaiven"
)

// keyed reads a change's key.
func keyed(v uint64) vaiven.Key { return vaiven.Key(fmt.Sprintf("%016x", v)) }

// needKey refuses an event of a change that does not say which.
func needKey(k vaiven.Key) error {
	if k == "" {
		return fmt.Errorf("%w: a change without a key", ErrCorrupt)
	}
	return nil
}

func (d *decoder) change(r *fields) (vaiven.Event, error) {
	ev, c, n := &vaiven.Change{}, d.common(), numbers{}
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldKey:
			ev.Key = keyed(r.val)
		case fieldToggle:
			ev.Toggle = append(ev.Toggle, d.name(r.bytes()))
		case fieldBy:
			ev.By = string(r.bytes())
		case fieldUntil:
			ev.Deadline = int64(r.val)
		case fieldIf:
			ev.HasIf, ev.If = true, r.val
		default:
			return n.take(r)
		}
		return true
	})
	if err := cmp.Or(err, needKey(ev.Key)); err != nil {
		return nil, err
	}
	ev.Stamp, ev.Device = c.stamp, c.device
	ev.States, err = d.valuesOf(&n)
	return ev, err
}

func (d *decoder) sent(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Sent{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldKey:
			ev.Key = keyed(r.val)
		case fieldRev:
			ev.Rev = r.val
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, cmp.Or(err, needKey(ev.Key))
}

func (d *decoder) changeEnd(r *fields) (vaiven.Event, error) {
	ev, c, n := &vaiven.ChangeEnd{}, d.common(), numbers{}
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldKey:
			ev.Key = keyed(r.val)
		case fieldRev:
			ev.Rev = r.val
		case fieldOutcome:
			ev.Outcome = vaiven.Outcome(r.bytes())
		case fieldEndReason:
			ev.Reason = string(r.bytes())
		case fieldBy:
			ev.By = string(r.bytes())
		case fieldAsked:
			ev.Asked = int64(r.val)
		default:
			return n.take(r)
		}
		return true
	})
	if err := cmp.Or(err, needKey(ev.Key)); err != nil {
		return nil, err
	}
	ev.Stamp, ev.Device = c.stamp, c.device
	ev.States, err = d.valuesOf(&n)
	return ev, err
}

func (d *decoder) described(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Described{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldTitle:
			ev.Name = string(r.bytes())
		case fieldNote:
			ev.Note = string(r.bytes())
		case fieldGroups:
			ev.Groups = append(ev.Groups, string(r.bytes()))
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}

func (d *decoder) forgotten(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Forgotten{}, d.common()
	err := d.each(r, &c, func() bool { return false })
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}
