package twin

import (
	"slices"

	"vaiven"
)

// maxForeignRev is the highest REV of another log that is taken over. Beyond,
// there would soon be numbers that not every JSON reader keeps exactly.
const maxForeignRev = vaiven.MaxSeq / 2

// report is a state as the board has it.
type report struct {
	Name string  `json:"name"`
	Num  float64 `json:"num"`
	Rev  uint64  `json:"rev,omitempty"` // that it was reported with, in this boot; 0: none
}

// said is what a board says of its states, in whatever message.
type said struct {
	boot   vaiven.Boot
	rev    uint64
	states []vaiven.Value
	at     int64
}

// hear takes what a board says. matched means that a change is newly seen to
// be done; news that a reported value is another now, or the counter of REV
// went up.
func (d *device) hear(s said) (matched, news bool) {
	if s.boot != "" && s.boot != d.Boot {
		d.reboot(s.boot)
	}
	if s.rev > maxForeignRev {
		s.rev = 0
	}
	if s.rev != 0 && s.rev < d.BootRev {
		return false, false // overtaken on its way: history
	}
	rev := s.rev
	if s.rev != 0 {
		d.BootRev, d.Reports = s.rev, true
		if s.rev > d.Rev {
			// A change is in the log before any board hears of it, so this REV is of
			// another log. Counting goes on behind it, or the board would take all
			// our changes for old ones.
			d.Rev, news, rev = s.rev, true, 0
		}
	}
	if len(s.states) > 0 {
		d.ReportedAt = s.at
		news = d.report(s.states, rev) || news
	}
	return d.match(s.at), news
}

// reboot begins another boot: what it reports now follows no REV yet.
func (d *device) reboot(b vaiven.Boot) {
	d.Boot, d.BootRev = b, 0
	for i := range d.Reported {
		d.Reported[i].Rev = 0
	}
}

// report sets what the board has, and reports whether that is anything new.
func (d *device) report(states []vaiven.Value, rev uint64) (news bool) {
	for i, v := range states {
		if i >= len(d.Reported) || d.Reported[i].Name != v.Name { // not the usual order
			i = slices.IndexFunc(d.Reported, func(r report) bool { return r.Name == v.Name })
		}
		if i >= 0 {
			news = news || d.Reported[i].Num != v.Num
			d.Reported[i].Num, d.Reported[i].Rev = v.Num, rev
			continue
		}
		news = true
		if len(d.Reported) >= maxReported {
			d.Reported = slices.Delete(d.Reported, 0, 1)
		}
		d.Reported = append(d.Reported, report{Name: v.Name, Num: v.Num, Rev: rev})
	}
	return news
}

// match notes which open changes the board has done: every value of theirs was
// reported, under their REV or a later one.
func (d *device) match(at int64) (news bool) {
	for i := range d.Open {
		c := &d.Open[i]
		if c.Matched == 0 && d.done(c) {
			c.Matched, news = at, true
		}
	}
	return news
}

func (d *device) done(c *change) bool {
	for _, v := range c.States {
		i := slices.IndexFunc(d.Reported, func(r report) bool { return r.Name == v.Name })
		if i < 0 || d.Reported[i].Num != v.Num || d.Reported[i].Rev < c.Rev {
			return false
		}
	}
	return true
}
