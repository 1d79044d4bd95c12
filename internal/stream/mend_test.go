package stream

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSnapshotOfWhatOnlyTheJournalHas: a snapshot is durable before the blocks are synced.
func TestSnapshotOfWhatOnlyTheJournalHas(t *testing.T) {
	dir, synced, cut := t.TempDir(), t.TempDir(), t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(5, 10)
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, dir, synced)
	l.write(5, 10)
	last, err := l.Last(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	l.put(last, []byte("what the views know"))
	want, err := readAll(testContext(t), l.Log)
	if err != nil {
		t.Fatal(err)
	}
	copyTree(t, dir, cut)
	old, err := os.ReadFile(filepath.Join(streamDir(synced, "VAIVEN"), "msgs", "1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(streamDir(cut, "VAIVEN"), "msgs", "1.blk"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := Open(testContext(t), Options{Dir: cut, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	got, err := readAll(testContext(t), again)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestPackedBlockIsTheLast: the block that followed was not there yet.
func TestPackedBlockIsTheLast(t *testing.T) {
	p := losePower(t)
	dir := p.now
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	last := files[len(files)-1]
	if err := os.Remove(last.name); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{JournalName, WitnessName} {
		if err := os.Remove(filepath.Join(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 3 {
		l, err := tryStart(t, Options{Dir: dir})
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		l.append(reading(101, 1))
		l.await(1)
		l.check()
		copied := t.TempDir()
		copyTree(t, dir, copied)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		dir = copied
	}
}

// TestStaleJournal: a journal that another start passed over is not believed.
func TestStaleJournal(t *testing.T) {
	p := losePower(t)
	dir := p.now
	// The power cut: the blocks as they were synced, and the witness, too.
	msgs := func(d string) string { return filepath.Join(streamDir(d, "VAIVEN"), "msgs") }
	if err := os.RemoveAll(msgs(dir)); err != nil {
		t.Fatal(err)
	}
	copyTree(t, msgs(p.synced), msgs(dir))
	b, err := os.ReadFile(filepath.Join(p.synced, WitnessName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, WitnessName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	// A start of an older vaiven: it has no journal, and its witness says nothing of one.
	stale, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, JournalName)); err != nil {
		t.Fatal(err)
	}
	l := start(t, Options{Dir: dir})
	l.append(reading(999, 1))
	l.await(1)
	want, err := readAll(testContext(t), l.Log)
	if err != nil {
		t.Fatal(err)
	}
	killed := t.TempDir()
	copyTree(t, dir, killed)
	if err := os.WriteFile(filepath.Join(killed, JournalName), stale, 0o600); err != nil {
		t.Fatal(err)
	}
	w, m, err := openWitness(killed)
	if err != nil {
		t.Fatal(err)
	}
	m.journaled = false
	if err := errors.Join(w.start(m), w.close(false)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r := start(t, Options{Dir: killed})
		got, err := readAll(testContext(t), r.Log)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("records were changed: %d, %d", len(want), len(got))
		}
		r.append(reading(998, 1))
		r.await(1)
		if want, err = readAll(testContext(t), r.Log); err != nil {
			t.Fatal(err)
		}
		next := t.TempDir()
		copyTree(t, killed, next)
		killed = next
	}
}

// TestHoleInTheJournal: that the newest records are lost is known, and said.
func TestHoleInTheJournal(t *testing.T) {
	dir, synced := t.TempDir(), t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(5, 10)
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, dir, synced)
	l.write(10, 10)
	at := int64(0)
	l.journal.mu.Lock()
	for _, p := range l.journal.inside[len(l.journal.inside)-5:][:1] {
		at = int64(p.page) * journalPage
	}
	l.journal.mu.Unlock()
	b, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	b[at+journalHead] ^= 1
	if err := os.WriteFile(filepath.Join(synced, JournalName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Open(testContext(t), Options{Dir: synced, Logger: quiet()})
	var lost *LostRecordsError
	if !errors.As(err, &lost) {
		t.Fatalf("it opens: %v", err)
	}
}

// TestJournalLengthThatCannotBe: a length is not believed before the checksum is, also
// where an int has 32 bits.
func TestJournalLengthThatCannotBe(t *testing.T) {
	j := &journal{}
	b := make([]byte, 3*journalPage)
	copy(b[journalPage:], magicEntry)
	for i := range 4 {
		b[journalPage+40+i] = 0xff
	}
	if found := j.scan(b, testLog); len(found) > 0 {
		t.Errorf("%d records", len(found))
	}
	b[journalPage+43] = 0x7f
	if found := j.scan(b, testLog); len(found) > 0 {
		t.Errorf("%d records", len(found))
	}
}

// TestNothingIsCutBesideDamage: when an old block is damaged, the newest ones stay as the
// power cut left them.
func TestNothingIsCutBesideDamage(t *testing.T) {
	dir, running := t.TempDir(), t.TempDir()
	l := start(t, Options{Dir: running})
	l.write(300, 30_000)
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	l.write(3, 10)
	copyTree(t, running, dir)
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil || len(files) < 2 {
		t.Fatalf("%d blocks, %v", len(files), err)
	}
	b, err := os.ReadFile(files[0].name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0].name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	last := files[len(files)-1]
	torn := last.size - 20
	if err := os.Truncate(last.name, torn); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("it opens: %v", err)
	}
	if fi, err := os.Stat(last.name); err != nil || fi.Size() != torn {
		t.Errorf("it was cut off: %v, %v", fi.Size(), err)
	}
}

// TestOlderCopyBesideANewerJournal: what a journal had before a start is no record after
// it, wherever the log stood then.
func TestOlderCopyBesideANewerJournal(t *testing.T) {
	dir, older, cut := t.TempDir(), t.TempDir(), t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(3, 10)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, dir, older)
	l = start(t, Options{Dir: dir})
	l.write(20, 10)
	b, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(older, JournalName), b, 0o600); err != nil {
		t.Fatal(err)
	}
	l = start(t, Options{Dir: older})
	l.append(reading(999, 1))
	l.await(1)
	want, err := readAll(testContext(t), l.Log)
	if err != nil {
		t.Fatal(err)
	}
	copyTree(t, older, cut)
	again := start(t, Options{Dir: cut})
	got, err := readAll(testContext(t), again.Log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%d records, %d before", len(got), len(want))
	}
}
