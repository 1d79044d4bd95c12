package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"vaiven/internal/console"
)

func (p *program) stdout() console.Terminal { return p.out.Terminal(p.getenv) }

// stderr is where a person is told things: the screen's log while it is up. It
// never waits for the person to read them.
func (p *program) stderr() console.Terminal {
	if w := p.screenLog.Load(); w != nil {
		return console.Terminal{W: *w}
	}
	t := p.err.Terminal(p.getenv)
	t.W = p.err.Notes()
	return t
}

// leaveOutputs says that the program ends: a reader who has stopped reading is
// not waited for any more.
func (p *program) leaveOutputs() {
	p.out.Leave()
	p.err.Leave()
}

// flushOutputs lets readers have the rest.
func (p *program) flushOutputs() {
	p.out.Flush()
	p.err.Flush()
}

// keepOnUnread makes a server outlive its readers: that one has gone is told to
// the other, and deserted is called when there is none left.
func (p *program) keepOnUnread(deserted func()) {
	catchBrokenPipes()
	p.out.OnGone(func(gone *console.GoneError) {
		hint := p.say("the server goes on; Ctrl-C ends it", "el servidor sigue; Ctrl-C lo termina")
		if errors.Is(gone, console.ErrNotRead) {
			hint = "" // it ends already
		}
		if p.err.Gone() != nil {
			deserted()
			return
		}
		p.notice(gone.Text(p.lang), hint)
	})
	if p.err != p.out {
		p.err.OnGone(func(*console.GoneError) {
			if p.out.Gone() != nil {
				deserted()
			}
		})
	}
}

// stderrWriter writes to what stderr is at the moment.
type stderrWriter struct{ p *program }

func (w stderrWriter) Write(b []byte) (int, error) { return w.p.stderr().W.Write(b) }

// notice tells a person something on stderr.
func (p *program) notice(text, hint string) { console.Notice(p.stderr(), p.lang, text, hint) }

// logger is for those who run the program: warnings on stderr, more with
// VAIVEN_LOG=debug.
func (p *program) logger() *slog.Logger {
	level := slog.LevelWarn
	if p.getenv("VAIVEN_LOG") != "" {
		_ = level.UnmarshalText([]byte(p.getenv("VAIVEN_LOG")))
	}
	h := slog.NewTextHandler(stderrWriter{p}, &slog.HandlerOptions{Level: level})
	if level < slog.LevelWarn {
		return slog.New(h) // whoever looks closer sees everything
	}
	return slog.New(fold(h))
}

const (
	// foldFor is how long a line of the log is not said again.
	foldFor = 5 * time.Minute
	// maxFolded is how many lines are remembered as said.
	maxFolded = 64
)

// folded hands a line on once in foldFor: what fails every few seconds, for
// as long as it does, fills no screen and no journal.
type folded struct {
	slog.Handler

	mu   sync.Mutex
	said map[string]time.Time
}

func fold(h slog.Handler) *folded { return &folded{Handler: h, said: map[string]time.Time{}} }

// Handle drops what was said a while ago, word for word.
func (f *folded) Handle(ctx context.Context, r slog.Record) error {
	key := r.Message
	r.Attrs(func(a slog.Attr) bool { key += " " + a.String(); return true })
	if f.again(key, r.Time) {
		return nil
	}
	return f.Handler.Handle(ctx, r)
}

func (f *folded) again(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.said[key]; ok && now.Sub(at) < foldFor {
		return true
	}
	if len(f.said) >= maxFolded {
		clear(f.said) // rather a line twice than one never
	}
	f.said[key] = now
	return false
}
