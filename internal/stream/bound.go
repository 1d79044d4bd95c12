package stream

import (
	"fmt"

	"vaiven"
)

// Sizes that eventBound counts with, in bytes: the longest that each part of
// an event can become.
const (
	boundFixed  = 128 // tags, lengths, stamp, boot and all numbers of any kind of event
	boundValue  = 8 + 10 + 16
	boundString = 8 // tag and length, beside the text itself
)

// eventBound returns a size in bytes that the event's encoding, together with
// the columns that it may add, cannot exceed; or why it cannot be written: a
// programmer's mistake, since devices and boots are parsed at the edge.
func eventBound(ev vaiven.Event) (int, error) {
	n := boundFixed + boundString + len(ev.Of())
	var boot vaiven.Boot
	switch ev := ev.(type) {
	case *vaiven.Reading:
		boot, n = ev.Boot, n+boundValues(ev.Values)+boundValues(ev.States)
	case *vaiven.Report:
		boot, n = ev.Boot, n+boundValues(ev.States)
	case *vaiven.Hello:
		boot, n = ev.Boot, n+boundValues(ev.States)+boundText(ev.FW)+boundTexts(ev.Names)
	case *vaiven.Refusal:
		boot, n = ev.Boot, n+boundText(string(ev.Code))
	case *vaiven.Gap:
		boot = ev.Boot
	case *vaiven.Rejected:
		n += boundText(string(ev.Code)) + boundText(ev.Text) + boundText(ev.Remote)
	case *vaiven.SessionStart:
	case *vaiven.SessionEnd:
		n += boundText(string(ev.Reason))
	case *vaiven.Presence:
		n += boundText(ev.Remote) + boundText(ev.Reason)
	case *vaiven.Conflict:
		n += boundTexts(ev.Remotes)
	case *vaiven.LogStart:
		n += boundText(ev.Log)
	case *vaiven.Described:
		n += boundText(ev.Name) + boundText(ev.Note) + boundTexts(ev.Groups)
	case *vaiven.Forgotten:
	default:
		size, err := changeBound(ev)
		return n + size, err
	}
	if _, ok := bootValue(boot); !ok {
		return 0, fmt.Errorf("stream: boot %q is not up to 16 lower-case hexadecimal digits", vaiven.Shorten(string(boot)))
	}
	return n, nil
}

// changeBound is eventBound for the events that name a change.
func changeBound(ev vaiven.Event) (int, error) {
	var key vaiven.Key
	n := 0
	switch ev := ev.(type) {
	case *vaiven.Change:
		key, n = ev.Key, boundValues(ev.States)+boundTexts(ev.Toggle)+boundText(ev.By)
	case *vaiven.Sent:
		key = ev.Key
	case *vaiven.ChangeEnd:
		key, n = ev.Key, boundText(string(ev.Outcome))+boundText(ev.Reason)+boundValues(ev.States)+boundText(ev.By)
	default:
		return 0, fmt.Errorf("stream: events of type %T have no encoding", ev)
	}
	if _, ok := keyValue(key); !ok {
		return 0, fmt.Errorf("stream: key %q of a change is not 16 lower-case hexadecimal digits", vaiven.Shorten(string(key)))
	}
	return n, nil
}

func boundTexts(list []string) int {
	n := 0
	for _, s := range list {
		n += boundText(s)
	}
	return n
}

func boundValues(vs []vaiven.Value) int {
	n := 0
	for i := range vs {
		n += boundValue + len(vs[i].Name)
	}
	return n
}

// boundText allows for every byte to become the three of U+FFFD.
func boundText(s string) int { return boundString + 3*len(s) }
