package stream

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vaiven"
)

// stuck makes an embedded server hang where it says that it shuts down, until goOn is
// closed. hangs is closed when it does.
type stuck struct {
	slog.Handler
	armed       atomic.Bool
	hangs, goOn chan struct{}
	once        *sync.Once
}

func newStuck() *stuck {
	return &stuck{Handler: slog.DiscardHandler, hangs: make(chan struct{}), goOn: make(chan struct{}), once: new(sync.Once)}
}

func (h *stuck) Enabled(context.Context, slog.Level) bool { return true }

func (h *stuck) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if h.armed.Load() && strings.HasPrefix(a.Value.String(), "Initiating Shutdown") {
			h.once.Do(func() { close(h.hangs) })
			<-h.goOn
		}
		return true
	})
	return nil
}

// reopened opens the log of a folder as soon as it is given back.
func reopened(t *testing.T, dir string) *running {
	t.Helper()
	var l *running
	until(t, "the folder is given back", func() bool {
		var err error
		l, err = tryStart(t, Options{Dir: dir})
		if err != nil && !errors.Is(err, ErrLocked) {
			t.Fatal(err)
		}
		return err == nil
	})
	return l
}

// TestCloseEndsThoughTheServerDoesNot: it says what hangs, and the folder stays locked
// as long as somebody may still write there.
func TestCloseEndsThoughTheServerDoesNot(t *testing.T) {
	dir, hung := t.TempDir(), newStuck()
	l, err := Open(testContext(t), Options{Dir: dir, Logger: slog.New(hung), CloseTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	hung.armed.Store(true)
	for range 2 {
		var said *HungError
		if err := l.Close(); !errors.As(err, &said) || !strings.HasPrefix(said.Text(vaiven.English), "the embedded NATS server does not end") ||
			!strings.HasPrefix(said.Text(vaiven.Spanish), "el servidor NATS embebido no termina") {
			t.Errorf("closed with %v", err)
		}
	}
	<-hung.hangs
	if _, err := Open(testContext(t), Options{Dir: dir, Logger: quiet()}); !errors.Is(err, ErrLocked) {
		t.Errorf("beside a server that still runs, it opens with %v", err)
	}
	close(hung.goOn)
	reopened(t, dir).check()
}

// TestNoServerStartsBesideOneThatHangs: a log whose server is to be started anew waits
// until the old one is down, and ends meanwhile when it is told to.
func TestNoServerStartsBesideOneThatHangs(t *testing.T) {
	for _, how := range []string{"it comes down", "the log ends"} {
		t.Run(how, func(t *testing.T) {
			dir, hung := t.TempDir(), newStuck()
			r := &running{t: t, done: make(chan error, 1), changed: make(chan struct{})}
			l, err := Open(testContext(t), Options{Dir: dir, Logger: slog.New(hung), OnCommit: r.committed,
				StallAfter: time.Millisecond, DrainTimeout: 20 * time.Millisecond, CloseTimeout: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			r.Log = l
			ctx, cancel := context.WithCancel(context.Background())
			r.cancel = cancel
			go func() { r.done <- l.Run(ctx) }()
			f := startFeed(r, 2)
			r.await(10)
			hung.armed.Store(true)
			first, _ := l.current()
			until(t, "the server is suspected while a record is written", func() bool {
				first.tellTrouble(errSuspect)
				now, _ := l.current()
				return now != first
			})
			<-hung.hangs
			until(t, "it was not waited for for ever", func() bool { l.mu.Lock(); defer l.mu.Unlock(); return l.hung == first })
			if now, _ := l.current(); now != closedStore {
				t.Error("another server was started")
			}
			if how == "it comes down" {
				close(hung.goOn)
				r.await(r.count() + 10)
			}
			f.end(t)
			cancel()
			if err := <-r.done; (err == nil) != (how == "it comes down") {
				t.Errorf("Run ends with %v", err)
			}
			if how == "it comes down" {
				l.o.CloseTimeout = deadline // a healthy end takes what it takes
			}
			var said *HungError
			if err := l.Close(); errors.As(err, &said) == (how == "it comes down") {
				t.Errorf("closed with %v", err)
			}
			if how == "the log ends" {
				close(hung.goOn)
			}
			again := reopened(t, dir)
			again.tickets = r.tickets
			again.check()
		})
	}
}

// slowSync is a witness's file on a disk that hangs.
type slowSync struct {
	witnessFile
	goOn chan struct{}
}

func (f *slowSync) Sync() error {
	<-f.goOn
	return f.witnessFile.Sync()
}

// untilItHangs is enough for what ends in front of what hangs, on a busy machine, too.
const untilItHangs = 5 * time.Second

// TestCloseSaysWhatHangs, also where that is a file, or Run.
func TestCloseSaysWhatHangs(t *testing.T) {
	dir, goOn := t.TempDir(), make(chan struct{})
	l, err := Open(testContext(t), Options{Dir: dir, Logger: quiet(), CloseTimeout: untilItHangs})
	if err != nil {
		t.Fatal(err)
	}
	l.witness.f = &slowSync{l.witness.f, goOn}
	if err := l.Close(); err == nil || !strings.HasPrefix(err.Error(), "the file acked does not end") {
		t.Errorf("closed with %v", err)
	}
	close(goOn)
	reopened(t, dir).stop()

	told, goOn := make(chan struct{}), make(chan struct{})
	l, err = Open(testContext(t), Options{Dir: dir, Logger: quiet(), CloseTimeout: untilItHangs,
		OnCommit: func([]vaiven.Ticket) { close(told); <-goOn }})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- l.Run(testContext(t)) }()
	if err := l.Append(testContext(t), []vaiven.Event{reading(1, 1)}, nil); err != nil {
		t.Fatal(err)
	}
	<-told
	if err := l.Close(); err == nil || !strings.HasPrefix(err.Error(), "what is being written does not end") {
		t.Errorf("closed with %v", err)
	}
	close(goOn)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	reopened(t, dir).check()
}
