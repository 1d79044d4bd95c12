package history

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// checkFolder compares a log with the folder.
func (m *mirror) checkFolder(t fatal, window int, log [][]vaiven.Entry) Check {
	c, err := OpenChecker(m.dir, m.options.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.window = window
	for i, entries := range log {
		if err := c.Apply(uint64(i+1), entries); err != nil {
			t.Fatal(err)
		}
	}
	found, err := c.Finish(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestCheckSaysWhatIsWrong: a log that says more, or otherwise, than the blocks, and a
// block with a byte changed.
func TestCheckSaysWhatIsWrong(t *testing.T) {
	m := open(t)
	m.hours(t, 0, 5)
	if err := m.h.Settle(uint64(len(m.log))); err != nil {
		t.Fatal(err)
	}
	wait(m.h)
	all := 2 * uint64(len(m.log))
	if found := m.checkFolder(t, 100, m.log); found.Samples != all || found.Text(vaiven.English) != "" {
		t.Errorf("%+v; want %d", found, all)
	}
	record := func(r *vaiven.Reading) []vaiven.Entry { return []vaiven.Entry{{Event: r}} }
	for name, c := range map[string]struct {
		change             func(log [][]vaiven.Entry)
		missing, different uint64
		english, spanish   string
	}{
		"another value":   {func(log [][]vaiven.Entry) { log[77] = record(reading("101", 77*15_000, 99)) }, 0, 1, "1 are others", "1 son otros"},
		"another time":    {func(log [][]vaiven.Entry) { log[77] = record(reading("101", 77*15_000+1, 20)) }, 2, 0, "2 are missing", "faltan 2"},
		"another board":   {func(log [][]vaiven.Entry) { log[77] = record(reading("102", 77*15_000, 20)) }, 2, 0, "of 102 at", "de 102 a las"},
		"one less":        {func(log [][]vaiven.Entry) { log[77] = nil }, 0, 0, "", ""},
		"very late, gone": {func(log [][]vaiven.Entry) { log[77] = record(measured("101", 77*15_000, -86_400_000, 20)) }, 2, 0, "2 are missing", "faltan 2"},
	} {
		log := slices.Clone(m.log)
		c.change(log)
		found := m.checkFolder(t, 100, log)
		if found.Missing != c.missing || found.Different != c.different ||
			!strings.Contains(found.Text(vaiven.English), c.english) || !strings.Contains(found.Text(vaiven.Spanish), c.spanish) {
			t.Errorf("%s: %+v: %s; %s", name, found, found.Text(vaiven.English), found.Text(vaiven.Spanish))
		}
	}
	if found := m.checkFolder(t, 100, append(slices.Clone(m.log), record(reading("101", 86_400_000, 20)))); found.Samples != all {
		t.Errorf("%+v: what is behind Kept was compared", found)
	}
	path := filepath.Join(m.h.blocks[0].dir, chunksName, "000001")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if found := m.checkFolder(t, 100, m.log); found.Missing == 0 || found.Err == nil || !strings.Contains(found.Text(vaiven.English), filepath.Base(m.h.blocks[0].dir)) {
		t.Errorf("%+v", found)
	}
	m.options.Log = "ff"
	if found := m.checkFolder(t, 100, m.log); found.Samples > 0 {
		t.Errorf("%+v of another log", found)
	}
}

// TestSettleOfNothing: a log without a sample does not hold up its trimming.
func TestSettleOfNothing(t *testing.T) {
	m := open(t)
	m.append(t, &vaiven.Presence{Stamp: vaiven.Stamp{At: begun}, Device: "101"})
	if err := m.h.Settle(7); err != nil || m.h.Kept() != 7 || m.h.Stats().Blocks != 0 {
		t.Fatalf("kept %d, %+v, %v", m.h.Kept(), m.h.Stats(), err)
	}
	m.again(t)
	if m.h.Kept() != 7 {
		t.Errorf("kept %d", m.h.Kept())
	}
}

// TestCheckKnowsWhatWasRemoved: what is older than is kept, or was too much, is not
// missing, however late more of that time comes.
func TestCheckKnowsWhatWasRemoved(t *testing.T) {
	m := open(t, func(o *Options) { o.Keep, o.cut = 5*vaiven.Day, 6*time.Hour })
	check := func() {
		t.Helper()
		if err := m.h.Settle(uint64(len(m.log))); err != nil {
			t.Fatal(err)
		}
		wait(m.h)
		found := m.checkFolder(t, 1000, m.log)
		if found.Samples == 0 || found.Samples >= 2*uint64(len(m.log)) || found.Text(vaiven.English) != "" {
			t.Errorf("%+v: %s", found, found.Text(vaiven.English))
		}
	}
	m.hours(t, 0, 12*24)
	m.append(t, measured("101", 12*86_400_000, 86_400_000, 9))
	check()
	m.options.MaxBytes = m.h.Stats().Bytes / 2
	m.again(t)
	m.hours(t, 12*24+1, 13*24)
	check()
	m.append(t, measured("101", 13*86_400_000, 9*86_400_000+7, 9))
	check()
}
