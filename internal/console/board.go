package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

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

// remote is the address of the device's connection.
func (b *board) remote() string { return clean(b.info.Remote, maxRemote) }

// cannotReport says that the device is known to send readings only.
func (b *board) cannotReport() bool { return b.presenceKnown && b.info.Mute(&b.DeviceState) }

// stateNames are the states that the device may be asked for, as they are shown.
func (b *board) stateNames(own []string) []string {
	names := b.Askable(own, b.info.Declared)
	slices.SortFunc(names, compareStates)
	return names
}

// compareStates orders states: LED, then as measurements are.
func compareStates(a, b string) int { return compareFirst([]string{"HUM", "TEMP", "LED"}, a, b) }

// compareNames orders measurements: TEMP, HUM, then by name.
func compareNames(a, b string) int { return compareFirst([]string{"HUM", "TEMP"}, a, b) }

// compareFirst orders names: those that are listed, the last first, then by name.
func compareFirst(listed []string, a, b string) int {
	return cmp.Or(cmp.Compare(slices.Index(listed, b), slices.Index(listed, a)), strings.Compare(a, b))
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

// redundantReport reports whether a later entry of the same append says what the
// report at i says, and more: what it confirmed, or what somebody changed at the
// board itself.
func redundantReport(entries []vaiven.Entry, i int) bool {
	r, ok := entries[i].Event.(*vaiven.Report)
	if !ok {
		return false
	}
	var later []vaiven.Value
	for _, en := range entries[i+1:] {
		if en.Event.Of() != r.Device {
			return false
		}
		switch e := en.Event.(type) {
		case *vaiven.Change:
			if e.By == vaiven.ByBoard {
				later = append(later, e.States...)
			}
		case *vaiven.ChangeEnd:
			if e.Outcome == vaiven.Confirmed {
				later = append(later, e.States...)
			}
		default:
			return false
		}
		missing := func(v vaiven.Value) bool {
			num, ok := vaiven.Find(later, v.Name)
			return !ok || num != v.Num
		}
		if len(later) > 0 && !slices.ContainsFunc(r.States, missing) {
			return true
		}
	}
	return false
}

// stage is how far a state has come, as a screen shows it.
type stage uint8

const (
	stageNone      stage = iota // nothing is wanted of it
	stageAsked                  // not sent yet
	stageSent                   // sent, and not confirmed
	stageConfirmed              // the board has what is wanted
	stageFailed                 // the last change expired or was refused
)

// failedShown is how long a change that failed marks its state.
const failedShown = 60 * time.Second

// sign is one column wide, and can be told apart without colour.
func (s stage) sign() string { return [...]string{"", "…", "→", "✓", "✗"}[s] }

func (s stage) sgr() string { return [...]string{"", sgrYellow, sgrCyan, sgrGreen, sgrRed}[s] }

// stage tells what to show of a state: the wanted value while it is wanted,
// else the reported one. ok is false when nothing is known of it.
func (b *board) stage(name string, now time.Time) (num float64, st stage, ok bool) {
	if p := b.Owner(name); p != nil {
		num, _ = vaiven.Find(p.States, name)
		if p.Sent > 0 {
			return num, stageSent, true
		}
		return num, stageAsked, true
	}
	have, reported := b.Find(name)
	want, wanted := b.Wants(name)
	last := b.lastEnd(name)
	switch {
	case last != nil && last.outcome != vaiven.Confirmed && now.Sub(time.UnixMilli(last.at)) < failedShown:
		if !reported {
			have = last.Num
		}
		return have, stageFailed, true
	case wanted && reported && want == have:
		return have, stageConfirmed, true
	case wanted && b.info.Connected: // the board lost it, and is told again
		return want, stageSent, true
	case wanted:
		return want, stageAsked, true
	case reported && last != nil && last.outcome == vaiven.Confirmed && last.Num == have:
		return have, stageConfirmed, true
	}
	return have, stageNone, reported
}

func (b *board) lastEnd(name string) *stateEnd {
	for i := range b.ends {
		if b.ends[i].Name == name {
			return &b.ends[i]
		}
	}
	return nil
}
