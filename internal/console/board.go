package console

import (
	"slices"

	"vaiven"
)

// board is what events say of one device, so that a screen can tell how it is, what
// a toggle asks for and whether a change waits. Its size is bounded. It is not
// concurrent.
type board struct {
	info          vaiven.DeviceInfo // without Stats
	presenceKnown bool

	vaiven.DeviceState
	ends []stateEnd // how the last change of a state ended
}

// stateEnd is how the last change of one state ended.
type stateEnd struct {
	vaiven.Value
	outcome vaiven.Outcome
	at      int64 // Unix ms
	took    int64 // ms
}

// Known is what the log already said about a device before a view began to follow
// it; the registry and the twin have all of it.
type Known struct {
	Info  vaiven.DeviceInfo
	State vaiven.DeviceState
}

// newBoard is a device of which nothing was read yet; whole means that there is
// nothing else to know.
func newBoard(d vaiven.Device, whole bool) board {
	return board{
		info: vaiven.DeviceInfo{ID: d, Partial: !whole}, presenceKnown: whole && d != "",
		DeviceState: vaiven.DeviceState{ID: d, Partial: !whole},
	}
}

// boardOf is a device of which all is known.
func boardOf(k Known) board {
	b := board{info: k.Info.Clone(), presenceKnown: true, DeviceState: k.State.Clone()}
	b.ID = k.Info.ID
	return b
}

// apply takes over one event of the device.
func (b *board) apply(ev vaiven.Event) {
	b.info.Apply(ev)
	b.DeviceState.Apply(ev)
	switch e := ev.(type) {
	case *vaiven.SessionStart:
		b.info.Stats = nil // no screen shows them
	case *vaiven.Presence:
		b.presenceKnown = true
	case *vaiven.ChangeEnd:
		if e.Outcome != vaiven.Overtaken {
			b.rememberEnd(e)
		}
	}
}

func (b *board) rememberEnd(e *vaiven.ChangeEnd) {
	for _, v := range e.States {
		if e.Outcome == vaiven.Refused && b.Owner(v.Name) != nil {
			continue // what was refused never took the place of the open change
		}
		end := stateEnd{Value: v, outcome: e.Outcome, at: e.At, took: e.Took()}
		if i := slices.IndexFunc(b.ends, func(s stateEnd) bool { return s.Name == v.Name }); i >= 0 {
			b.ends[i] = end
		} else if len(b.ends) < vaiven.MaxValues {
			b.ends = append(b.ends, end)
		}
	}
}

// title is what people call the device.
func (b *board) title() string { return clean(b.info.Described().Name, maxRosterName) }

// remote is the address of the device's connection.
func (b *board) remote() string { return clean(b.info.Remote, maxRemote) }

// cannotReport says that the device is known to send readings only.
func (b *board) cannotReport() bool { return b.presenceKnown && !b.info.Speaks() && !b.Reports }

// stateNames are the states that the device may be asked for, as they are shown.
func (b *board) stateNames(own []string) []string {
	names := b.Askable(own, b.info.Declared)
	slices.SortFunc(names, compareStates)
	return names
}

// compareStates orders states: LED, then by name.
func compareStates(a, b string) int {
	if (a == "LED") != (b == "LED") {
		return compareBool(a != "LED", b != "LED")
	}
	return compareNames(a, b)
}

// boards are those of a log, at most maxRows: of more, lines say less. It is not
// concurrent.
type boards struct {
	of    map[vaiven.Device]*board
	whole bool   // nothing of any device is unknown: what was not seen did not happen
	after uint64 // entries up to this record are known already
}

func newBoards(after uint64) boards {
	return boards{of: map[vaiven.Device]*board{}, whole: after == 0}
}

// seed begins anew with what was known at the record after.
func (s *boards) seed(after uint64, known []Known) {
	*s = boards{of: map[vaiven.Device]*board{}, whole: true, after: after}
	for _, k := range known {
		if k.Info.ID != "" && len(s.of) < maxRows {
			b := boardOf(k)
			s.of[k.Info.ID] = &b
		}
	}
}

// get is what is known of a device; an empty board, which is not kept, if nothing is.
func (s *boards) get(d vaiven.Device) *board {
	if b := s.of[d]; b != nil {
		return b
	}
	b := newBoard(d, s.whole)
	return &b
}

// apply takes over an entry.
func (s *boards) apply(en vaiven.Entry) {
	d := en.Event.Of()
	if d == "" || en.ID.Record <= s.after {
		return
	}
	if _, gone := en.Event.(*vaiven.Forgotten); gone {
		delete(s.of, d)
		return
	}
	b := s.of[d]
	if b == nil {
		if len(s.of) >= maxRows || vaiven.Refuses(en.Event) {
			return
		}
		b = s.get(d)
		s.of[d] = b
	}
	b.apply(en.Event)
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
