package live

import (
	"fmt"
	"net/url"
	"strings"

	"vaiven"
)

// Kind is a kind of event, as a bit of a set.
type Kind uint32

// kinds are the names of the bits, those that the JSON has.
var kinds = [...]string{
	"reading", "refusal", "gap", "rejected", "session_start", "session_end", "presence", "report", "hello",
	"conflict", "log_start", "change", "sent", "change_end", "described", "forgotten",
}

// groups are names for several kinds.
var groups = map[string][]string{
	"state":   {"change", "sent", "change_end", "report"},
	"session": {"session_start", "session_end"},
}

// String is the kind's name, as the JSON has it.
func (k Kind) String() string {
	for i, name := range kinds {
		if k == 1<<i {
			return name
		}
	}
	return "unknown"
}

// kindNamed returns the kinds of a name or a group, 0 for none.
func kindNamed(name string) Kind {
	var set Kind
	for _, member := range groups[name] {
		set |= kindNamed(member)
	}
	for i, n := range kinds {
		if n == name {
			set |= 1 << i
		}
	}
	return set
}

// kindOf returns an event's kind: a straight list, in the order of kinds.
func kindOf(ev vaiven.Event) Kind {
	switch ev.(type) {
	case *vaiven.Reading:
		return 1 << 0
	case *vaiven.Refusal:
		return 1 << 1
	case *vaiven.Gap:
		return 1 << 2
	case *vaiven.Rejected:
		return 1 << 3
	case *vaiven.SessionStart:
		return 1 << 4
	case *vaiven.SessionEnd:
		return 1 << 5
	case *vaiven.Presence:
		return 1 << 6
	case *vaiven.Report:
		return 1 << 7
	case *vaiven.Hello:
		return 1 << 8
	case *vaiven.Conflict:
		return 1 << 9
	case *vaiven.LogStart:
		return 1 << 10
	case *vaiven.Change:
		return 1 << 11
	case *vaiven.Sent:
		return 1 << 12
	case *vaiven.ChangeEnd:
		return 1 << 13
	case *vaiven.Described:
		return 1 << 14
	case *vaiven.Forgotten:
		return 1 << 15
	}
	return 1 << 31
}

// maxDevices bounds a filter's list.
const maxDevices = 1000

// Filter says which events a follower wants. The zero value passes all.
type Filter struct {
	Devices map[vaiven.Device]bool // none: all, and events of no device too
	Kinds   Kind                   // 0: all
}

func (f *Filter) passes(k Kind, d vaiven.Device) bool {
	return (f.Kinds == 0 || f.Kinds&k != 0) && (len(f.Devices) == 0 || f.Devices[d])
}

// ParseFilter reads the parameters device and kind, each a list with commas,
// each repeatable.
func ParseFilter(q url.Values) (Filter, error) {
	var f Filter
	for name := range listed(q["kind"]) {
		k := kindNamed(name)
		if k == 0 {
			return f, fmt.Errorf("kind %q: want some of %s, state, session", vaiven.Shorten(name), strings.Join(kinds[:], ", "))
		}
		f.Kinds |= k
	}
	for name := range listed(q["device"]) {
		d, err := vaiven.ParseDevice(name)
		if err != nil {
			return f, fmt.Errorf("device: %w", err)
		}
		if f.Devices == nil {
			f.Devices = make(map[vaiven.Device]bool)
		}
		if f.Devices[d] = true; len(f.Devices) > maxDevices {
			return f, fmt.Errorf("device: at most %d in one filter", maxDevices)
		}
	}
	return f, nil
}

// listed runs over what stands between the commas.
func listed(values []string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range values {
			for name := range strings.SplitSeq(v, ",") {
				if name = strings.TrimSpace(name); name != "" && !yield(name) {
					return
				}
			}
		}
	}
}
