package api

import (
	"slices"

	"vaiven"
)

// kinds are all kinds of events.
var kinds = []string{
	"reading", "refusal", "gap", "rejected", "session_start", "session_end", "presence", "report", "hello", "conflict",
	"log_start", "change", "sent", "change_end", "described", "forgotten",
}

// Kinds returns the kinds of events there are.
func Kinds() []string { return append([]string(nil), kinds...) }

// KindsNamed returns the kinds that a filter's word stands for: a kind, "state"
// for all about changes of state, "session" for sessions; nothing when it is
// none of these.
func KindsNamed(word string) []string {
	switch {
	case word == "state":
		return []string{"change", "sent", "change_end", "report"}
	case word == "session":
		return []string{"session_start", "session_end"}
	case slices.Contains(kinds, word):
		return []string{word}
	}
	return nil
}

// Kind is what an event is called in JSON.
func Kind(ev vaiven.Event) string {
	switch ev.(type) {
	case *vaiven.Reading:
		return "reading"
	case *vaiven.Refusal:
		return "refusal"
	case *vaiven.Gap:
		return "gap"
	case *vaiven.Rejected:
		return "rejected"
	case *vaiven.SessionStart:
		return "session_start"
	case *vaiven.SessionEnd:
		return "session_end"
	case *vaiven.Presence:
		return "presence"
	case *vaiven.Report:
		return "report"
	case *vaiven.Hello:
		return "hello"
	case *vaiven.Conflict:
		return "conflict"
	case *vaiven.LogStart:
		return "log_start"
	case *vaiven.Change:
		return "change"
	case *vaiven.Sent:
		return "sent"
	case *vaiven.ChangeEnd:
		return "change_end"
	case *vaiven.Described:
		return "described"
	case *vaiven.Forgotten:
		return "forgotten"
	}
	return "unknown"
}
