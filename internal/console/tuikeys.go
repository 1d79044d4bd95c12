package console

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vaiven"
)

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
	case "a":
		m.approve()
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
		m.request(request{change: r})
	}
}

// request queues what a key asked for.
func (m *model) request(r request) {
	select {
	case m.t.requests <- r:
	default:
		m.view.problem = m.t.o.Lang.Say("too fast: the log is still taking the last one", "demasiado rápido: el registro aún recibe el anterior")
	}
}

// approve lets in who waits longest.
func (m *model) approve() {
	o := &m.t.o
	if o.Approve == nil || o.Waiting == nil || len(o.Waiting()) == 0 {
		m.view.problem = o.Lang.Say("no board waits to be let in", "ninguna placa espera a ser admitida")
		return
	}
	m.request(request{waiting: &o.Waiting()[0]})
}
