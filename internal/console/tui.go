package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"vaiven"
)

// TUIOptions are what the full-screen view needs.
type TUIOptions struct {
	Lang   vaiven.Lang
	Title  string // behind "vaiven" in the first line: "workshop, 50 readings"
	Roster Roster // names of the devices' owners, may be nil

	Addresses     []string      // to give to a board, as host:port, best first
	RequestChange RequestChange // changes states by keys; nil: the keys for that do nothing
	States        []string      // the server's own state names; none: LED

	Waiting func() []vaiven.Waiting          // boards that wait to be let in, longest first; nil: none
	Approve Approve                          // lets one of them in
	Trust   func(vaiven.Device) vaiven.Trust // how far a device is believed; nil: nothing is said

	// After is the last record that the log held when the server started: up
	// to there events fill the table, and do not count for readings/s.
	After uint64

	Input   io.Reader // keys
	Output  io.Writer // the terminal
	Color   bool      // Terminal.Color of the output
	Environ []string  // for the terminal library, nil: the process's own
	Width   int       // of the screen when the output is not a terminal (tests)
	Height  int

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

	mu     sync.Mutex
	data   *tuiData
	shown  bool   // the screen is up
	line   []byte // of the log writer, unfinished
	seeded bool   // the table began with what was known at o.After

	// requests are what keys ask for, done by Run one after the other; full: a key
	// press is refused, and said so.
	requests chan request
}

// request is what a key asked for: to let a board in, or else a change.
type request struct {
	waiting *vaiven.Waiting
	change  vaiven.ChangeRequest
}

// do does it, and returns what a person is told of it, "" for nothing.
func (t *TUI) do(ctx context.Context, r request) (d vaiven.Device, text string, s severity) {
	if r.waiting == nil {
		return r.change.Device, t.o.RequestChange.submit(ctx, t.o.Lang, &r.change), severityBad
	}
	done, why := t.o.Approve.admit(ctx, t.o.Lang, *r.waiting)
	if why != "" {
		return r.waiting.Device, why, severityBad
	}
	return r.waiting.Device, done, severityGood
}

// maxRequests is how many key presses wait while the log takes one.
const maxRequests = 8

// NewTUI returns the view; nothing is drawn before Run.
func NewTUI(o TUIOptions) *TUI {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.States = defaultStates(o.States)
	t := &TUI{o: o, data: newTUIData(o.Lang, o.Roster), requests: make(chan request, maxRequests)}
	t.data.whole = o.After == 0
	return t
}

// Name is "console".
func (t *TUI) Name() string { return "console" }

// Seed fills the table with what was known at the record after: the log's
// earlier part is not replayed for the screen, which would take long for what
// the registry has at hand. Entries up to after are left out from then on.
// Call it before events behind that record are applied.
func (t *TUI) Seed(after uint64, known []Known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.o.After, t.seeded = after, true
	d := newTUIData(t.o.Lang, t.o.Roster)
	d.whole = true
	d.problems, d.all, d.version = t.data.problems, t.data.all, t.data.version+1
	for _, k := range known {
		d.seed(k)
	}
	t.data = d
}

// Apply takes over the entries; it does not wait for the terminal.
func (t *TUI) Apply(_ uint64, entries []vaiven.Entry) error {
	now := t.o.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, en := range entries {
		switch old := en.ID.Record <= t.o.After; {
		case old && t.seeded:
			continue
		case old:
			t.data.apply(en.Event, nil, redundantReport(entries, i))
		default:
			t.data.apply(en.Event, &now, redundantReport(entries, i))
		}
		t.data.noteFilled(en)
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
	var requests sync.WaitGroup
	requests.Go(func() { t.runRequests(ctx) })
	defer requests.Wait()
	defer cancel()
	opts := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithInput(t.o.Input), tea.WithOutput(t.o.Output),
		tea.WithoutSignalHandler(), // signals belong to the command
		tea.WithFPS(int(time.Second / redrawEvery)),
	}
	if t.o.Environ != nil {
		opts = append(opts, tea.WithEnvironment(t.o.Environ))
	}
	if t.o.Width > 0 {
		opts = append(opts, tea.WithWindowSize(t.o.Width, t.o.Height))
	}
	leaving, leave := context.WithCancel(ctx)
	defer leave()
	p := tea.NewProgram(&model{t: t, leave: leave, view: tuiView{w: 80, h: 24}}, opts...)
	restore := saveTerminalMode(t.o.Input)
	t.setShown(true)
	defer t.setShown(false)
	done := make(chan error, 1)
	go func() {
		_, err := p.Run()
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, tea.ErrInterrupted) {
			err = nil // ways of leaving
		} else if err != nil {
			err = fmt.Errorf("full screen: %w", err)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-leaving.Done(): // the library waits for the terminal to take its last frame
	}
	late := time.NewTimer(leaveWithin)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		restore()
		return ErrTerminal
	}
}

func (t *TUI) setShown(shown bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shown = shown
}

// runRequests hands on what keys request until ctx is over, one after the other, so
// that 1 and then 0 never becomes 0 and then 1.
func (t *TUI) runRequests(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-t.requests:
			if d, text, s := t.do(ctx, r); text != "" {
				t.mu.Lock()
				t.noteOwn(d, text, s)
				t.mu.Unlock()
			}
		}
	}
}

// noteOwn puts a message of the server itself into the pane. mu is held.
func (t *TUI) noteOwn(d vaiven.Device, text string, s severity) {
	now := t.o.Now()
	_, offset := now.Zone()
	t.data.note(message{now.UnixMilli(), int32(offset), d, text, s}, true)
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
		if line := strings.TrimSpace(string(w.line[:i])); line != "" {
			(*TUI)(w).noteOwn("", clean(line, maxText), severityWarn)
		}
		w.line = w.line[i+1:]
	}
}

// model is the full-screen view as bubbletea drives it: on its own goroutine,
// which alone touches view and content.
type model struct {
	t       *TUI
	leave   func() // the person wants to leave
	view    tuiView
	content string
	version uint64 // of the data in content
	second  int64  // of the clock in content
}

type tick struct{}

func nextTick() tea.Cmd {
	return tea.Tick(redrawEvery, func(time.Time) tea.Msg { return tick{} })
}

// Init starts the ticks by which the screen follows the log.
func (m *model) Init() tea.Cmd {
	m.redraw(true)
	return nextTick()
}

// Update handles a tick, a key or a new size.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tick:
		m.redraw(false)
		return m, nextTick()
	case tea.WindowSizeMsg:
		m.view.w, m.view.h = msg.Width, msg.Height
	case tea.KeyPressMsg:
		if m.pressKey(msg.String()) {
			m.leave()
			return m, tea.Quit
		}
	case tea.PasteMsg:
		m.insertText(msg.Content)
	default:
		return m, nil
	}
	m.redraw(true)
	return m, nil
}

// View is the last frame; the library writes what changed of it.
func (m *model) View() tea.View {
	v := tea.NewView(m.content)
	v.AltScreen = true
	v.WindowTitle = "vaiven"
	return v
}

// redraw makes a new frame if there is anything new: an event, another second,
// or, when forced, a key. The data is locked meanwhile, which costs Apply at
// most a frame's work and no I/O.
func (m *model) redraw(force bool) {
	now := m.t.o.Now()
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	d := m.t.data
	if !force && d.version == m.version && now.Unix() == m.second {
		return
	}
	m.version, m.second = d.version, now.Unix()
	m.content = drawFrame(d, &m.view, &m.t.o, now)
}
