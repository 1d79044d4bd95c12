package console

import "vaiven"

// lives are the lives of many devices, at most maxRows: of more, lines say less.
// It is not concurrent.
type lives struct {
	of    map[vaiven.Device]*life
	whole bool   // nothing of any device is unknown: what was not seen did not happen
	after uint64 // entries up to this record are known already
}

func newLives(after uint64) lives {
	return lives{of: map[vaiven.Device]*life{}, whole: after == 0}
}

// seed begins anew with what was known at the record after.
func (s *lives) seed(after uint64, known []Known) {
	*s = lives{of: map[vaiven.Device]*life{}, whole: true, after: after}
	for _, k := range known {
		if k.Device != "" && len(s.of) < maxRows {
			lf := newLife(k.Device, true)
			lf.seed(k)
			s.of[k.Device] = &lf
		}
	}
}

// get is the life of a device; an empty one, which is not kept, if none is
// known.
func (s *lives) get(d vaiven.Device) *life {
	if lf := s.of[d]; lf != nil {
		return lf
	}
	lf := newLife(d, s.whole)
	return &lf
}

// apply takes over an entry.
func (s *lives) apply(en vaiven.Entry) {
	d := en.Event.Of()
	if d == "" || en.ID.Record <= s.after {
		return
	}
	if _, gone := en.Event.(*vaiven.Forgotten); gone {
		delete(s.of, d)
		return
	}
	lf := s.of[d]
	if lf == nil {
		if len(s.of) >= maxRows || vaiven.Refuses(en.Event) {
			return
		}
		lf = s.get(d)
		s.of[d] = lf
	}
	lf.apply(en.Event)
}

// told reports whether a later entry of the same append says what the report at
// i says, and more: what a board's report confirmed, or changed by itself.
func told(entries []vaiven.Entry, i int) bool {
	r, ok := entries[i].Event.(*vaiven.Report)
	if !ok {
		return false
	}
	var said []vaiven.Value
	for _, en := range entries[i+1:] {
		if en.Event.Of() != r.Device {
			break
		}
		switch e := en.Event.(type) {
		case *vaiven.Change:
			if e.By == vaiven.ByBoard {
				said = append(said, e.States...)
			}
		case *vaiven.ChangeEnd:
			if e.Outcome == vaiven.Confirmed {
				said = append(said, e.States...)
			}
		default:
			return false
		}
		if covers(said, r.States) {
			return true
		}
	}
	return false
}

// covers reports whether every one of values is among said.
func covers(said, values []vaiven.Value) bool {
	for _, v := range values {
		if num, ok := vaiven.Find(said, v.Name); !ok || num != v.Num {
			return false
		}
	}
	return len(said) > 0
}
