package stream

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

// noise is data that no compression makes smaller, always the same for a seed.
func noise(seed uint64, size int) []byte {
	b := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// write appends records one by one, each with noise so that blocks fill soon.
func (r *running) write(records, textSize int) {
	r.t.Helper()
	for range records {
		n := r.count()
		text := hex.EncodeToString(noise(uint64(n), textSize/2))
		r.append(reading(101, n+1), &vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1, Text: text})
		r.await(n + 2)
	}
}

// put keeps a snapshot at a record.
func (r *running) put(pos uint64, data []byte) {
	r.t.Helper()
	if err := r.PutSnapshot(testContext(r.t), vaiven.SnapshotInfo{Pos: pos, At: int64(pos) * 1000}, data); err != nil {
		r.t.Fatal(err)
	}
}

// holds checks that the log begins at first, and has all from there on; and that what
// is before is said to be trimmed.
func (r *running) holds(first, last uint64) {
	r.t.Helper()
	ctx := testContext(r.t)
	if got := r.First(); got != first {
		r.t.Errorf("the log begins at %d, want %d", got, first)
	}
	n := first
	err := r.Read(ctx, first, last, func(rec vaiven.Record) error {
		if rec.Seq != n {
			r.t.Errorf("record %d where %d is expected", rec.Seq, n)
		}
		n++
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	if first == r.genesis {
		return
	}
	var trimmed *TrimmedError
	err = r.Read(ctx, first-1, 0, func(vaiven.Record) error { return errors.New("it is there") })
	if !errors.As(err, &trimmed) || trimmed.Want != first-1 || trimmed.First != first {
		r.t.Errorf("read from %d: %v", first-1, err)
	}
}

func TestSnapshotsAreKeptBesideTheLog(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(5, 10)
	ctx := testContext(t)
	if infos, err := l.Snapshots(ctx); err != nil || len(infos) != 0 {
		t.Errorf("at first %v, %v", infos, err)
	}
	if _, err := l.Snapshot(ctx, 3); !errors.Is(err, ErrNoSnapshot) {
		t.Errorf("a snapshot that is not there: %v", err)
	}
	small, large := []byte("a small one"), noise(1, 3*chunkData+17)
	l.put(5, large)
	l.put(3, small)
	l.put(2, nil)
	l.put(5, []byte("there is one already"))
	want := []vaiven.SnapshotInfo{{Pos: 2, At: 2000}, {Pos: 3, At: 3000, Size: int64(len(small))}, {Pos: 5, At: 5000, Size: int64(len(large))}}
	check := func(l *running) {
		t.Helper()
		infos, err := l.Snapshots(ctx)
		if err != nil || !cmp.Equal(infos, want) {
			t.Errorf("%v, %v", infos, err)
		}
		for pos, data := range map[uint64][]byte{2: nil, 3: small, 5: large} {
			if got, err := l.Snapshot(ctx, pos); err != nil || !bytes.Equal(got, data) {
				t.Errorf("at %d: %d bytes, %v", pos, len(got), err)
			}
		}
	}
	check(l)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	l = start(t, Options{Dir: dir})
	check(l)
	for range 2 {
		if err := l.DropSnapshot(ctx, 3); err != nil {
			t.Error(err)
		}
	}
	if infos, err := l.Snapshots(ctx); err != nil || len(infos) != 2 {
		t.Errorf("%v, %v", infos, err)
	}
	l.check()
}

// TestTrimming goes through the life of a log that is trimmed again and again, closed
// and opened in between: in one block, and over several of which the first are compressed.
func TestTrimming(t *testing.T) {
	for name, c := range map[string]struct {
		records  int
		textSize int
		a, b     uint64
	}{
		"in one block": {100, 10, 50, 90},
		"over blocks":  {450, 40_000, 30, 330},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			l := start(t, Options{Dir: dir})
			l.write(c.records, c.textSize)
			id, last := l.ID(), uint64(c.records)+1
			ctx := testContext(t)
			if err := l.Trim(ctx, c.a); !errors.Is(err, ErrNoSnapshot) {
				t.Errorf("without a snapshot: %v", err)
			}
			l.put(c.a, []byte("a"))
			l.put(c.b, []byte("b"))
			for _, through := range []uint64{c.a - 1, c.a + 1, c.b} {
				if err := l.Trim(ctx, through); !errors.Is(err, ErrNoSnapshot) {
					t.Errorf("trim %d: %v", through, err)
				}
			}
			l.holds(1, last)
			for range 2 {
				if err := l.Trim(ctx, c.a); err != nil {
					t.Fatal(err)
				}
			}
			l.holds(c.a+1, last)
			l.write(3, c.textSize)
			last += 3
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l = start(t, Options{Dir: dir})
			l.holds(c.a+1, last)
			if l.ID() != id {
				t.Errorf("the log is %s, was %s", l.ID(), id)
			}
			if err := l.DropSnapshot(ctx, c.a); err != nil {
				t.Fatal(err)
			}
			if err := l.DropSnapshot(ctx, c.b); !errors.Is(err, ErrNeeded) {
				t.Errorf("the only snapshot goes: %v", err)
			}
			size, err := l.Size(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Trim(ctx, c.b); err != nil {
				t.Fatal(err)
			}
			l.holds(c.b+1, last)
			if now, err := l.Size(ctx); err != nil || c.textSize > 1000 && now >= size {
				t.Errorf("%d bytes, before %d, %v", now, size, err)
			}
			l.write(1, c.textSize)
			if err := l.stop(); err != nil {
				t.Fatal(err)
			}
			l = start(t, Options{Dir: dir})
			l.holds(c.b+1, last+1)
		})
	}
}

// TestTheLastRecordStays: a log is never empty, and a snapshot at its end is enough.
func TestTheLastRecordStays(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.write(4, 10)
	l.put(5, []byte("all"))
	if err := l.Trim(testContext(t), 5); err != nil {
		t.Fatal(err)
	}
	l.holds(5, 5)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	l = start(t, Options{Dir: dir})
	l.holds(5, 5)
	l.write(1, 10)
	if err := l.Trim(testContext(t), 5); err != nil {
		t.Fatal(err)
	}
	l.holds(6, 6)
}

// FuzzSnapshotPieces cuts arbitrary bytes into pieces: what is put together is what a
// seal vouches for, and nothing else is accepted.
func FuzzSnapshotPieces(f *testing.F) {
	const log = "00112233445566778899aabbccddeeff"
	add := func(data []byte, chunk int) {
		seal := piece{magic: magicSeal, log: log, pos: 9, at: 1, size: uint64(len(data)), sum: crc32.Checksum(data, castagnoli)}
		var all []byte
		put := func(p piece) {
			b, err := appendPiece(nil, p)
			if err != nil {
				f.Fatal(err)
			}
			all = append(binary.LittleEndian.AppendUint16(all, uint16(len(b))), b...)
		}
		for c := range slices.Chunk(data, chunk) {
			put(piece{magic: magicChunk, log: log, pos: 9, index: seal.chunks, data: c})
			seal.chunks++
		}
		put(seal)
		f.Add(all)
	}
	add([]byte("a snapshot in two pieces"), 12)
	add(nil, 1)
	f.Add([]byte{1, 0, 'V'})
	f.Fuzz(func(t *testing.T, b []byte) {
		var given []byte
		rest := b
		data, err := joinPieces(log, 9, func() ([]byte, error) {
			if len(rest) < 2 {
				return nil, io.ErrUnexpectedEOF
			}
			n := min(int(binary.LittleEndian.Uint16(rest)), len(rest)-2)
			p := rest[2 : 2+n]
			rest = rest[2+n:]
			if q, err := parsePiece(p); err == nil {
				again, err := appendPiece(nil, q)
				if err != nil || !bytes.Equal(again, p) {
					t.Fatalf("%x is read as %+v, and written as %x, %v", p, q, again, err)
				}
				given = append(given, q.data...)
			}
			return p, nil
		})
		if err == nil && !bytes.Equal(data, given) {
			t.Errorf("%x came of %x", data, given)
		}
	})
}
