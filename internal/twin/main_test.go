package twin

import (
	"bytes"
	"fmt"
	"testing"

	"vaiven"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

func at(ms int64) vaiven.Stamp { return vaiven.Stamp{At: ms, Synced: true} }

func key(n int) vaiven.Key { return vaiven.Key(fmt.Sprintf("%016x", n)) }

// values reads "LED", 1, "RELAY", 0.
func values(pairs ...any) []vaiven.Value {
	var out []vaiven.Value
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		num, _ := pairs[i+1].(int)
		out = append(out, vaiven.Value{Name: name, Num: float64(num)})
	}
	return out
}

func entries(events ...vaiven.Event) []vaiven.Entry {
	list := make([]vaiven.Entry, len(events))
	for i, e := range events {
		list[i] = vaiven.Entry{ID: vaiven.ID{Record: 1, Index: uint32(i)}, Event: e}
	}
	return list
}

func apply(t testing.TB, tw *Twin, events ...vaiven.Event) {
	t.Helper()
	if err := tw.Apply(1, entries(events...)); err != nil {
		t.Fatal(err)
	}
}

// Words for stories about device 101.
func set(ms int64, n int, pairs ...any) *vaiven.Change {
	return &vaiven.Change{Stamp: at(ms), Device: "101", Key: key(n), States: values(pairs...), By: "test"}
}

func until(e *vaiven.Change, deadline int64) *vaiven.Change {
	e.Deadline = deadline
	return e
}

func onlyIf(e *vaiven.Change, rev uint64) *vaiven.Change {
	e.HasIf, e.If = true, rev
	return e
}

func ends(ms int64, n int, o vaiven.Outcome) *vaiven.ChangeEnd {
	return &vaiven.ChangeEnd{Stamp: at(ms), Device: "101", Key: key(n), Outcome: o}
}

func reports(ms int64, rev uint64, pairs ...any) *vaiven.Report {
	return &vaiven.Report{Stamp: at(ms), Device: "101", Boot: "aaaaaaaa", Rev: rev, States: values(pairs...)}
}

// snap is the twin's snapshot; that of a twin restored from it must be the same.
func snap(t testing.TB, tw *Twin) []byte {
	t.Helper()
	b, err := tw.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := New(Options{})
	if err := again.Restore(b); err != nil {
		t.Fatal(err)
	}
	c, err := again.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b, c) {
		t.Fatalf("restored:\n%s\nwas:\n%s", c, b)
	}
	return b
}
