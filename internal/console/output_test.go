package console

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
)

// reader takes what is written when the test lets it: one write for each turn,
// all of them once the channel is closed.
type reader struct {
	turn chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
	errs []error // of the next writes
}

func (r *reader) Write(p []byte) (int, error) {
	<-r.turn
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errs) > 0 {
		err := r.errs[0]
		r.errs = r.errs[1:]
		if err != nil {
			r.got.Write(p[:len(p)/2])
			return len(p) / 2, err
		}
	}
	return r.got.Write(p)
}

func (r *reader) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got.String()
}

func TestAReaderWhoStopsHoldsUpOnlyWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{turn: make(chan struct{})}
		o := NewOutput(r, "stdout")
		done := make(chan error, 1)
		go func() { _, err := io.WriteString(o, "data\n"); done <- err }()
		synctest.Wait()
		note := strings.Repeat("n", 1023) + "\n"
		for range 2 * maxNotes / len(note) {
			if _, err := io.WriteString(o.Notes(), note); err != nil { // a wait would end the test: nobody reads
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		select {
		case err := <-done:
			t.Fatalf("the write did not wait: %v", err)
		default:
		}
		close(r.turn)
		o.Flush()
		if err := <-done; err != nil {
			t.Error(err)
		}
		want := "data\n" + strings.Repeat(note, maxNotes/len(note)) + "(256 messages left out: nobody was reading)\n"
		if got := r.text(); got != want {
			t.Errorf("%d bytes, want %d; the end is %q", len(got), len(want), got[max(0, len(got)-80):])
		}
	})
}

func TestTheEndLeavesAReaderWhoHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{turn: make(chan struct{})}
		o := NewOutput(r, "stdout")
		told := 0
		o.OnGone(func(*GoneError) { told++ })
		var under, behind error
		go func() { _, under = io.WriteString(o, "under way\n") }()
		synctest.Wait()
		go func() { _, behind = io.WriteString(o, "behind it\n") }()
		synctest.Wait()
		began := time.Now()
		o.Leave()
		o.Flush()
		synctest.Wait()
		if took := time.Since(began); took > 2*leaveWithin {
			t.Errorf("it took %v", took)
		}
		for _, err := range []error{under, behind, o.Gone()} {
			var gone *GoneError
			if !errors.As(err, &gone) || !errors.Is(err, ErrNotRead) {
				t.Errorf("%v", err)
			}
		}
		if _, err := io.WriteString(o, "later\n"); !errors.Is(err, ErrNotRead) {
			t.Errorf("a later write: %v", err)
		}
		if _, err := io.WriteString(o.Notes(), "later\n"); !errors.Is(err, ErrNotRead) {
			t.Errorf("a later note: %v", err)
		}
		o.OnGone(func(*GoneError) { told++ })
		if told != 2 {
			t.Errorf("told %d times", told)
		}
		close(r.turn) // the system lets go of the write at last
	})
}

func TestTheEndWaitsForASlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reader{turn: make(chan struct{})}
		o := NewOutput(r, "stdout")
		o.Leave()
		go func() {
			for range 10 {
				time.Sleep(leaveWithin - time.Millisecond)
				r.turn <- struct{}{}
			}
		}()
		for range 10 {
			if _, err := io.WriteString(o, "line\n"); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(r.text(), "line\n"); n != 10 {
			t.Errorf("%d lines", n)
		}
	})
}

