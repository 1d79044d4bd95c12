package stream

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vaiven"
)

const testLog = "00112233445566778899aabbccddeeff"

// TestJournalKeepsWhatIsNotFlushed writes records of all sizes around and around, and
// reads the file as a start would: at any moment it has all that is not flushed.
func TestJournalKeepsWhatIsNotFlushed(t *testing.T) {
	dir := t.TempDir()
	var logs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		j, found, err := openJournal(dir, "another log")
		if err != nil || len(found) > 0 {
			t.Fatalf("%d records, %v", len(found), err)
		}
		flushed := rapid.Uint64Range(1, 1000).Draw(t, "flushed")
		log := fmt.Sprintf("%032x", logs.Add(1))
		if err := j.begin(log, flushed); err != nil {
			t.Fatal(err)
		}
		kept := map[uint64][]byte{}
		seq := flushed
		check := func() {
			again, found, err := openJournal(dir, log)
			if err != nil {
				t.Fatal(err)
			}
			defer again.f.Close()
			want := map[uint64][]byte{}
			for _, e := range found {
				want[e.seq] = e.data
			}
			for s := flushed + 1; s <= seq; s++ {
				if !bytes.Equal(want[s], kept[s]) {
					t.Fatalf("record %d of %d..%d: %d bytes, want %d", s, flushed+1, seq, len(want[s]), len(kept[s]))
				}
			}
			if n := len(found); n > 0 && found[n-1].seq != seq {
				t.Fatalf("it ends at %d, want %d", found[n-1].seq, seq)
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				flushed = rapid.Uint64Range(flushed, seq).Draw(t, "flush")
				j.release(flushed)
			case 1:
				check()
			default:
				size := rapid.SampledFrom([]int{1, 100, journalPage - journalHead, journalPage - journalHead + 1, 60_000, MaxRecord}).Draw(t, "size")
				data := bytes.Repeat([]byte{byte(seq)}, size)
				err := j.put(seq+1, data)
				if errors.Is(err, errJournalFull) {
					if filled, _ := j.filled(); filled < 0.5 {
						t.Fatalf("full at %.2f", filled)
					}
					flushed = seq
					j.release(flushed)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				seq++
				kept[seq] = data
			}
		}
		check()
		if err := j.f.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestJournalThatIsDamaged flips bits and cuts: what is found is what was written, a
// record that was not is none, and what is in a record is never taken for one.
func TestJournalThatIsDamaged(t *testing.T) {
	dir := t.TempDir()
	j, _, err := openJournal(dir, testLog)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.begin(testLog, 1); err != nil {
		t.Fatal(err)
	}
	records := map[uint64][]byte{}
	for seq := uint64(2); seq < 12; seq++ {
		records[seq] = bytes.Repeat([]byte{byte(seq)}, int(seq)*1000)
		if err := j.put(seq, records[seq]); err != nil {
			t.Fatal(err)
		}
	}
	good, err := os.ReadFile(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	used := 30 * journalPage
	// The tenth record's copy, as somebody would send it who wants it to be taken for one.
	fake := append(make([]byte, journalPage-journalHead), good[journalPage:journalPage+journalHead]...)
	copy(fake[journalPage-journalHead+4:], "\x00\x00\x00\x00")
	records[12] = append(fake, good[journalPage*2:journalPage*3]...)
	if err := j.put(12, records[12]); err != nil {
		t.Fatal(err)
	}
	if err := j.f.Close(); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(1, seed))
		b := bytes.Clone(good)
		for range r.IntN(4) {
			b[r.IntN(used)] ^= 1 << r.IntN(8)
		}
		if r.IntN(10) == 0 {
			b = b[:r.IntN(len(b))]
		}
		path := filepath.Join(dir, JournalName)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		again, found, err := openJournal(dir, testLog)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for i, e := range found {
			if !bytes.Equal(e.data, records[e.seq]) || i > 0 && e.seq != found[i-1].seq+1 {
				t.Fatalf("seed %d: record %d is not what was written", seed, e.seq)
			}
		}
		if err := again.f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// powerLost is a log as it is when its process runs, and what of its blocks was synced.
type powerLost struct {
	synced, now string // folders
	size        int64  // of the last synced block
	last        uint32 // its index
	want        []vaiven.Record
}

// losePower writes a log of several blocks, of which some were synced.
func losePower(t *testing.T) powerLost {
	t.Helper()
	defer func(size int) { journalSize = size }(journalSize)
	journalSize = 32 << 20 // nothing is flushed but where the test says so
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	text := strings.Repeat("a long text, so that blocks are soon full. ", 800)
	add := func(n int, long bool) {
		for range n {
			evs := []vaiven.Event{reading(101, l.count()+1)}
			for range 6 {
				if long {
					evs = append(evs, &vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1, Text: text})
				}
			}
			want := l.count() + len(evs)
			l.append(evs...)
			l.await(want)
		}
	}
	add(30, true)
	add(10, false)
	p := powerLost{synced: t.TempDir(), now: t.TempDir()}
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, dir, p.synced)
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	p.size, p.last = files[len(files)-1].size, files[len(files)-1].index
	add(10, false)
	for { // up to the middle of a new block
		add(5, true)
		files, err := listBlocks(dir, "VAIVEN")
		if err != nil {
			t.Fatal(err)
		}
		if files[len(files)-1].index > p.last {
			break
		}
	}
	add(10, false)
	copyTree(t, dir, p.now)
	p.want, err = readAll(testContext(t), l.Log)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lose makes the folder as a power cut may leave it: of what was not synced, some pages
// and some files are there, and others are not. It says how.
func (p powerLost) lose(t *testing.T, r *rand.Rand, dir string) string {
	t.Helper()
	copyTree(t, p.now, dir)
	msgs := func(d string) string { return filepath.Join(streamDir(d, "VAIVEN"), "msgs") }
	var said []string
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f.name)
		if err != nil {
			t.Fatal(err)
		}
		safe := int64(0) // up to here it was synced
		if f.index == p.last {
			safe = p.size
		}
		packed := bytes.HasPrefix(b, []byte(blockPacked))
		if f.index < p.last || packed && r.IntN(2) == 0 {
			continue
		}
		old, err := os.ReadFile(filepath.Join(msgs(p.synced), filepath.Base(f.name)))
		switch gone := errors.Is(err, os.ErrNotExist); {
		case gone && (packed || r.IntN(3) == 0):
			said = append(said, fmt.Sprintf("block %d is not there", f.index))
			if err := os.Remove(f.name); err != nil {
				t.Fatal(err)
			}
			continue
		case packed: // the rename was not synced
			said = append(said, fmt.Sprintf("block %d is as it was synced", f.index))
			b = old
		case r.IntN(2) == 0:
			at := safe + r.Int64N(int64(len(b))-safe+1)
			said = append(said, fmt.Sprintf("block %d ends at %d of %d", f.index, at, len(b)))
			b = b[:at]
		default:
			for at := (safe + journalPage - 1) / journalPage * journalPage; at < int64(len(b)); at += journalPage {
				if r.IntN(4) == 0 {
					said = append(said, fmt.Sprintf("block %d has nothing at %d", f.index, at))
					clear(b[at:min(at+journalPage, int64(len(b)))])
				}
			}
		}
		if err := os.WriteFile(f.name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r.IntN(2) == 0 {
		said = append(said, "no index")
		if err := os.Remove(filepath.Join(msgs(dir), "index.db")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(p.synced, WitnessName)); err == nil && r.IntN(2) == 0 {
		said = append(said, "the witness is old")
		if err := os.WriteFile(filepath.Join(dir, WitnessName), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(said, ", ")
}

// TestPowerIsLost opens what power cuts may leave: every record is there, in its place,
// also when the power is cut again before the start has come to its end.
func TestPowerIsLost(t *testing.T) {
	p := losePower(t)
	dir := t.TempDir()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(2, seed))
		how := p.lose(t, r, dir)
		for again := range 2 {
			l, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()})
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, how, err)
			}
			got, err := readAll(testContext(t), l)
			if err != nil {
				t.Fatalf("seed %d, %s: %v", seed, how, err)
			}
			if diff := cmp.Diff(p.want, got); diff != "" {
				t.Fatalf("seed %d, %s: %s", seed, how, diff)
			}
			if again == 0 {
				killed := t.TempDir()
				copyTree(t, dir, killed)
				dir, killed = killed, dir
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestJournalDoesNotHideDamage: what was synced long ago and is damaged is refused as
// ever, whatever the journal has.
func TestJournalDoesNotHideDamage(t *testing.T) {
	p := losePower(t)
	files, err := listBlocks(p.now, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(files[0].name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0].name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	before := treeSize(t, p.now)
	if _, err := Open(testContext(t), Options{Dir: p.now, Logger: quiet()}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("it opens: %v", err)
	}
	if treeSize(t, p.now) != before {
		t.Error("the blocks were changed")
	}
}

// slowCard is a journal's file that waits before it writes, or fails.
type slowCard struct {
	journalFile
	held  sync.Mutex
	fails atomic.Bool
	tried atomic.Int64
}

func (c *slowCard) WriteAt(b []byte, at int64) (int, error) {
	c.tried.Add(1)
	c.held.Lock()
	defer c.held.Unlock()
	if c.fails.Load() {
		n, _ := c.journalFile.WriteAt(b[:len(b)/2], at)
		return n, syscall.EIO
	}
	return c.journalFile.WriteAt(b, at)
}

// TestNobodySeesWhatIsNotDurable: a record that JetStream has and the journal not yet is
// neither acknowledged nor read, and a card that fails for a while loses nothing.
func TestNobodySeesWhatIsNotDurable(t *testing.T) {
	dir, card := t.TempDir(), &slowCard{}
	l, err := launch(t, Options{Dir: dir}, func(l *Log) { card.journalFile, l.journal.f = l.journal.f, card })
	if err != nil {
		t.Fatal(err)
	}
	l.append(reading(101, 1))
	l.await(1)
	read := make(chan uint64, 16)
	go func() {
		_ = l.Read(testContext(t), 1, 0, func(r vaiven.Record) error { read <- r.Seq; return nil })
	}()
	for range 2 {
		<-read
	}
	last := l.acked.Load()
	card.held.Lock()
	tried := card.tried.Load()
	l.append(reading(101, 2))
	until(t, "the journal is written", func() bool { return card.tried.Load() > tried })
	if at, err := l.Last(testContext(t)); err != nil || at != last+1 {
		t.Fatalf("JetStream has %d, %v", at, err)
	}
	if l.count() != 1 || len(read) > 0 {
		t.Errorf("%d acknowledged, %d read", l.count(), len(read))
	}
	card.fails.Store(true)
	card.held.Unlock()
	until(t, "it is tried again", func() bool { return card.tried.Load() > tried+2 })
	if l.count() != 1 || len(read) > 0 {
		t.Errorf("%d acknowledged, %d read", l.count(), len(read))
	}
	card.fails.Store(false)
	l.await(2)
	if seq := <-read; seq != last+1 {
		t.Errorf("read %d, want %d", seq, last+1)
	}
}

// TestFullJournalWaitsForTheBlocks: while the blocks cannot be synced, the log goes on
// until the journal is full, and then waits.
func TestFullJournalWaitsForTheBlocks(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	l.flusher.mu.Lock()
	text := strings.Repeat("a long text, so that the journal is soon full. ", 800)
	n := 0
	full := func() bool { filled, _ := l.journal.filled(); return filled > 0.9 }
	for ; !full(); n++ {
		l.append(&vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1, Text: text})
		l.await(n + 1)
	}
	for range 100 {
		l.append(&vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1, Text: text})
	}
	until(t, "the log waits", func() bool { return l.Health() != nil })
	if l.count() == n+100 {
		t.Error("all was taken")
	}
	l.flusher.mu.Unlock()
	l.await(n + 100)
	until(t, "the log goes on", func() bool { return l.Health() == nil })
}

// TestNoJournal: where there can be none, JetStream syncs every record.
func TestNoJournal(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, JournalName), 0o700); err != nil {
		t.Fatal(err)
	}
	l := start(t, Options{Dir: dir})
	l.append(reading(101, 1))
	l.await(1)
	if l.journal != nil || !l.Durability().Synced {
		t.Error("there is a journal")
	}
	l.check()
}

