package stream

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

// numbers are the packed lists of one event, as they stand in its bytes.
type numbers struct {
	columns, mantissas, reals []byte
}

// take keeps the field if it is one of the lists, and reports whether it was.
func (n *numbers) take(r *fields) bool {
	switch r.num {
	case fieldColumns:
		n.columns = r.bytes()
	case fieldMantissas:
		n.mantissas = r.bytes()
	case fieldReals:
		n.reals = r.bytes()
	default:
		return false
	}
	return true
}

// values turns columns and numbers into named values.
func (d *decoder) valuesOf(n *numbers) ([]vaiven.Value, error) {
	if len(n.columns) == 0 {
		return nil, nil
	}
	d.cols = d.cols[:0]
	for b := n.columns; len(b) > 0; {
		c, k := varint(b)
		if k <= 0 || c >= uint64(len(d.columns)) {
			return nil, fmt.Errorf("%w: a value of column %d, of %d", ErrCorrupt, c, len(d.columns))
		}
		d.cols, b = append(d.cols, uint32(c)), b[k:]
	}
	out := d.room(len(d.cols))
	for i, c := range d.cols {
		col := &d.columns[c]
		f, ok := n.number(col)
		if !ok {
			return nil, fmt.Errorf("%w: fewer numbers than columns", ErrCorrupt)
		}
		out[i] = vaiven.Value{Name: col.name, Num: f}
	}
	return out, nil
}

// number takes the next number of a column from its list.
func (n *numbers) number(c *column) (float64, bool) {
	if c.real {
		if len(n.reals) < 8 {
			return 0, false
		}
		bits := binary.LittleEndian.Uint64(n.reals)
		n.reals = n.reals[8:]
		return math.Float64frombits(bits), true
	}
	u, k := varint(n.mantissas)
	if k <= 0 {
		return 0, false
	}
	n.mantissas = n.mantissas[k:]
	f := float64(protowire.DecodeZigZag(u))
	if c.decimals > 0 {
		f /= pow10[c.decimals]
	}
	return f, true
}

// room cuts n values off a block that the record's events share.
func (d *decoder) room(n int) []vaiven.Value {
	if cap(d.values)-len(d.values) < n {
		d.values = make([]vaiven.Value, 0, max(n, min(1024, 2*cap(d.readings)), 4))
	}
	at := len(d.values)
	d.values = d.values[:at+n]
	return d.values[at : at+n : at+n]
}

func (d *decoder) reading(r *fields) (vaiven.Event, error) {
	c, n := d.common(), numbers{}
	if len(d.readings) == cap(d.readings) { // counted by its tag, so only in a strange encoding
		d.readings = make([]vaiven.Reading, 0, 16)
	}
	d.readings = d.readings[:len(d.readings)+1]
	ev := &d.readings[len(d.readings)-1]
	var measured int64
	var states uint64
	var hasMeasured bool
	for r.next() {
		switch r.num {
		case fieldSeq:
			ev.Seq = r.val
		case fieldMeasured:
			measured, hasMeasured = protowire.DecodeZigZag(r.val), true
		case fieldColumns, fieldMantissas, fieldReals:
			n.take(r)
		case fieldStates:
			states = r.val
		case fieldRev:
			ev.Rev = r.val
		case fieldUncounted:
			ev.Uncounted = r.val != 0
		default:
			if err := c.take(d, r); err != nil {
				return nil, err
			}
		}
	}
	if err := c.done(d); err != nil {
		return nil, err
	}
	values, err := d.valuesOf(&n)
	if err != nil {
		return nil, err
	}
	if states > uint64(len(values)) {
		return nil, fmt.Errorf("%w: %d states in %d values", ErrCorrupt, states, len(values))
	}
	ev.Stamp, ev.Device, ev.Boot = c.stamp, c.device, c.boot
	if hasMeasured {
		ev.Measured = c.stamp.At + measured
	}
	if cut := len(values) - int(states); cut > 0 {
		ev.Values = values[:cut:cut]
		values = values[cut:]
	}
	if len(values) > 0 {
		ev.States = values
	}
	return ev, nil
}

