package views

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

func splitFields(s string) []string { return strings.Fields(s) }

func TestPumpHandsEachRecordOnAndContinuesFromItsCheckpoint(t *testing.T) {
	dir, log := t.TempDir(), newMemLog()
	for i := range uint64(20) {
		log.add(reading("101", "9f3c02aa", i+1))
	}
	view := &tape{name: "a"}
	p, stop := running(t, Options{Source: log, Views: []View{view}, Dir: dir})
	pos := log.add(reading("101", "9f3c02aa", 21), reading("101", "9f3c02aa", 20))
	waitFor(t, p, pos)
	if diff := cmp.Diff(log.want(t), view.all()); diff != "" {
		t.Error(diff)
	}
	if s := p.Settled("101", "9f3c02aa"); s != (vaiven.Settled{Known: true, Top: 21, Max: 21, Has: 21, Taken: s.Taken, Every: s.Every}) {
		t.Errorf("Settled = %+v", s)
	}
	stop()

	pos = log.add(reading("101", "9f3c02aa", 22))
	again := &tape{name: "a"}
	p, stop = running(t, Options{Source: log, Views: []View{again}, Dir: dir})
	defer stop()
	waitFor(t, p, pos)
	if diff := cmp.Diff(log.want(t), again.all()); diff != "" {
		t.Error(diff)
	}
	if again.resets != 0 {
		t.Error("the checkpoint was not used")
	}
}
