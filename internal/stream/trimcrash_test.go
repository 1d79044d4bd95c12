package stream

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// killed copies a running log's folder: what is there when the process dies now.
func (r *running) killed() string {
	r.t.Helper()
	dir := r.t.TempDir()
	copyTree(r.t, r.o.Dir, dir)
	return dir
}

// threeBlocks is a log of 450 records in three blocks, with a snapshot at record 330,
// which is in the second.
func threeBlocks(t *testing.T) *running {
	t.Helper()
	l := start(t, Options{Dir: t.TempDir()})
	l.write(449, 40_000)
	l.put(330, []byte("here"))
	files, err := listBlocks(l.o.Dir, "VAIVEN")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d blocks, %v", len(files), err)
	}
	return l
}

// TestKilledWhileTrimming dies behind each step of a Trim. Whatever was done, the next
// start has the whole log, or the trimmed one.
func TestKilledWhileTrimming(t *testing.T) {
	l := threeBlocks(t)
	ctx := testContext(t)
	const first, last = 331, 450
	then := func(name, dir string, first uint64) {
		t.Run(name, func(t *testing.T) {
			l := start(t, Options{Dir: dir})
			l.holds(first, last)
			l.write(1, 10)
			if err := l.Trim(ctx, 330); err != nil {
				t.Error(err)
			}
			l.holds(331, last+1)
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			start(t, Options{Dir: dir}).holds(331, last+1)
		})
	}
	then("behind the snapshot", l.killed(), 1)
	s, _ := l.current()
	if got, err := l.putTrimMark(ctx, s, first); err != nil || got != first {
		t.Fatal(got, err)
	}
	then("behind the mark", l.killed(), first)
	then("behind the mark, and the purge got ahead of the witness", without(t, l.killed(), 1), first)
	if err := l.witness.moveFirst(first); err != nil {
		t.Fatal(err)
	}
	then("behind the witness", l.killed(), first)
	then("half of the purge", without(t, l.killed(), 1), first)
	then("half of the purge, and the witness is gone", without(t, l.killed(), 1, WitnessName), first)
	st, err := s.state(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.purgeBefore(ctx, s, st, first); err != nil {
		t.Fatal(err)
	}
	then("behind the purge", l.killed(), first)
	then("behind the purge, and the witness is gone", without(t, l.killed(), 0, WitnessName), first)
}

// without removes a block, and files, of a folder.
func without(t *testing.T, dir string, block uint32, names ...string) string {
	t.Helper()
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.index == block {
			if err := os.Remove(f.name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAPurgeThatLostItsOrder: a power cut may keep what was removed later, and not what
// was removed sooner.
func TestAPurgeThatLostItsOrder(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	l.write(440, 40_000)
	l.put(438, []byte("here"))
	ctx := testContext(t)
	s, _ := l.current()
	if _, err := l.putTrimMark(ctx, s, 439); err != nil {
		t.Fatal(err)
	}
	if err := l.witness.moveFirst(439); err != nil {
		t.Fatal(err)
	}
	start(t, Options{Dir: without(t, l.killed(), 2)}).holds(439, 441)
}

// TestWhatIsLostIsNotCalledTrimmed: that there are snapshots, or that the log was
// trimmed once, excuses no record that was not trimmed.
func TestWhatIsLostIsNotCalledTrimmed(t *testing.T) {
	l := threeBlocks(t)
	ctx := testContext(t)
	snapshots := filepath.Join("jetstream", "$G", "streams", "VAIVEN-SNAPSHOTS")
	refused := func(name, dir string, got uint64) {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the refusal changes nothing that a second look would believe
				_, err := Open(ctx, Options{Dir: dir, Logger: quiet()})
				var missing *MissingError
				if !errors.As(err, &missing) || missing.Got < got {
					t.Fatalf("open: %v", err)
				}
			}
		})
	}
	refused("a block, in a log with a snapshot", without(t, l.killed(), 1), 2)
	refused("a block, and the witness", without(t, l.killed(), 1, WitnessName), 2)
	l.put(100, []byte("older"))
	if err := l.Trim(ctx, 100); err != nil {
		t.Fatal(err)
	}
	refused("a block behind the trim", without(t, l.killed(), 1), 102)
	refused("a block behind the trim, and the witness", without(t, l.killed(), 1, WitnessName), 102)
	start(t, Options{Dir: l.killed()}).holds(101, 450)
	start(t, Options{Dir: without(t, l.killed(), 0, snapshots)}).holds(1, 450) // no file has gone yet
	if err := l.DropSnapshot(ctx, 100); err != nil {
		t.Fatal(err)
	}
	if err := l.Trim(ctx, 330); err != nil {
		t.Fatal(err)
	}
	refused("the snapshots", without(t, l.killed(), 0, snapshots), 102)
	refused("the snapshots, and the witness", without(t, l.killed(), 0, snapshots, WitnessName), 102)
	start(t, Options{Dir: l.killed()}).holds(331, 450)
}

// TestASnapshotAheadOfTheLog is a witness: the log has lost what it covers.
func TestASnapshotAheadOfTheLog(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(5, 10)
	l.put(7, []byte("ahead"))
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	_, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()})
	var lost *LostRecordsError
	if !errors.As(err, &lost) || lost.Have != 6 || lost.Want != 7 {
		t.Errorf("open: %v", err)
	}
}

