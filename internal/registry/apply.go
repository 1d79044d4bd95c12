package registry

import (
	"slices"

	"vaiven"
)

// apply takes one event; r.mu is held.
func (r *Registry) apply(en vaiven.Entry) {
	ev := en.Event
	id := ev.Of()
	if id == "" {
		r.refused(ev)
		return
	}
	if _, ok := ev.(*vaiven.Forgotten); ok {
		delete(r.devices, id)
		return
	}
	d := r.devices[id]
	if d == nil {
		if vaiven.Refuses(ev) { // who was only refused is nobody
			r.refused(ev)
			return
		}
		d = &device{Device: Device{ID: id}}
		r.devices[id] = d
	}
	switch e := ev.(type) {
	case *vaiven.Reading:
		r.counts.Readings++
		d.reading(e)
		if en.Fills {
			r.counts.Filled++
			d.filled()
		}
	case *vaiven.Refusal:
		r.counts.Refusals++
		d.refusal(e)
	case *vaiven.Gap:
		n := e.To - e.From + 1
		r.counts.Gaps += n
		d.gap(e.At, n)
	case *vaiven.Rejected:
		r.counts.Rejected += e.Count
		d.rejected(e)
	case *vaiven.SessionStart:
		d.Session = &vaiven.Session{Device: id, Start: e.At, Readings: e.Readings, Deadline: e.Deadline, Interval: e.Interval}
		d.Stats = &stats{}
	case *vaiven.SessionEnd:
		d.end(e)
	case *vaiven.Presence:
		d.presence(e)
	case *vaiven.Report:
		d.heard(e.At)
		d.boot(e.Boot)
		d.report(e.States, e.Rev, e.At)
	case *vaiven.Hello:
		d.hello(e)
	case *vaiven.Conflict:
		d.heard(e.At)
		d.Conflicts++
		d.ConflictAt = e.At
		d.Remotes = slices.Clone(e.Remotes[:min(len(e.Remotes), maxRemotes)])
	case *vaiven.Described:
		d.About = &About{cut(e.Name), cut(e.Note), slices.Clone(e.Groups[:min(len(e.Groups), maxGroups)])}
	}
}

// refused counts what was refused of no device of the log.
func (r *Registry) refused(ev vaiven.Event) {
	switch e := ev.(type) {
	case *vaiven.Rejected:
		r.counts.Rejected += e.Count
		r.nobody = reject(r.nobody, e)
	case *vaiven.Refusal:
		r.counts.Refusals++
	}
}

// heard notes that the device gave a sign of life. The log's order counts, not
// the clock, which may have been set back.
func (d *device) heard(at int64) {
	if d.First == 0 {
		d.First = at
	}
	d.Last = at
}

// open returns the statistics of the session that is going on, or nil.
func (d *device) open() *stats {
	if d.Session == nil || d.Session.Ended {
		return nil
	}
	return d.Stats
}

func (d *device) refusal(e *vaiven.Refusal) {
	d.heard(e.At)
	d.Refusals++
	if s := d.open(); s != nil {
		s.Refusals++
	}
}

func (d *device) gap(at int64, n uint64) {
	d.heard(at)
	d.Gaps += n
	if s := d.open(); s != nil {
		s.Gaps += n
	}
}

// filled counts a reading that had been recorded as a gap.
func (d *device) filled() {
	d.Filled++
	if s := d.open(); s != nil && s.Gaps > 0 {
		s.Gaps--
	}
}

func (d *device) rejected(e *vaiven.Rejected) {
	d.heard(e.At)
	d.Rejected = reject(d.Rejected, e)
	if s := d.open(); s != nil {
		s.Rejected = count(s.Rejected, e.Code, e.Count)
	}
}

func (d *device) reading(e *vaiven.Reading) {
	d.heard(e.At)
	d.Reading = e.At
	d.Readings++
	d.Values = latest(d.Values, e.Values, e.At, maxMeasurements)
	d.boot(e.Boot)
	if e.Current() {
		d.report(e.States, e.Rev, e.At)
	}
	if s := d.open(); s != nil && !e.Uncounted {
		d.Session.Count++
		s.reading(e)
	}
}

// boot notes the current boot, if one was given; what it says it lost, and the revisions that it
// has seen, count from 0 again.
func (d *device) boot(b vaiven.Boot) {
	if b != "" && d.Boot != b {
		d.Boot, d.BootLost, d.Rev = b, 0, 0
	}
}

func (d *device) report(states []vaiven.Value, rev uint64, at int64) {
	if rev != 0 && rev < d.Rev {
		return // overtaken on its way: history
	}
	d.States = latest(d.States, states, at, maxStates)
	if rev != 0 {
		d.Rev = rev
	}
}

func (d *device) hello(e *vaiven.Hello) {
	d.heard(e.At)
	d.boot(e.Boot)
	if e.Lost > d.BootLost {
		d.Lost += e.Lost - d.BootLost
		if s := d.open(); s != nil {
			s.Lost += e.Lost - d.BootLost
		}
		d.BootLost = e.Lost
	}
	if e.FW != "" {
		d.FW = cut(e.FW)
	}
	d.Greeted = true
	d.Declared = slices.Clone(e.Names[:min(len(e.Names), maxStates)])
	if len(e.States) > 0 {
		d.report(e.States, e.Rev, e.At)
	}
}

// presence notes that a connection came, went or fell silent. A board may have
// moved to another gateway of the cluster before the one that it left says so:
// what is said of a connection that another one has replaced does not count.
func (d *device) presence(e *vaiven.Presence) {
	came := e.Connected && !e.Silent
	if !came && d.Connected && e.Remote != "" && cut(e.Remote) != d.Remote {
		return
	}
	since := e.At
	switch {
	case e.Silent:
		since = d.Reading
	case e.Connected:
		d.heard(e.At)
		d.Remote = cut(e.Remote)
	}
	d.Connected, d.Silent, d.Since, d.Reason, d.Sleep = e.Connected, e.Silent, since, cut(e.Reason), e.Sleep
}

func (d *device) end(e *vaiven.SessionEnd) {
	renewed := e.Reason == vaiven.EndRenewed // also of a session that had ended: another may begin
	if d.Session == nil || d.Session.Ended && !renewed {
		return
	}
	if d.Session.Ended {
		d.Session.Reason = e.Reason
		return
	}
	d.Session.Ended, d.Session.Reason = true, e.Reason
	if d.Stats != nil {
		d.Stats.End = e.At
	}
}
