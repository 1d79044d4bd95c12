package vaiven

import (
	"math/bits"
	"slices"
)

// Kinds is a set of kinds of events. The zero value is empty.
type Kinds uint32

// kinds are what the kinds are called in every output, in the order of the bits
// of a set.
var kinds = [...]string{
	"reading", "refusal", "gap", "rejected", "session_start", "session_end", "presence", "report", "hello",
	"conflict", "log_start", "change", "sent", "change_end", "described", "forgotten",
	"admitted", "granted", "verified", "revoked", "opened", "denied",
}

// KindNames returns what the kinds of events are called.
func KindNames() []string { return slices.Clone(kinds[:]) }

// KindOf returns the set of an event's kind alone: a straight list, in the order
// of the names.
func KindOf(ev Event) Kinds {
	switch ev.(type) {
	case *Reading:
		return 1 << 0
	case *Refusal:
		return 1 << 1
	case *Gap:
		return 1 << 2
	case *Rejected:
		return 1 << 3
	case *SessionStart:
		return 1 << 4
	case *SessionEnd:
		return 1 << 5
	case *Presence:
		return 1 << 6
	case *Report:
		return 1 << 7
	case *Hello:
		return 1 << 8
	case *Conflict:
		return 1 << 9
	case *LogStart:
		return 1 << 10
	case *Change:
		return 1 << 11
	case *Sent:
		return 1 << 12
	case *ChangeEnd:
		return 1 << 13
	case *Described:
		return 1 << 14
	case *Forgotten:
		return 1 << 15
	case *Admitted:
		return 1 << 16
	case *Granted:
		return 1 << 17
	case *Verified:
		return 1 << 18
	case *Revoked:
		return 1 << 19
	case *Opened:
		return 1 << 20
	case *Denied:
		return 1 << 21
	}
	return 0
}

// AccessKinds are the kinds of events about who may do what, which administrators see.
const AccessKinds Kinds = 1<<16 | 1<<17 | 1<<18 | 1<<19 | 1<<20 | 1<<21

// KindsNamed returns the kinds that a word of a filter stands for: a kind's name,
// "state" for all about changes of state, "session" for both ends of sessions, "access"
// for all about who may do what;
// the empty set when it is none of these.
func KindsNamed(word string) Kinds {
	switch word {
	case "state":
		return KindOf((*Change)(nil)) | KindOf((*Sent)(nil)) | KindOf((*ChangeEnd)(nil)) | KindOf((*Report)(nil))
	case "access":
		return AccessKinds
	case "session":
		return KindOf((*SessionStart)(nil)) | KindOf((*SessionEnd)(nil))
	}
	if i := slices.Index(kinds[:], word); i >= 0 {
		return 1 << i
	}
	return 0
}

// String is the name of a set of one kind, "unknown" for any other set.
func (k Kinds) String() string {
	if i := bits.TrailingZeros32(uint32(k)); i < len(kinds) && k == 1<<i {
		return kinds[i]
	}
	return "unknown"
}
