package client

import (
	"fmt"
	"math"
	"slices"
	"time"

	"vaiven"
	"vaiven/wire"
)

// maxReports is how many reports wait to be written. Only those of a change at
// the board and of what the server wanted, in turn, are more than one; the
// oldest is given up for more than that.
const maxReports = 8

// ownStates is what the board knows of its states. Client.mu guards it.
type ownStates struct {
	now     []vaiven.Value // what the board has now
	applied uint64         // REV of the last desired state that was reported done
	heard   uint64         // the highest REV that was handed to OnDesired
	due     []stateReport  // to be written, in order
}

// stateReport is one message about the states; rev is 0 for a change at the
// board itself.
type stateReport struct {
	states []vaiven.Value
	rev    uint64
}

// noteReport notes what the board has now. Of several reports in a row that
// follow the server the last one counts, and likewise of several that do not: a
// change at the board must not hide that a change of the server's was done, nor
// the other way round.
func (t *ownStates) noteReport(r stateReport, write bool) {
	t.now = r.states
	t.applied = max(t.applied, r.rev)
	if !write {
		return
	}
	if n := len(t.due); n > 0 && (t.due[n-1].rev == 0) == (r.rev == 0) {
		t.due[n-1] = r
		return
	}
	if len(t.due) >= maxReports {
		t.due = slices.Delete(t.due, 0, 1)
	}
	t.due = append(t.due, r)
}

// takeReport takes the report that is to be written now. There is one.
func (t *ownStates) takeReport() stateReport {
	r := t.due[0]
	if t.due = t.due[1:]; len(t.due) == 0 {
		t.due = nil
	}
	return r
}

// Report tells the server what the board's states are now: all of them, with
// the Rev of the Desired that they follow, or 0 for a change made at the board
// itself. It does not wait: without a connection the states go with the next
// HELLO, and of several reports in a row the last one counts. While Close waits
// for acknowledgements, states may still be reported.
func (c *Client) Report(states []vaiven.Value, rev uint64) error {
	if err := (vaiven.Rules{}).Check(states); err != nil {
		return fmt.Errorf("client: report: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.states.noteReport(stateReport{slices.Clone(states), rev}, !c.o.Course)
	c.nudge()
	return nil
}

// gotDesired hands on what the server wants, unless it came too late, or behind
// something newer: over another connection, or from another node of a cluster.
func (cn *connection) gotDesired(m *wire.ServerMessage) {
	c := cn.c
	d := Desired{States: m.States, Rev: m.Rev}
	c.mu.Lock()
	now := c.o.Clock()
	late := m.HasUntil && c.up(now) > m.Until
	stale := !c.o.Course && m.Rev != 0 && m.Rev < c.states.heard // the course's sketch looks at no REV
	switch {
	case stale:
		c.stats.Stale++
	case late:
		c.stats.Late++
	default:
		c.states.heard = max(c.states.heard, m.Rev)
	}
	c.mu.Unlock()
	if m.HasUntil {
		ms := min(m.Until, math.MaxInt64/int64(time.Millisecond))
		d.Until = c.begun.Add(time.Duration(max(ms, 0)) * time.Millisecond)
	}
	switch {
	case stale:
		c.o.Logger.Debug("desired state is older than the one before", "device", c.device, "rev", m.Rev)
	case late:
		c.o.Logger.Debug("desired state came too late", "device", c.device, "rev", m.Rev)
		if c.o.OnLate != nil {
			c.o.OnLate(d)
		}
	case c.o.OnDesired != nil:
		c.o.OnDesired(d)
	}
}
