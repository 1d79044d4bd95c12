package web

import (
	"context"
	"errors"
	"math"

	"vaiven"
	"vaiven/internal/event"
	"vaiven/internal/web/api"
)

// Blocks of records in which the log is read backwards: the first is small, since the
// newest events are asked for most, and a block that brings nothing is followed by one
// twice as large.
const (
	firstBlock = 16
	maxBlock   = 4096
)

// newestScan reads the part of the log that is asked for backwards, and keeps what was
// found, the newest first.
type newestScan struct {
	event.Query
	history Events
	before  vaiven.ID // all that is not in front of it was looked at
	scanned int
	size    int
	found   []api.Event
	more    bool
}

// newest reads from the end of the part that is asked for to its beginning, or until
// the answer is full. What is left then is in front of s.before.
func (s *newestScan) newest(ctx context.Context) error {
	first, _ := s.history.Bounds()
	lowest := max(first.Record, s.After.Record, 1)
	for records := uint64(firstBlock); ; records = min(2*records, maxBlock) {
		hi := s.before.Record
		if s.before.Index == 0 {
			hi--
		}
		if hi < lowest {
			return nil
		}
		lo := max(lowest, hi-min(records-1, hi))
		full, err := s.readBlock(ctx, lo, hi)
		if err != nil {
			return err
		}
		if s.more = s.more || lo > lowest; full || s.scanned >= maxScanned {
			return nil
		}
		s.more = false
	}
}

// readBlock looks at the records lo..hi. It reports whether the answer is full; more
// then says whether something of the block is left.
func (s *newestScan) readBlock(ctx context.Context, lo, hi uint64) (full bool, err error) {
	after := vaiven.ID{Record: lo - 1, Index: math.MaxUint32}
	if after.Before(s.After) {
		after = s.After
	}
	want := s.Limit - len(s.found)
	ring := make([]vaiven.Entry, 0, want) // the last that pass; from there on it goes round
	passed, oldest := 0, vaiven.ID{}
	err = s.history.History(ctx, after, func(en vaiven.Entry) error {
		if en.ID.Record > hi || !en.ID.Before(s.before) {
			return errEnough
		}
		if s.scanned++; oldest == (vaiven.ID{}) {
			oldest = en.ID
		}
		at := en.Event.Time().At
		if at < s.Since || s.Until != 0 && at > s.Until || !s.Passes(vaiven.KindOf(en.Event), en.Event.Of()) {
			return nil
		}
		if passed < want {
			ring = append(ring, en)
		} else {
			ring[passed%want] = en
		}
		passed++
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return false, err
	}
	for i := passed - 1; i >= 0 && i >= passed-want; i-- {
		en := ring[i%want]
		raw := s.View.Append(nil, en, "")
		s.size += len(raw)
		s.found = append(s.found, api.Event{Raw: raw})
		if s.before = en.ID; len(s.found) == s.Limit || s.size >= maxAnswer {
			s.more = oldest.Before(en.ID)
			return true, nil
		}
	}
	s.before = vaiven.ID{Record: lo}
	return false, nil
}

// listNewest answers a query whose order is event.Descending.
func (s *server) listNewest(ctx context.Context, q event.Query) (*body[api.Events], error) {
	first, last := s.o.Events.Bounds()
	begin := vaiven.ID{Record: last.Record + 1}
	if q.Before != (vaiven.ID{}) && q.Before.Before(begin) {
		begin = q.Before
	}
	if q.Until != 0 {
		end, err := event.SeekEnd(first, last, q.Until, s.o.Events.Disorder(), func(record uint64) (int64, bool, error) { return s.timeAt(ctx, record) })
		if err != nil {
			return nil, s.readingFailed(err)
		}
		if end.Before(begin) {
			begin = end
		}
	}
	scan := &newestScan{Query: q, history: s.o.Events, before: begin, found: []api.Event{}}
	err := scan.newest(ctx)
	if err != nil {
		if scan.before == begin || !errors.Is(err, context.DeadlineExceeded) {
			return nil, s.readingFailed(err)
		}
		scan.more = true
	}
	return &body[api.Events]{api.Events{Events: scan.found, Next: scan.before.String(), More: scan.more}}, nil
}
