package vaiven

import "testing"

func TestEveryKindHasItsName(t *testing.T) {
	events := []Event{
		&Reading{}, &Refusal{}, &Gap{}, &Rejected{}, &SessionStart{}, &SessionEnd{}, &Presence{}, &Report{}, &Hello{},
		&Conflict{}, &LogStart{}, &Change{}, &Sent{}, &ChangeEnd{}, &Described{}, &Forgotten{},
	}
	if len(events) != len(KindNames()) {
		t.Fatalf("%d events, %d names", len(events), len(KindNames()))
	}
	all := Kinds(0)
	for i, ev := range events {
		k := KindOf(ev)
		if name := KindNames()[i]; k.String() != name || KindsNamed(name) != k || all&k != 0 {
			t.Errorf("%T is called %q, want %q", ev, k, name)
		}
		all |= k
	}
	if KindsNamed("state") != KindsNamed("change")|KindsNamed("sent")|KindsNamed("change_end")|KindsNamed("report") ||
		KindsNamed("session") != KindsNamed("session_start")|KindsNamed("session_end") {
		t.Error("a group is another")
	}
	if KindsNamed("moonrise") != 0 || KindOf(nil) != 0 || all.String() != "unknown" || Kinds(0).String() != "unknown" {
		t.Error("what is no kind has a name")
	}
}
