package console

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"vaiven"
)

// askAll hands on what keys ask for until ctx is over, one after the other, so
// that 1 and then 0 never becomes 0 and then 1.
func (t *TUI) askAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case r := <-t.asks:
			if err := request(ctx, t.o.Ask, r); err != nil {
				t.sayNow(r.Device, askFailed(t.o.Lang, &r, err))
			}
		}
	}
}

// sayNow puts a message of the screen itself into the pane.
func (t *TUI) sayNow(d vaiven.Device, text string) {
	now := t.o.Now()
	_, offset := now.Zone()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state.note(message{at: now.UnixMilli(), offset: int32(offset), device: d, text: text, mark: markBad}, true)
}

// toggle turns the chosen state of the selected device over. In the pane, or
// where nothing can be asked, space is what it is in any pager.
func (m *model) toggle(k string) {
	if m.look.inPane || m.t.o.Ask == nil {
		if k == "space" {
			m.move(max(m.look.h/2, 1))
		}
		return
	}
	m.do(typed{toggle: true})
}

// openPrompt begins a line; = puts the chosen state's name into it.
func (m *model) openPrompt(k string) {
	if m.t.o.Ask == nil {
		return
	}
	m.look.typing, m.look.typed = true, ""
	if k == "=" {
		m.t.mu.Lock()
		m.look.typed = m.stateName(m.t.state.rows[m.look.sel]) + "="
		m.t.mu.Unlock()
	}
}

// prompt takes a key while the prompt is open.
func (m *model) prompt(k string) {
	l := &m.look
	switch k {
	case "enter":
		l.typing = false
		if strings.TrimSpace(l.typed) != "" {
			m.typed(l.typed)
		}
	case "esc":
		l.typing = false
	case "ctrl+u":
		l.typed = ""
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(l.typed)
		l.typed = l.typed[:len(l.typed)-n]
	case "space":
		m.paste(" ")
	default:
		if utf8.RuneCountInString(k) == 1 { // other keys have names
			m.paste(k)
		}
	}
}

// paste adds text to the prompt, when it is open.
func (m *model) paste(text string) {
	if !m.look.typing {
		return
	}
	for _, r := range text {
		if r == '\n' || r == '\r' {
			return
		}
		if unicode.IsPrint(r) && r != utf8.RuneError && len(m.look.typed) < maxTyped {
			m.look.typed += string(r)
		}
	}
}

// typed does what a line asks for.
func (m *model) typed(line string) {
	t, err := parseTyped(m.t.o.Lang, line, m.known)
	switch {
	case err != nil:
		m.look.said = err.Error()
	case t.help:
		m.look.help = true
	default:
		m.do(t)
	}
}

func (m *model) known(d vaiven.Device) bool {
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	return m.t.state.rows[d] != nil
}

// do completes what was typed and hands it to the asker, without waiting.
func (m *model) do(t typed) {
	l, o := &m.look, &m.t.o
	ask := vaiven.ChangeRequest{Device: t.device, States: t.states, Toggle: t.names}
	if ask.Device == "" {
		ask.Device = l.sel
	}
	m.t.mu.Lock()
	r := m.t.state.rows[ask.Device]
	if r == nil {
		m.t.mu.Unlock()
		l.said = o.Lang.Say("no such board", "no hay tal placa")
		if ask.Device != "" {
			l.said += ": " + string(ask.Device)
		}
		return
	}
	if t.toggle && len(ask.Toggle)+len(ask.States) == 0 {
		ask.Toggle = []string{m.stateName(r)}
	}
	err := checkRequest(o.Lang, &ask, &r.board, o.States)
	m.t.mu.Unlock()
	switch {
	case t.chooses():
		l.sel = ask.Device
		return
	case err != nil:
		l.said = err.Error()
		return
	}
	select {
	case m.t.asks <- ask:
	default:
		l.said = o.Lang.Say("too fast: the log is still taking the last one", "demasiado rápido: el registro aún recibe el anterior")
	}
}

// stateName is the state that the keys are about on a row (which may be nil).
// The caller holds the state's lock.
func (m *model) stateName(r *row) string {
	var b board
	if r != nil {
		b = r.board
	}
	return m.look.stateOf(&b, m.t.o.States)
}

// stateOf is the chosen state, if the device has it, else its main one.
func (k *look) stateOf(b *board, own []string) string {
	names := b.stateNames(own)
	if slices.Contains(names, k.stateName) {
		return k.stateName
	}
	return mainState(names)
}

// chooseState goes to the next state of the selected device, or back.
func (m *model) chooseState(step int) {
	m.t.mu.Lock()
	defer m.t.mu.Unlock()
	r := m.t.state.rows[m.look.sel]
	if r == nil {
		return
	}
	names := r.stateNames(m.t.o.States)
	i := slices.Index(names, m.stateName(r))
	m.look.stateName = names[(i+step+len(names))%len(names)]
}
