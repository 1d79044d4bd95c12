package twin

import (
	"slices"
	"time"

	"vaiven"
)

// State is what is known of a device's states.
type State struct {
	Desired     vaiven.Desired
	Reported    []vaiven.Value // what the board says, as far as it does
	ReportedRev uint64         // the highest REV that it reported since it was switched on, 0: none
	ReportedAt  int64          // when it reported last, Unix ms UTC; 0: never
	Reports     bool           // it has reported with REV, ever; otherwise *sent* is all there is to know
	Recent      []Life         // the last changes that ended, the latest at the end; at most 8
}

// Life is a change from its beginning to its end.
type Life struct {
	End      vaiven.ChangeEnd `json:"end"`
	Sent     int64            `json:"sent,omitempty"`     // when it was written to a connection first, Unix ms UTC; 0: never
	Deadline int64            `json:"deadline,omitempty"` // Unix ms UTC, 0: none
}

// Took is how long the change took from being asked for to its end.
func (l Life) Took() time.Duration {
	return time.Duration(max(0, l.End.At-l.End.Asked)) * time.Millisecond
}

// desired returns a copy that shares nothing with d.
func (d *device) desired() vaiven.Desired {
	out := vaiven.Desired{Device: d.ID, Rev: d.Rev}
	for _, w := range d.Wanted {
		out.States = append(out.States, vaiven.Value{Name: w.Name, Num: w.Num})
	}
	for i := range d.Open {
		c := &d.Open[i]
		if c.Deadline != 0 && (out.Until == 0 || c.Deadline < out.Until) {
			out.Until = c.Deadline
		}
		out.Open = append(out.Open, vaiven.Pending{
			Key: c.Key, Rev: c.Rev, States: slices.Clone(c.States), By: c.By,
			Asked: c.Asked, Deadline: c.Deadline, Sent: c.Sent,
		})
	}
	return out
}

// state returns a copy that shares nothing with d.
func (d *device) state() State {
	s := State{
		Desired: d.desired(), ReportedRev: d.BootRev, ReportedAt: d.ReportedAt, Reports: d.Reports,
		Recent: slices.Clone(d.Recent),
	}
	for _, r := range d.Reported {
		s.Reported = append(s.Reported, vaiven.Value{Name: r.Name, Num: r.Num})
	}
	for i := range s.Recent {
		s.Recent[i].End.States = slices.Clone(s.Recent[i].End.States)
	}
	return s
}
