package console

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// model is the full-screen view as bubbletea drives it: on its own goroutine,
// which alone touches look and content.
type model struct {
	t       *TUI
	look    look
	content string
	version uint64 // of the state in content
	second  int64  // of the clock in content
}

type tick struct{}

func (m *model) tick() tea.Cmd {
	return tea.Tick(redrawEvery, func(time.Time) tea.Msg { return tick{} })
}

// Init starts the ticks by which the screen follows the log.
func (m *model) Init() tea.Cmd {
	m.draw(true)
	return m.tick()
}

// Update handles a tick, a key or a new size.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tick:
		m.draw(false)
		return m, m.tick()
	case tea.WindowSizeMsg:
		m.look.w, m.look.h = msg.Width, msg.Height
	case tea.KeyPressMsg:
		if m.key(msg.String()) {
			m.t.leave()
			return m, tea.Quit
		}
	case tea.PasteMsg:
		m.paste(msg.Content)
	default:
		return m, nil
	}
	m.draw(true)
	return m, nil
}

// View is the last frame; the library writes what changed of it.
func (m *model) View() tea.View {
	v := tea.NewView(m.content)
	v.AltScreen = true
	v.WindowTitle = "vaiven"
	return v
}

// draw makes a new frame if there is anything new: an event, another second,
// or, when forced, a key. The state is locked meanwhile, which costs Apply at
// most a frame's work and no I/O.
func (m *model) draw(force bool) {
	now := m.t.o.Now()
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	s := m.t.state
	if !force && s.version == m.version && now.Unix() == m.second {
		return
	}
	m.version, m.second = s.version, now.Unix()
	m.content = frame(s, &m.look, &m.t.o, now)
}

// key changes the look, and reports whether the person wants to leave.
func (m *model) key(k string) (quit bool) {
	l := &m.look
	if k == "ctrl+c" || !l.typing && (k == "q" || k == "Q") {
		return true
	}
	if l.help {
		l.help = false
		return false
	}
	if l.typing {
		m.prompt(k)
		return false
	}
	l.said = ""
	switch k {
	case "?", "h", "f1":
		l.help = true
	case "s":
		l.sort = (l.sort + 1) % sortKeys
	case "r":
		l.reverse = !l.reverse
	case "e":
		l.all, l.back = !l.all, 0
	case "tab":
		l.inPane = !l.inPane
	case "up", "k":
		m.move(-1)
	case "down", "j":
		m.move(1)
	case "pgup":
		m.move(-max(l.h/2, 1))
	case "pgdown":
		m.move(max(l.h/2, 1))
	case "space", "t", "enter":
		m.toggle(k)
	case "left":
		m.chooseState(-1)
	case "right":
		m.chooseState(1)
	case "=", ":":
		m.openPrompt(k)
	case "home", "g":
		m.move(-maxRows)
	case "end", "G":
		m.move(maxRows)
	}
	return false
}

// move moves the selection by n rows, or the pane by n lines.
func (m *model) move(n int) {
	if m.look.inPane {
		m.look.back = max(m.look.back-n, 0) // frame bounds it above
		return
	}
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	rows := m.t.state.sorted(&m.look)
	for i, r := range rows {
		if r.ID == m.look.sel {
			m.look.sel = rows[min(max(i+n, 0), len(rows)-1)].ID
			return
		}
	}
}
