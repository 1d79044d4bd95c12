package console

import (
	"time"

	"vaiven"
)

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
func (s stage) sign() string {
	switch s {
	case stageAsked:
		return "…"
	case stageSent:
		return "→"
	case stageConfirmed:
		return "✓"
	case stageFailed:
		return "✗"
	}
	return ""
}

func (s stage) sgr() string {
	switch s {
	case stageAsked:
		return sgrYellow
	case stageSent:
		return sgrCyan
	case stageConfirmed:
		return sgrGreen
	case stageFailed:
		return sgrRed
	}
	return ""
}

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
