package event

import (
	"bytes"

	"vaiven"
)

// View is what somebody may see of events. The zero value is all there is.
type View struct {
	Patterns []string     // only events of devices that match one; none: of all, and of no device too
	Hidden   vaiven.Kinds // kinds that are kept back
	NoBoot   bool         // BOOT is kept back: whoever knows it can speak for a board
}

// ViewOf is what somebody sees who may read: who may do what, and BOOT, are for
// administrators alone.
func ViewOf(p *vaiven.Principal) View {
	v := View{Patterns: p.Devices}
	if !p.May(vaiven.MayAdmin) {
		v.Hidden, v.NoBoot = vaiven.AccessKinds, true
	}
	return v
}

// Shows reports whether an event of the kind k about d may be seen.
func (v *View) Shows(k vaiven.Kinds, d vaiven.Device) bool {
	return v.Hidden&k == 0 && (len(v.Patterns) == 0 || d != "" && vaiven.MatchesDevice(v.Patterns, d))
}

// Append is the package's Append, for those who have this view.
func (v *View) Append(b []byte, en vaiven.Entry, name string) []byte {
	return v.Trim(Append(b, en, name), len(b))
}

// bootMember begins the only member that a view may leave out. It is never the first,
// and these bytes are in no JSON string, where a quote has a backslash in front.
var bootMember = []byte(`,"boot":"`)

// Trim takes out of the object that b has from a place on what the view keeps back, and
// returns what is left of b.
func (v *View) Trim(b []byte, from int) []byte {
	if !v.NoBoot {
		return b
	}
	at := bytes.Index(b[from:], bootMember)
	if at < 0 {
		return b
	}
	at += from
	end := at + len(bootMember)
	for end < len(b) && b[end] != '"' {
		if b[end] == '\\' {
			end++
		}
		end++
	}
	return append(b[:at], b[min(end+1, len(b)):]...)
}
