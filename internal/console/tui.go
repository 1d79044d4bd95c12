package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

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

	// requests are handed to RequestChange by Run, one after the other; full: a key
	// press is refused, and said so.
	requests chan vaiven.ChangeRequest
}

// maxRequests is how many key presses wait while the log takes one.
const maxRequests = 8

// NewTUI returns the view; nothing is drawn before Run.
func NewTUI(o TUIOptions) *TUI {
	if o.Now == nil {
		o.Now = time.Now
	}
	o.States = defaultStates(o.States)
	t := &TUI{o: o, data: newTUIData(o.Lang, o.Roster), requests: make(chan vaiven.ChangeRequest, maxRequests)}
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
			if why := t.o.RequestChange.submit(ctx, t.o.Lang, &r); why != "" {
				t.mu.Lock()
				t.noteOwn(r.Device, why, severityBad)
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

// pressKey changes the view, and reports whether the person wants to leave.
func (m *model) pressKey(k string) (quit bool) {
	v := &m.view
	switch {
	case k == "ctrl+c" || !v.prompting && (k == "q" || k == "Q"):
		return true
	case v.help:
		v.help = false
		return false
	case v.prompting:
		m.pressPromptKey(k)
		return false
	}
	v.problem = ""
	page := max(v.h/2, 1)
	switch k {
	case "?", "h", "f1":
		v.help = true
	case "s":
		v.sort = (v.sort + 1) % sortKeys
	case "r":
		v.reverse = !v.reverse
	case "e":
		v.all, v.back = !v.all, 0
	case "tab":
		v.inPane = !v.inPane
	case "up", "k":
		m.moveSelection(-1)
	case "down", "j":
		m.moveSelection(1)
	case "pgup":
		m.moveSelection(-page)
	case "pgdown":
		m.moveSelection(page)
	case "home", "g":
		m.moveSelection(-maxRows)
	case "end", "G":
		m.moveSelection(maxRows)
	case "left":
		m.chooseState(-1)
	case "right":
		m.chooseState(1)
	case "space", "t", "enter":
		if !v.inPane && m.t.o.RequestChange != nil {
			m.runCommand(command{toggle: true})
		} else if k == "space" { // what it is in any pager
			m.moveSelection(page)
		}
	case "=", ":":
		if m.t.o.RequestChange == nil {
			break
		}
		v.prompting, v.input = true, ""
		if k == "=" {
			m.t.mu.Lock()
			b := &board{}
			if r := m.t.data.rows[v.selected]; r != nil {
				b = &r.board
			}
			v.input = v.chosenState(b, m.t.o.States) + "="
			m.t.mu.Unlock()
		}
	}
	return false
}

// moveSelection moves the selection by n rows, or the pane by n lines.
func (m *model) moveSelection(n int) {
	if m.view.inPane {
		m.view.back = max(m.view.back-n, 0) // drawFrame bounds it above
		return
	}
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	rows := m.t.data.sorted(&m.view)
	for i, r := range rows {
		if r.ID == m.view.selected {
			m.view.selected = rows[min(max(i+n, 0), len(rows)-1)].ID
			return
		}
	}
}

// chooseState goes to the next state of the selected device, or back.
func (m *model) chooseState(step int) {
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	r := m.t.data.rows[m.view.selected]
	if r == nil {
		return
	}
	names := r.stateNames(m.t.o.States)
	i := slices.Index(names, m.view.chosenState(&r.board, m.t.o.States))
	m.view.stateName = names[(i+step+len(names))%len(names)]
}

// pressPromptKey takes a key while the prompt is open.
func (m *model) pressPromptKey(k string) {
	v := &m.view
	switch k {
	case "enter":
		v.prompting = false
		if strings.TrimSpace(v.input) == "" {
			return
		}
		known := func(d vaiven.Device) bool {
			m.t.mu.Lock()
			defer m.t.mu.Unlock()
			return m.t.data.rows[d] != nil
		}
		c, err := parseCommand(m.t.o.Lang, v.input, known)
		switch {
		case err != nil:
			v.problem = err.Error()
		case c.help:
			v.help = true
		default:
			m.runCommand(c)
		}
	case "esc":
		v.prompting = false
	case "ctrl+u":
		v.input = ""
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(v.input)
		v.input = v.input[:len(v.input)-n]
	case "space":
		m.insertText(" ")
	default:
		if utf8.RuneCountInString(k) == 1 { // other keys have names
			m.insertText(k)
		}
	}
}

// insertText adds text to the prompt, when it is open.
func (m *model) insertText(text string) {
	if !m.view.prompting {
		return
	}
	for _, r := range text {
		if r == '\n' || r == '\r' {
			return
		}
		if unicode.IsPrint(r) && r != utf8.RuneError && len(m.view.input) < maxCommand {
			m.view.input += string(r)
		}
	}
}

// runCommand does what was typed: it chooses a device, or queues the request of a
// change, without waiting.
func (m *model) runCommand(c command) {
	v, l := &m.view, m.t.o.Lang
	d := cmp.Or(c.device, v.selected)
	m.t.mu.Lock()
	row := m.t.data.rows[d]
	var r vaiven.ChangeRequest
	var err error
	if row != nil {
		r, err = c.changeRequest(l, d, &row.board, m.t.o.States, v.chosenState(&row.board, m.t.o.States))
	}
	m.t.mu.Unlock()
	switch {
	case row == nil && d == "":
		v.problem = l.Say("no such board", "no hay tal placa")
	case row == nil:
		v.problem = l.Say("no such board", "no hay tal placa") + ": " + string(d)
	case c.choosesDevice():
		v.selected = d
	case err != nil:
		v.problem = err.Error()
	default:
		select {
		case m.t.requests <- r:
		default:
			v.problem = l.Say("too fast: the log is still taking the last one", "demasiado rápido: el registro aún recibe el anterior")
		}
	}
}
