package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"vaiven"
)

var (
	damageSeed  = flag.Uint64("damage.seed", 1, "seed of the random damage")
	damageCases = flag.Int("damage.cases", 100, "how many random cases")
)

// savedLog is a closed log's folder, to be copied and damaged.
type savedLog struct {
	dir     string
	records uint64 // all acknowledged
}

// makeStores writes a log of several blocks: as it is after Close, and as it
// is when the process dies.
func makeStores(t *testing.T) (closed, killed savedLog) {
	t.Helper()
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	text := strings.Repeat("a long text, so that blocks are soon full. ", 800)
	for i := range 180 {
		evs := []vaiven.Event{reading(101, i+1)}
		for range i % 2 * 6 {
			evs = append(evs, &vaiven.Rejected{Device: "101", Code: vaiven.CodeNotJSON, Count: 1, Text: text})
		}
		want := l.count() + len(evs)
		l.append(evs...)
		l.await(want)
	}
	last := l.acked.Load()
	killed = savedLog{dir: t.TempDir(), records: last}
	copyTree(t, dir, killed.dir)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d blocks, %v", len(files), err)
	}
	return savedLog{dir: dir, records: last}, killed
}

// copyTree copies a folder, whose log may run: a file that goes away meanwhile, as one
// that JetStream is just making, has it begin again.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	for try := 0; ; try++ {
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil {
			return
		}
		if !errors.Is(err, fs.ErrNotExist) || try > 100 {
			t.Fatal(err)
		}
	}
}

// cloneTree is copyTree, but full blocks are linked: nobody writes to them,
// other than damage, which makes its own.
func cloneTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(dst, 0o700)
		case d.Name() == "1.blk" || d.Name() == "2.blk":
			return os.Link(path, dst)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(dst, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// damage changes one file of the folder, and says how.
func damage(t *testing.T, r *rand.Rand, dir string) string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		if fi, err := d.Info(); err != nil || fi.Size() == 0 {
			return err
		}
		files = append(files, path)
		return nil
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	name := files[r.IntN(len(files))]
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Base(name)
	what := ""
	switch at := r.IntN(len(b)); r.IntN(4) {
	case 0:
		b, what = b[:at], fmt.Sprintf("%s cut at %d of %d", base, at, len(b))
	case 1: // near the end, where the newest records are
		at = max(0, len(b)-1-r.IntN(200))
		b, what = b[:at], fmt.Sprintf("%s cut at %d of %d", base, at, len(b))
	case 2:
		at = max(0, len(b)-1-r.IntN(200))
		fallthrough
	default:
		bit := r.IntN(8)
		b[at] ^= 1 << bit
		what = fmt.Sprintf("%s: bit %d of byte %d of %d flipped", base, bit, at, len(b))
	}
	if err := os.Remove(name); err != nil { // it may be a link to the original
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return what
}

// TestDamageIsNeverSilent: whatever happens to a file, everything that was
// acknowledged is read, or there is an error.
func TestDamageIsNeverSilent(t *testing.T) {
	closed, killed := makeStores(t)
	t.Logf("seed %d, %d cases", *damageSeed, *damageCases)
	found, whole := 0, 0
	dir := t.TempDir()
	for i := range *damageCases {
		r := rand.New(rand.NewPCG(*damageSeed, uint64(i)))
		s, name := closed, "closed"
		if i%2 == 1 {
			s, name = killed, "killed"
		}
		cloneTree(t, s.dir, dir)
		what := damage(t, r, dir)
		before := treeSize(t, dir)
		err := readBack(t, dir, s.records)
		switch {
		case err == nil:
			whole++
		case errors.Is(err, context.DeadlineExceeded):
			t.Errorf("case %d, %s, %s: no answer: %v", i, name, what, err)
		default:
			found++
			if !strings.Contains(what, "inf") && isOpenError(err) && treeSize(t, dir) != before {
				t.Errorf("case %d, %s, %s: Open refused (%v), but changed the blocks", i, name, what, err)
			}
		}
		if err != nil {
			t.Logf("case %d, %s, %s: %v", i, name, what, err)
		}
	}
	t.Logf("%d found, %d without consequence", found, whole)
	if found == 0 || whole == 0 {
		t.Error("the cases prove nothing")
	}
}

// TestEveryBitOfABlock: no bit of a log of which all was acknowledged may change
// unseen, those that no checksum covers included.
func TestEveryBitOfABlock(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	for i := range 3 {
		l.append(reading(101, i+1))
		l.await(i + 1)
	}
	known := mark{first: l.First(), acked: l.acked.Load()}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	files, err := listBlocks(l.o.Dir, "VAIVEN")
	if err != nil || len(files) != 1 {
		t.Fatalf("%d blocks, %v", len(files), err)
	}
	b, err := os.ReadFile(files[0].name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := checkFiles(t.Context(), l.o.Dir, "VAIVEN", known); err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if err := os.WriteFile(files[0].name, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := checkFiles(t.Context(), l.o.Dir, "VAIVEN", known); err == nil {
				t.Errorf("bit %d of byte %d of %d is not missed", bit, i, len(b))
			}
			b[i] ^= 1 << bit
		}
	}
}

// TestEveryBitOfACompressedBlock: a full block is an S2 stream with a head before it
// and a checksum behind it. A bit that changes is found, unless the block says the same
// with it, as S2 can say one thing in several ways.
func TestEveryBitOfACompressedBlock(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	for i := range 12 {
		l.append(reading(101, i+1))
		l.await(i + 1)
	}
	known := mark{first: l.First(), acked: l.acked.Load()}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(streamDir(l.o.Dir, "VAIVEN"), "msgs", "1.blk")
	plain, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b := packed(t, plain)
	if back, err := unpackBlock(b); err != nil || !bytes.Equal(back, plain) || len(b) >= len(plain) {
		t.Fatalf("%d bytes, packed %d, are not what they were: %v", len(plain), len(b), err)
	}
	check := func(b []byte) error {
		s := blockScan{stream: "VAIVEN", subject: []byte(l.subject)}
		rest, err := s.scanBlock(blockFile{name: name, index: 1}, b)
		if err == nil && (len(rest) > 0 || s.first != known.first || s.last != known.acked) {
			err = fmt.Errorf("records %d to %d, and %d bytes", s.first, s.last, len(rest))
		}
		return err
	}
	if err := check(b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if last, err := checkFiles(t.Context(), l.o.Dir, "VAIVEN", known); err != nil || last != known.acked {
		t.Fatal(last, err)
	}
	same := 0
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if err := check(b); err == nil {
				if back, err := unpackBlock(b); err != nil || !bytes.Equal(back, plain) {
					t.Errorf("bit %d of byte %d of %d is not missed", bit, i, len(b))
				}
				same++
			}
			b[i] ^= 1 << bit
		}
	}
	for cut := range b {
		if check(b[:cut]) == nil && cut > 0 {
			t.Errorf("cut at %d of %d is not missed", cut, len(b))
		}
	}
	t.Logf("%d of %d bits say the same", same, 8*len(b))
}

