package history

import (
	"strings"
	"testing"

	"vaiven"
)

// TestMissed: what is missing is in the manifest with the next block, is bounded, and
// keeps its times when the history goes on with another log.
func TestMissed(t *testing.T) {
	var told []Notice
	m := open(t, func(o *Options) { o.Notify = func(n Notice) { told = append(told, n) } })
	m.hours(t, 0, 3)
	wait(m.h)
	kept, newest := m.h.Kept(), m.h.saved.Newest
	m.h.Missed(kept+1, kept+9, begun+86_400_000)
	if len(told) != 1 || told[0].Missed != (Missed{kept + 1, kept + 9, newest, begun + 86_400_000}) || told[0].Hint(vaiven.Spanish) == "" {
		t.Errorf("told %+v", told)
	}
	if len(m.h.saved.Missed) != 0 {
		t.Error("it counts before a block is beyond it")
	}
	m.log = append(m.log, make([][]vaiven.Entry, 9)...)
	m.append(t, reading("101", 86_400_000, 20))
	if err := m.h.Settle(uint64(len(m.log))); err != nil {
		t.Fatal(err)
	}
	m.again(t)
	if found := m.checkFolder(t, 1000, nil); len(found.Missed) != 1 || found.Text(vaiven.English) != "" || !strings.Contains(found.MissedText(vaiven.English), "from 2026-") {
		t.Errorf("%+v: %s", found, found.MissedText(vaiven.English))
	}
	if err := m.h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Adopt(m.dir, "ff"); err != nil {
		t.Fatal(err)
	}
	m.options.Log = "ff"
	found := m.checkFolder(t, 1000, nil)
	if text := found.MissedText(vaiven.Spanish); !strings.Contains(text, "lo que llegó de 2026-") || strings.Contains(text, "entradas") {
		t.Errorf("%+v: %s", found, text)
	}
	var list []Missed
	for i := range uint64(40) {
		list = addMissed(list, Missed{10*i + 1, 10*i + 5, int64(i), int64(i) + 1})
	}
	if len(list) != maxMissed || list[0].First != 1 || list[0].From != 0 || list[maxMissed-1].First != 391 {
		t.Errorf("%+v", list)
	}
	for _, m := range []Missed{{}, {From: 1}, {To: 1}} {
		if m.Text(vaiven.English) == m.Text(vaiven.Spanish) {
			t.Errorf("%+v: %s", m, m.Text(vaiven.English))
		}
	}
}
