package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"

	"vaiven"
)

// TUIOptions are what the full-screen view needs.
type TUIOptions struct {
	Lang   vaiven.Lang
	Title  string // behind "vaiven" in the first line: "workshop, 50 readings"
	Roster Roster // names of the devices' owners, may be nil

	// Addresses to give to a board, as host:port, best first.
	Addresses []string

	// Ask changes states by keys; nil: the keys for that do nothing.
	Ask Ask
	// States are the server's own state names; none: LED.
	States []string

	// After is the last record that the log held when the server started: up
	// to there events fill the table, and do not count for readings/s.
	After uint64

	Input  io.Reader // keys; nil: stdin
	Output io.Writer // the terminal; nil: stdout
	Color  bool      // Terminal.Color of the output
	// Environ is the process's environment for the terminal library, nil: the
	// real one.
	Environ []string
	// Size is the screen's when the output is not a terminal (tests).
	Width, Height int

	// Fallback takes what is written to the log writer while the screen is not
	// up: stderr.
	Fallback io.Writer

	Now func() time.Time // nil: time.Now; its zone is the screen's
}

// TUI is the full-screen view of the log: a table of devices with their latest
// values, and a pane with what was rejected and why.
//
// Apply only changes the state in memory, so neither a slow terminal nor a
// person who paused it holds back the log. The screen is drawn from that state
// at most ten times a second, whatever the rate of readings. The state is
// bounded: 2000 devices (more are counted, not listed), 40 numbers each, 200
// messages.
type TUI struct {
	o TUIOptions

	mu    sync.Mutex
	state *state
	shown bool // the screen is up
	line  []byte
	// seeded: the table began with what was known at o.After.
	seeded bool

	// asks are handed to Ask by Run, one after the other; full: a key press is
	// refused, and said so.
	asks chan vaiven.ChangeRequest

	quit     chan struct{} // closed when the person wants to leave
	quitOnce sync.Once
}

// maxAsks is how many key presses wait while the log takes one.
const maxAsks = 8

// NewTUI returns the view; nothing is drawn before Run.
func NewTUI(o TUIOptions) *TUI {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.States = ownStates(o.States)
	t := &TUI{o: o, state: newState(o.Lang, o.Roster), asks: make(chan vaiven.ChangeRequest, maxAsks), quit: make(chan struct{})}
	t.state.whole = o.After == 0
	return t
}

// Name is "console".
func (t *TUI) Name() string { return "console" }

// Apply takes over the entries; it does not wait for the terminal.
func (t *TUI) Apply(_ uint64, entries []vaiven.Entry) error {
	now := t.o.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, en := range entries {
		switch {
		case en.ID.Record <= t.o.After && t.seeded:
			continue
		case en.ID.Record <= t.o.After:
			t.state.apply(en.Event, nil, told(entries, i))
		default:
			t.state.apply(en.Event, &now, told(entries, i))
		}
		t.state.filled(en)
	}
	return nil
}

// Snapshot is empty: the table fills from the log at the start, or from Seed.
func (t *TUI) Snapshot() ([]byte, error) { return nil, nil }

// leaveWithin is how long the end waits for a terminal that takes no output.
const leaveWithin = 2 * time.Second

// ErrTerminal is returned by Run when the terminal did not take what was
// written to it, so that it could not be restored.
var ErrTerminal = errors.New("the terminal does not take any output")

// Run shows the screen until ctx is over or the person quits (nil in both
// cases: ask ctx which it was), and restores the terminal. Call it once.
func (t *TUI) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	asked := make(chan struct{})
	go func() { defer close(asked); t.askAll(ctx) }()
	defer func() { cancel(); <-asked }()
	p := tea.NewProgram(&model{t: t, look: look{w: 80, h: 24}}, t.programOptions(ctx)...)
	restore := keepMode(t.o.Input)
	t.up(true)
	defer t.up(false)
	done := make(chan error, 1)
	go func() {
		_, err := p.Run()
		done <- err
	}()
	select {
	case err := <-done:
		return ended(err)
	case <-ctx.Done():
	case <-t.quit: // the library waits for the terminal to take its last frame
	}
	late := time.NewTimer(leaveWithin)
	defer late.Stop()
	select {
	case err := <-done:
		return ended(err)
	case <-late.C:
		restore()
		return ErrTerminal
	}
}

// keepMode remembers how a terminal takes keys; the returned function gives it
// back to the shell, and Ctrl-C its meaning, without writing to it.
func keepMode(in io.Reader) (restore func()) {
	f, ok := in.(*os.File)
	if !ok {
		return func() {}
	}
	mode, err := term.GetState(int(f.Fd()))
	if err != nil {
		return func() {}
	}
	return func() { _ = term.Restore(int(f.Fd()), mode) }
}

// leave notes that the person wants to leave.
func (t *TUI) leave() { t.quitOnce.Do(func() { close(t.quit) }) }

// ended tells the ways of leaving apart from failures.
func ended(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, tea.ErrInterrupted) {
		return nil
	}
	return fmt.Errorf("full screen: %w", err)
}

func (t *TUI) programOptions(ctx context.Context) []tea.ProgramOption {
	opts := []tea.ProgramOption{
		tea.WithContext(ctx),
		tea.WithoutSignalHandler(), // signals belong to the command
		tea.WithFPS(int(time.Second / redrawEvery)),
	}
	if t.o.Input != nil {
		opts = append(opts, tea.WithInput(t.o.Input))
	}
	if t.o.Output != nil {
		opts = append(opts, tea.WithOutput(t.o.Output))
	}
	if t.o.Environ != nil {
		opts = append(opts, tea.WithEnvironment(t.o.Environ))
	}
	if t.o.Width > 0 {
		opts = append(opts, tea.WithWindowSize(t.o.Width, t.o.Height))
	}
	return opts
}

func (t *TUI) up(shown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shown = shown
}

// LogWriter is where the server's own log goes while the screen is up: each
// line becomes a message of the pane, since a line on stderr would tear the
// screen. Before and after that, lines go to Fallback. It may be used from
// several goroutines.
func (t *TUI) LogWriter() io.Writer { return (*logWriter)(t) }

type logWriter TUI

// maxLogLine bounds an unfinished line.
const maxLogLine = 8 << 10

func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	if !w.shown {
		w.mu.Unlock()
		if w.o.Fallback == nil {
			return len(p), nil
		}
		return w.o.Fallback.Write(p)
	}
	defer w.mu.Unlock()
	w.line = append(w.line, p...)
	for {
		i := bytes.IndexByte(w.line, '\n')
		if i < 0 && len(w.line) > maxLogLine {
			i = len(w.line) - 1
		}
		if i < 0 {
			return len(p), nil
		}
		w.say(string(w.line[:i]))
		w.line = w.line[i+1:]
	}
}

func (w *logWriter) say(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	now := w.o.Now()
	_, offset := now.Zone()
	w.state.note(message{at: now.UnixMilli(), offset: int32(offset), text: clean(line, maxText), mark: markWarn}, true)
}

// Seed fills the table with what was known at the record after: the log's
// earlier part is not replayed for the screen, which would take long for what
// the registry has at hand. Entries up to after are left out from then on.
// Call it before events behind that record are applied.
func (t *TUI) Seed(after uint64, known []Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.o.After, t.seeded = after, true
	s := newState(t.o.Lang, t.o.Roster)
	s.whole = true
	s.problems, s.all, s.version = t.state.problems, t.state.all, t.state.version+1
	for _, k := range known {
		s.seed(k)
	}
	t.state = s
}