func (d *decoder) report(r *fields) (vaiven.Event, error) {
	ev, c, n := &vaiven.Report{}, d.common(), numbers{}
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldRev:
			ev.Rev = r.val
		default:
			return n.take(r)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	ev.Stamp, ev.Device, ev.Boot = c.stamp, c.device, c.boot
	ev.States, err = d.valuesOf(&n)
	return ev, err
}

func (d *decoder) hello(r *fields) (vaiven.Event, error) {
	ev, c, n := &vaiven.Hello{Up: -1}, d.common(), numbers{}
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldSeq:
			ev.Oldest = r.val
		case fieldNext:
			ev.Next = r.val
		case fieldLost:
			ev.Lost = r.val
		case fieldRev:
			ev.Rev = r.val
		case fieldFW:
			ev.FW = string(r.bytes())
		case fieldUp:
			ev.Up = protowire.DecodeZigZag(r.val)
		case fieldNames:
			ev.Names = append(ev.Names, d.name(r.bytes()))
		default:
			return n.take(r)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	ev.Stamp, ev.Device, ev.Boot = c.stamp, c.device, c.boot
	ev.States, err = d.valuesOf(&n)
	return ev, err
}

func (d *decoder) refusal(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Refusal{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldSeq:
			ev.Seq = r.val
		case fieldCode:
			ev.Code = vaiven.Code(r.bytes())
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device, ev.Boot = c.stamp, c.device, c.boot
	return ev, err
}

func (d *decoder) gap(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Gap{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldSeq:
			ev.From = r.val
		case fieldTo:
			ev.To = r.val
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device, ev.Boot = c.stamp, c.device, c.boot
	return ev, err
}

func (d *decoder) rejected(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Rejected{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldCode:
			ev.Code = vaiven.Code(r.bytes())
		case fieldCount:
			ev.Count = r.val
		case fieldText:
			ev.Text = string(r.bytes())
		case fieldRemote:
			ev.Remote = string(r.bytes())
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}

func (d *decoder) sessionStart(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.SessionStart{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldReadings:
			ev.Readings = r.val
		case fieldDeadline:
			ev.Deadline = int64(r.val)
		case fieldInterval:
			ev.Interval = int64(r.val)
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}

func (d *decoder) sessionEnd(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.SessionEnd{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldReason:
			ev.Reason = vaiven.EndReason(r.bytes())
		case fieldCount:
			ev.Count = r.val
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}

func (d *decoder) presence(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Presence{}, d.common()
	err := d.each(r, &c, func() bool {
		switch r.num {
		case fieldConnected:
			ev.Connected = r.val != 0
		case fieldPeer:
			ev.Remote = string(r.bytes())
		case fieldPeerReason:
			ev.Reason = string(r.bytes())
		case fieldSleep:
			ev.Sleep = int64(r.val)
		case fieldSilent:
			ev.Silent = r.val != 0
		default:
			return false
		}
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}

func (d *decoder) conflict(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.Conflict{}, d.common()
	err := d.each(r, &c, func() bool {
		if r.num != fieldRemotes {
			return false
		}
		ev.Remotes = append(ev.Remotes, string(r.bytes()))
		return true
	})
	ev.Stamp, ev.Device = c.stamp, c.device
	return ev, err
}

func (d *decoder) logStart(r *fields) (vaiven.Event, error) {
	ev, c := &vaiven.LogStart{}, d.common()
	err := d.each(r, &c, func() bool {
		if r.num != fieldLog {
			return false
		}
		ev.Log = string(r.bytes())
		return true
	})
	ev.Stamp = c.stamp
	return ev, err
}

// each hands every field to own, and to c those that own does not know.
func (d *decoder) each(r *fields, c *common, own func() bool) error {
	for r.next() {
		if own() {
			continue
		}
		if err := c.take(d, r); err != nil {
			return err
		}
	}
	return c.done(d)
}