// packed is a block as the server compresses it.
func packed(t *testing.T, b []byte) []byte {
	t.Helper()
	info := server.CompressionInfo{Algorithm: server.S2Compression, OriginalSize: uint64(len(b))}
	body, err := server.S2Compression.Compress(b)
	if err != nil {
		t.Fatal(err)
	}
	return append(info.MarshalMetadata(), body...)
}

// TestLyingLength flips the bits of a subject's length in a block that Open does not
// read after a clean end. JetStream hands the record out under another subject, some
// of which break the connection: the reader says so, and does not try for ever.
func TestLyingLength(t *testing.T) {
	closed, _ := makeStores(t)
	dir := t.TempDir()
	for bit := range 7 {
		cloneTree(t, closed.dir, dir)
		files, err := listBlocks(dir, "VAIVEN")
		if err != nil {
			t.Fatal(err)
		}
		b := plainBlock(t, files[0].name)
		at := 0
		for range 5 {
			at += int(binary.LittleEndian.Uint32(b[at:]) &^ flagHeaders)
		}
		b[at+blockHeader-2] ^= 1 << bit
		if err := os.Remove(files[0].name); err != nil { // it is a link to the original
			t.Fatal(err)
		}
		if err := os.WriteFile(files[0].name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := readBack(t, dir, closed.records); !errors.Is(err, ErrCorrupt) || isOpenError(err) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
}

// plainBlock returns a block as an earlier version kept it, which did not compress.
func plainBlock(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil && strings.HasPrefix(string(b), blockPacked) {
		b, err = unpackBlock(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// openError marks what Open said.
type openError struct{ error }

func (e openError) Unwrap() error { return e.error }

func isOpenError(err error) bool {
	var e openError
	return errors.As(err, &e)
}

// readBack opens the log and reads it all; nil means that all is there.
func readBack(t *testing.T, dir string, want uint64) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	l, err := Open(ctx, Options{Dir: dir, Logger: quiet()})
	if err != nil {
		return openError{err}
	}
	defer l.Close()
	last, err := l.Last(ctx)
	if err != nil {
		return err
	}
	n := uint64(0)
	err = l.Read(ctx, l.First(), last, func(r vaiven.Record) error {
		n++
		return nil
	})
	if err == nil && n < want {
		t.Errorf("silent: %d of %d records", n, want)
	}
	return err
}

// treeSize is the size of all blocks.
func treeSize(t *testing.T, dir string) (n int64) {
	t.Helper()
	files, err := listBlocks(dir, "VAIVEN")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		n += f.size
	}
	return n
}
