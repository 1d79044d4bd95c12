package views

import (
	"time"

	"vaiven"
)

const (
	// leap is what a clock is set by when that is no drift any more.
	leap = 24 * time.Hour
	// maxJumps is how many settings of the clock are remembered one by one; beyond,
	// the two oldest become one.
	maxJumps = 16
)

// logTime tells how old a record is by the log alone, so that every node says the
// same, and no clock of a start counts. A board's computer without a clock of its own
// begins in the past, and is told the time later: what it wrote before is not older
// for that, so such jumps are counted and taken off again.
type logTime struct {
	first  int64 // of the log's first record, Unix ms UTC
	at     int64 // of the newest record; it goes back by leaps only
	synced bool  // whether the clock that wrote it was right
	jumps  []jump

	latest   int64 // of all events
	disorder int64 // ms: how far an event's time was behind that of an earlier one, at most
}

// jump is a clock that was set.
type jump struct {
	pos uint64 // the first record by the new time
	by  int64  // ms
}

// advance takes the time of the next record.
func (l *logTime) advance(rec vaiven.Record) {
	if len(rec.Events) == 0 {
		return
	}
	for _, e := range rec.Events {
		at := e.Time().At
		l.latest = max(l.latest, at)
		l.disorder = max(l.disorder, l.latest-at)
	}
	s := rec.Events[len(rec.Events)-1].Time()
	by := s.At - l.at
	switch {
	case l.first == 0 && l.at == 0:
		l.first = s.At
	case by < -leap.Milliseconds(), by > leap.Milliseconds() && s.Synced && !l.synced:
		l.jumps = append(l.jumps, jump{rec.Seq, by})
		if len(l.jumps) > maxJumps {
			l.jumps[1].by += l.jumps[0].by
			l.jumps = l.jumps[1:]
		}
	case by < 0:
		return // two nodes' clocks, or one that was put right
	}
	l.at, l.synced = s.At, s.Synced
}

// age is how long before the newest record the one at pos was written, whose time
// was at.
func (l *logTime) age(pos uint64, at int64) time.Duration {
	for _, j := range l.jumps {
		if j.pos > pos {
			at += j.by
		}
	}
	return time.Duration(l.at-at) * time.Millisecond
}

// silence is how long ago by the log's newest record something was that came at the
// time at, in the record pos, or in one that is not known, for 0. It is the shortest that
// can be said: a clock that was wrong for a while makes nobody silent. It is 0 while the
// clock is not known to be right.
func (l *logTime) silence(pos uint64, at int64) time.Duration {
	if !l.synced {
		return 0
	}
	least := min(l.age(pos, at), time.Duration(l.at-at)*time.Millisecond)
	if pos == 0 {
		for _, j := range l.jumps {
			least = min(least, l.age(j.pos, at))
		}
	}
	return max(least, 0)
}
