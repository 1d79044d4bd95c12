package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rawRecords reads all records of a log as they are.
func rawRecords(t *testing.T, l *Log) [][]byte {
	t.Helper()
	last, err := l.Last(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	err = l.ReadRaw(testContext(t), l.First(), last, func(seq uint64, b []byte) error {
		if seq != l.First()+uint64(len(all)) {
			return fmt.Errorf("record %d comes as number %d", seq, len(all))
		}
		all = append(all, bytes.Clone(b))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// each returns records one by one.
func each(records [][]byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		if len(records) == 0 {
			return nil, io.EOF
		}
		b := records[0]
		records = records[1:]
		return b, nil
	}
}

// TestALogWrittenFromItsRecordsIsTheSame: another folder, the same log.
func TestALogWrittenFromItsRecordsIsTheSame(t *testing.T) {
	for _, first := range []uint64{1, 1 << 33} {
		r := start(t, Options{Dir: t.TempDir(), FirstSeq: first})
		for i := range 300 {
			r.append(reading(101, i))
			r.await(i + 1)
		}
		want := rawRecords(t, r.Log)
		id := r.ID()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := WriteLog(testContext(t), Options{Dir: dir, Logger: quiet()}, Copy{ID: id, Genesis: first, First: first, Next: each(want)}); err != nil {
			t.Fatal(err)
		}
		again := start(t, Options{Dir: dir})
		if got := rawRecords(t, again.Log); again.ID() != id || again.First() != first || cmp.Diff(want, got) != "" {
			t.Errorf("log %s from %d on, %d records; want %s from %d on, %d records", again.ID(), again.First(), len(got), id, first, len(want))
		}
		again.append(reading(101, 300))
		again.await(1)
		if got := again.tickets[0].First.Record; got != first+uint64(len(want)) {
			t.Errorf("it goes on with record %d, want %d", got, first+uint64(len(want)))
		}
	}
}

// TestWhatIsNoLogIsNotWritten: of another log, damaged, or over a log that is there.
func TestWhatIsNoLogIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	r := start(t, Options{Dir: dir})
	r.append(reading(101, 0))
	r.await(1)
	records := rawRecords(t, r.Log)
	id := r.ID()
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	damaged := bytes.Clone(records[1])
	damaged[len(damaged)-1] ^= 1
	errEarly := errors.New("early")
	ended, end := context.WithCancel(testContext(t))
	end()
	for name, tt := range map[string]struct {
		ctx  context.Context
		dir  string
		log  string
		next func() ([]byte, error)
		want error
	}{
		"over a log":        {testContext(t), dir, id, each(records), ErrNotEmpty},
		"of another log":    {testContext(t), t.TempDir(), "x" + id[1:], each(records), ErrNotALog},
		"without its start": {testContext(t), t.TempDir(), id, each(records[1:]), ErrNotALog},
		"damaged":           {testContext(t), t.TempDir(), id, each([][]byte{records[0], damaged}), ErrCorrupt},
		"an early end":      {testContext(t), t.TempDir(), id, func() ([]byte, error) { return nil, errEarly }, errEarly},
		"nobody waits":      {ended, t.TempDir(), id, each(records), context.Canceled},
	} {
		err := WriteLog(tt.ctx, Options{Dir: tt.dir, Logger: quiet()}, Copy{ID: tt.log, Genesis: 1, First: 1, Next: tt.next})
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := start(t, Options{Dir: dir})
	if got := rawRecords(t, again.Log); cmp.Diff(records, got) != "" {
		t.Error("the log that was there is another now")
	}
}

// TestRawRecordsAreChecked: what fn returns ends the reading, and the log's end is
// waited for as by Read.
func TestRawRecordsAreChecked(t *testing.T) {
	r := start(t, Options{Dir: t.TempDir()})
	enough := errors.New("enough")
	if err := r.ReadRaw(testContext(t), 1, 0, func(uint64, []byte) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("%v", err)
	}
	raw := &reader{l: r.Log, next: 2, raw: func(uint64, []byte) error { return nil }}
	if err := raw.handOn(2, []byte("no record")); !errors.Is(err, ErrCorrupt) || raw.next != 2 {
		t.Errorf("%v", err)
	}
}

// TestATrimmedLogWrittenAgain has its snapshots and its beginning.
func TestATrimmedLogWrittenAgain(t *testing.T) {
	r := start(t, Options{Dir: t.TempDir()})
	r.write(60, 100)
	state := map[uint64][]byte{20: noise(1, 700_000), 40: noise(2, 600_000), 50: {}}
	var c Copy
	for _, pos := range []uint64{20, 40, 50} {
		r.put(pos, state[pos])
	}
	if err := r.Trim(testContext(t), 20); err != nil {
		t.Fatal(err)
	}
	infos, err := r.Snapshots(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	c = Copy{ID: r.ID(), Genesis: r.Genesis(), First: r.First(), Snapshots: infos}
	var one []byte // all of them in one place: no two are needed at once
	asked, begun := 0, false
	c.Snapshot = func(i int) ([]byte, error) {
		if i != asked || begun {
			t.Errorf("asks for snapshot %d as number %d, behind records: %v", i, asked, begun)
		}
		asked++
		for j := range one {
			one[j] = 0xdd
		}
		one = append(one[:0], state[infos[i].Pos]...)
		return one, nil
	}
	want := rawRecords(t, r.Log)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	next := each(want)
	c.Next = func() ([]byte, error) { begun = true; return next() }
	if err := WriteLog(testContext(t), Options{Dir: dir, Logger: quiet()}, c); err != nil {
		t.Fatal(err)
	}
	again := start(t, Options{Dir: dir})
	got, err := again.Snapshots(testContext(t))
	if err != nil || cmp.Diff(infos, got) != "" || again.First() != 21 || again.Genesis() != 1 || again.ID() != c.ID {
		t.Errorf("from %d, snapshots %v, %v", again.First(), got, err)
	}
	for pos, data := range state {
		if b, err := again.Snapshot(testContext(t), pos); err != nil || !bytes.Equal(b, data) {
			t.Errorf("snapshot at %d: %d bytes, %v", pos, len(b), err)
		}
	}
	if cmp.Diff(want, rawRecords(t, again.Log)) != "" {
		t.Error("the records are others")
	}
	if err := again.DropSnapshot(testContext(t), 20); err != nil {
		t.Error(err)
	}
	if err := again.Trim(testContext(t), 40); err != nil || again.First() != 41 {
		t.Errorf("it cannot be trimmed on: %v", err)
	}
	// Without the snapshot for what is gone it is no log.
	c.Next, c.Snapshots, c.Snapshot = each(want), nil, nil
	var missing *MissingError
	if err := WriteLog(testContext(t), Options{Dir: t.TempDir(), Logger: quiet()}, c); !errors.As(err, &missing) {
		t.Errorf("without a snapshot: %v", err)
	}
}
