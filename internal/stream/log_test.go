package stream

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

func same(a, b vaiven.Event) bool { return cmp.Equal(a, b) }

func TestAppendedEventsAreAcknowledgedAndRead(t *testing.T) {
	l := start(t, Options{Dir: t.TempDir()})
	for i := range 100 {
		l.append(reading(101, i+1))
	}
	l.await(100)
	l.check()
	if l.ID() == "" || l.First() != 1 {
		t.Errorf("log %q begins at %d", l.ID(), l.First())
	}
}

func TestReopenedLogContinues(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.append(reading(101, 1), reading(101, 2))
	l.await(2)
	id := l.ID()
	if err := l.stop(); err != nil {
		t.Fatalf("run: %v", err)
	}

	again := start(t, Options{Dir: dir})
	if again.ID() != id {
		t.Errorf("log is %s, was %s", again.ID(), id)
	}
	again.append(reading(101, 3))
	again.await(1)
	recs, err := readAll(testContext(t), again.Log)
	if err != nil {
		t.Fatal(err)
	}
	if err := consistent(recs, 1); err != nil {
		t.Error(err)
	}
	if n := len(recs); n != 3 {
		t.Errorf("%d records, want LogStart and two", n)
	}
	if recs[0].Writer == recs[2].Writer {
		t.Error("two processes have the same writer")
	}
}

func TestRunCommitsWhatIsQueuedAtTheEnd(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	for i := range 1000 {
		l.append(reading(i%1000, 1))
	}
	l.cancel()
	if err := <-l.done; err != nil {
		t.Fatalf("run: %v", err)
	}
	l.done <- nil
	if n := l.count(); n != 1000 {
		t.Errorf("%d events were committed, want 1000", n)
	}
	if err := l.Append(context.Background(), []vaiven.Event{reading(1, 1)}, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("append after the end: %v", err)
	}
	l.check()
}

func TestCloseEndsRunAndRead(t *testing.T) {
	l, err := Open(testContext(t), Options{Dir: t.TempDir(), Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	ran, read := make(chan error, 1), make(chan error, 1)
	begun := make(chan struct{})
	go func() { ran <- l.Run(context.Background()) }()
	go func() {
		read <- l.Read(context.Background(), 1, 0, func(vaiven.Record) error { close(begun); return nil })
	}()
	<-begun
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ran; err != nil {
		t.Errorf("run: %v", err)
	}
	if err := <-read; !errors.Is(err, ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if _, err := l.Last(testContext(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("last: %v", err)
	}
}