// TestKilledWhileASnapshotIsPut dies behind each piece: what was cut short is seen by
// nobody, and the next snapshot removes it.
func TestKilledWhileASnapshotIsPut(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	l.write(5, 10)
	l.put(3, []byte("three"))
	ctx := testContext(t)
	s, _ := l.current()
	data := noise(1, 2*chunkData+10)
	for n := range uint32(3) {
		b, err := appendPiece(nil, piece{magic: magicChunk, log: l.ID(), pos: 5, index: n, data: data[int(n)*chunkData : min(int(n+1)*chunkData, len(data))]})
		if err == nil {
			err = s.putPiece(ctx, s.snapshotSubject("5", "dead"), b)
		}
		if err != nil {
			t.Fatal(err)
		}
		dead := start(t, Options{Dir: l.killed()})
		if infos, err := dead.Snapshots(ctx); err != nil || len(infos) != 1 || infos[0].Pos != 3 {
			t.Errorf("behind %d pieces: %v, %v", n+1, infos, err)
		}
		if _, err := dead.Snapshot(ctx, 5); !errors.Is(err, ErrNoSnapshot) {
			t.Errorf("behind %d pieces: %v", n+1, err)
		}
		dead.put(5, data)
		if got, err := dead.Snapshot(ctx, 5); err != nil || len(got) != len(data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		now, _ := dead.current()
		all, err := dead.listKept(ctx, now, false)
		if err != nil || len(all) != 2 {
			t.Errorf("%d attempts are there, %v", len(all), err)
		}
		if err := dead.stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestADamagedSnapshotIsNotTrimmedBehind: the log is not cut at what cannot be read.
func TestADamagedSnapshotIsNotTrimmedBehind(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	l.write(5, 10)
	ctx := testContext(t)
	l.put(2, []byte("two")) // makes the stream
	if err := l.DropSnapshot(ctx, 2); err != nil {
		t.Fatal(err)
	}
	s, _ := l.current()
	for _, p := range []piece{
		{magic: magicChunk, log: l.ID(), pos: 3, data: []byte("others")},
		{magic: magicSeal, log: l.ID(), pos: 3, at: 1, size: 6, chunks: 1, sum: 1},
	} {
		b, err := appendPiece(nil, p)
		if err == nil {
			err = s.putPiece(ctx, s.snapshotSubject("3", "bad"), b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Snapshot(ctx, 3); !errors.Is(err, ErrCorrupt) {
		t.Errorf("snapshot: %v", err)
	}
	if err := l.Trim(ctx, 3); !errors.Is(err, ErrCorrupt) {
		t.Errorf("trim: %v", err)
	}
	l.holds(1, 6)
}

// oldLog makes a log as earlier versions did: its stream has no metadata, and no
// compression.
func oldLog(t *testing.T, srv *server.Server, records int) {
	t.Helper()
	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{}.withDefaults()
	cfg := streamConfig(&o, subjectOf(o.Stream))
	cfg.Compression = jetstream.NoCompression
	ctx := testContext(t)
	if _, err := js.CreateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	for n := range records {
		evs := []vaiven.Event{reading(1, n)}
		if n == 0 {
			evs = []vaiven.Event{&vaiven.LogStart{Log: "00112233445566778899aabbccddeeff"}}
		}
		if _, err := js.Publish(ctx, subjectOf(o.Stream), encoded(t, vaiven.Record{Writer: 9, N: uint64(n + 1), Events: evs})); err != nil {
			t.Fatal(err)
		}
	}
}

// TestALogOfAnEarlierVersion opens as before, and can be trimmed from then on.
func TestALogOfAnEarlierVersion(t *testing.T) {
	life := func(t *testing.T, open func() *running) {
		l := open()
		if l.ID() != "00112233445566778899aabbccddeeff" {
			t.Errorf("the log is %s", l.ID())
		}
		l.holds(1, 20)
		s, _ := l.current()
		stream, err := s.js.Stream(testContext(t), "VAIVEN")
		if err != nil || stream.CachedInfo().Config.Compression != jetstream.S2Compression {
			t.Errorf("compression %v, %v", stream.CachedInfo().Config.Compression, err)
		}
		l.put(10, []byte("ten"))
		if err := l.Trim(testContext(t), 10); err != nil {
			t.Fatal(err)
		}
		l.holds(11, 20)
		if err := l.stop(); err != nil {
			t.Fatal(err)
		}
		l = open()
		l.holds(11, 20)
		if l.ID() != "00112233445566778899aabbccddeeff" {
			t.Errorf("the log is %s after it was trimmed", l.ID())
		}
	}
	t.Run("in a folder", func(t *testing.T) {
		dir := t.TempDir()
		srv := machine(t, dir, 0, nil)
		oldLog(t, srv, 20)
		shutdown(srv)
		life(t, func() *running { return start(t, Options{Dir: dir}) })
	})
	t.Run("on a server", func(t *testing.T) {
		srv := machine(t, t.TempDir(), 0, nil)
		oldLog(t, srv, 20)
		life(t, func() *running { return start(t, Options{URL: srv.ClientURL()}) })
	})
}
