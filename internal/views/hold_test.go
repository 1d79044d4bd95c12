package views

import (
	"slices"
	"testing"
)

// TestNothingIsTrimmedWhileHeld: a log that is old enough to be trimmed keeps its
// records and its snapshots for whoever copies it, and is trimmed afterwards.
func TestNothingIsTrimmedWhileHeld(t *testing.T) {
	log := newMemLog()
	n := startNode(t, log, t.TempDir(), 0)
	defer func() { _ = n.end() }()
	grow := func() {
		for range 10 {
			addReadings(log, 10)
			n.settle()
			n.round(false)
		}
	}
	first, second := n.pump.Hold(), n.pump.Hold()
	grow()
	begun, err := log.Snapshots(t.Context())
	if err != nil || len(begun) == 0 {
		t.Fatal(begun, err)
	}
	first()
	first()
	grow()
	now, err := log.Snapshots(t.Context())
	if err != nil || log.First() != 1 || len(now) <= len(begun) || !slices.Equal(now[:len(begun)], begun) {
		t.Errorf("held, the log begins with %d, with the snapshots %v, which were %v; %v", log.First(), now, begun, err)
	}
	second()
	grow()
	if log.First() == 1 {
		t.Error("it is never trimmed again")
	}
	n.prove()
	// A disk that is full cannot wait.
	defer n.pump.Hold()()
	held := log.First()
	grow()
	if log.First() != held {
		t.Error("held again, it is trimmed")
	}
	log.weight = leastRoom
	for range 3 {
		addReadings(log, 10)
		n.settle()
		n.round(true)
	}
	if log.First() == held {
		t.Error("a full disk got no room")
	}
}