// TestDiskThatFailedIsWrittenAgain: a system that failed to write a page may take it for
// written, so a flush behind an error writes the blocks once more.
func TestDiskThatFailedIsWrittenAgain(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	l.append(reading(101, 1))
	l.await(1)
	files, err := listBlocks(l.o.Dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(files[0].name)
	if err != nil {
		t.Fatal(err)
	}
	l.flusher.failed.Add(1)
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(files[0].name)
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().After(before.ModTime()) || after.Size() != before.Size() {
		t.Errorf("written at %v, then %v", before.ModTime(), after.ModTime())
	}
	l.check()
}

// TestSystemThatForgot: what the system has lost behind an error of the disk is not taken
// for synced: the journal keeps it, and the next start writes it again.
func TestSystemThatForgot(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(3, 10)
	if err := l.flush(); err != nil {
		t.Fatal(err)
	}
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	l.write(3, 10)
	want, err := readAll(testContext(t), l.Log)
	if err != nil {
		t.Fatal(err)
	}
	l.flusher.mu.Lock() // the flusher tries again later
	if err := os.Truncate(files[0].name, files[0].size); err != nil {
		t.Fatal(err)
	}
	l.flusher.failed.Add(1)
	l.flusher.mu.Unlock()
	var lost *LostRecordsError
	if err := l.flush(); !errors.As(err, &lost) {
		t.Fatalf("flushed: %v", err)
	}
	l.askFlush()
	select {
	case <-l.flusher.lost:
	case <-time.After(deadline):
		t.Fatal("nobody is told")
	}
	cut := t.TempDir()
	defer func() { // nothing more is acknowledged
		l.append(reading(101, 1000))
		err := <-l.done
		l.done <- err
		if !errors.Is(err, ErrUncertain) {
			t.Errorf("Run ended with %v", err)
		}
	}()
	copyTree(t, dir, cut)
	again := start(t, Options{Dir: cut})
	got, err := readAll(testContext(t), again.Log)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSnapshotsAreWrittenAgain behind an error of the disk, before anything is trimmed
// that they stand for.
func TestSnapshotsAreWrittenAgain(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	l.write(3, 10)
	l.put(2, []byte("what the views know"))
	block := filepath.Join(streamDir(l.o.Dir, "VAIVEN-SNAPSHOTS"), "msgs", "1.blk")
	before, err := os.Stat(block)
	if err != nil {
		t.Fatal(err)
	}
	l.flusher.failed.Add(1)
	l.put(2, []byte("what the views know")) // it is there
	after, err := os.Stat(block)
	if err != nil {
		t.Fatal(err)
	}
	if !after.ModTime().After(before.ModTime()) || after.Size() != before.Size() {
		t.Errorf("written at %v, then %v", before.ModTime(), after.ModTime())
	}
}