// What the system says of a write decides whether there is another one.
func TestWhatAFailedWriteMeans(t *testing.T) {
	wrapped := func(err error) error { return &os.PathError{Op: "write", Path: "/dev/stdout", Err: err} }
	for _, c := range []struct {
		err  error
		n    int // bytes of the first write that went out
		gone bool
		got  string
	}{
		{syscall.EAGAIN, 8, false, "12345678more"}, // another program has made the terminal non-blocking
		{syscall.ENOSPC, 4, false, "1234more"},
		{syscall.EDQUOT, 4, false, "1234more"},
		{syscall.EPIPE, 0, true, "1234"},
		{syscall.EIO, 0, true, "1234"}, // the terminal hung up
		{os.ErrClosed, 0, true, "1234"},
	} {
		r := &reader{turn: make(chan struct{}), errs: []error{wrapped(c.err)}}
		close(r.turn)
		o := NewOutput(r, "stdout")
		n, err := io.WriteString(o, "12345678")
		if n != c.n || (err == nil) != (c.err == syscall.EAGAIN) || (o.Gone() != nil) != c.gone {
			t.Errorf("%v: %d bytes, %v, gone: %v", c.err, n, err, o.Gone())
		}
		if err != nil && !errors.Is(err, c.err) {
			t.Errorf("%v: %v", c.err, err)
		}
		_, err = io.WriteString(o, "more")
		if (err != nil) != c.gone || r.text() != c.got {
			t.Errorf("%v: then %v, %q", c.err, err, r.text())
		}
	}
}

func TestGoneInWords(t *testing.T) {
	broken := &GoneError{"stdout", &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}}
	for _, c := range []struct {
		got, want string
	}{
		{broken.Text(vaiven.English), "stdout cannot be written any more (broken pipe): nothing more is shown there"},
		{(&GoneError{"stderr", ErrNotRead}).Text(vaiven.Spanish), "nadie lee stderr: lo que le quedaba se omite"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestOneFileHasOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "both")
	open := func(name string) *os.File {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	a, b, c := open(path), open(path), open(path+"2")
	if out, errs := Outputs(a, b); out != errs {
		t.Error("two owners of one file")
	}
	if out, errs := Outputs(a, c); out == errs {
		t.Error("one owner of two files")
	}
	out, errs := Outputs(a, b)
	for range 100 {
		if _, err := io.WriteString(errs.Notes(), "e"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, "o"); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != strings.Repeat("eo", 100) {
		t.Errorf("%q, %v", got, err)
	}
}

// A view goes on for those who still read, and says when nobody does.
func TestViewsOfReadersWhoHaveGone(t *testing.T) {
	taken := func(pos uint64) []vaiven.Entry {
		return entries(pos, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)},
			&vaiven.Gap{Stamp: stamp(0), Device: "101", From: 1, To: 2})
	}
	broke := func() *Output {
		o := NewOutput(io.Discard, "stdout")
		o.giveUp(syscall.EPIPE)
		return o
	}
	type view interface {
		Apply(uint64, []vaiven.Entry) error
	}
	for name, c := range map[string]struct {
		view func(alive *Output) view
		gone bool
		want string
	}{
		"plain, stdout": {func(alive *Output) view {
			return NewPlain(Options{Out: Terminal{W: broke()}, Err: Terminal{W: alive}})
		}, false, "lost"},
		"plain, stderr": {func(alive *Output) view {
			return NewPlain(Options{Out: Terminal{W: alive}, Err: Terminal{W: broke()}})
		}, false, "TEMP"},
		"plain, both": {func(*Output) view {
			return NewPlain(Options{Out: Terminal{W: broke()}, Err: Terminal{W: broke()}})
		}, true, ""},
		"json": {func(*Output) view { return NewJSON(Options{Out: Terminal{W: broke()}}) }, true, ""},
	} {
		var got bytes.Buffer
		alive := NewOutput(&got, "alive")
		v := c.view(alive)
		for pos := range uint64(3) {
			err := v.Apply(pos+1, taken(pos+1))
			var says interface{ Gone() bool }
			if gone := errors.As(err, &says) && says.Gone(); gone != c.gone || err != nil && !gone {
				t.Errorf("%s: %v", name, err)
			}
		}
		alive.Flush()
		if c.want != "" && strings.Count(got.String(), c.want) != 3 {
			t.Errorf("%s: %q", name, got.String())
		}
	}
}
