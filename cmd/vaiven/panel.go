package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/button"
)

// bindings is a flag of buttons or indicators, as GPIO17=101:LED.
type bindings struct{ b *[]button.Binding }

func (v bindings) String() string {
	if v.b == nil || len(*v.b) == 0 {
		return ""
	}
	s := ""
	for i, b := range *v.b {
		if i > 0 {
			s += " "
		}
		s += b.String()
	}
	return s
}

func (v bindings) Type() string { return "LINE=BOARD:STATE" }

func (v bindings) Set(s string) error {
	for word := range strings.FieldsSeq(s) { // an environment variable holds several
		b, err := button.ParseBinding(word)
		if err != nil {
			return err
		}
		*v.b = append(*v.b, b)
	}
	return nil
}

// checkPanel refuses what no line could be, and words that no board could tell
// apart.
func (p *program) checkPanel(c *config) error {
	var wrong *button.BindingError
	if err := button.Check(c.Button, c.Indicator); errors.As(err, &wrong) {
		return usageError{errors.New(wrong.Text(p.lang))}
	}
	if n := len(c.LEDText); n != 0 && (n != 2 || c.LEDText[0] == c.LEDText[1] || c.LEDText[0] == "" || c.LEDText[1] == "") {
		return usageError{errors.New(p.say("--led-text: want two different words, for on and off, as ON,OFF",
			"--led-text: deben ser dos palabras distintas, para encendido y apagado, como ON,OFF"))}
	}
	return nil
}

// openPanel takes the lines that buttons and indicators are bound to. What cannot
// be had is told, and the server runs on.
func (a *app) openPanel() {
	if len(a.c.Button)+len(a.c.Indicator) == 0 {
		return
	}
	a.panel = button.Open(button.Options{
		Buttons: a.c.Button, Indicators: a.c.Indicator, Lang: a.lang,
		Press: a.press, State: a.lit, Notice: a.notice,
	})
	a.unwatch = append(a.unwatch, a.twin.Watch(a.showOnPanel))
}

// press turns over what a button is bound to. Whoever presses is told why it did not
// work; what becomes of it everybody sees.
func (a *app) press(ctx context.Context, b button.Binding) {
	for _, t := range b.Targets {
		r := vaiven.ChangeRequest{Device: t.Device, Toggle: []string{t.State}, By: "button " + b.Line}
		if err := a.tryAsk(ctx, r); err != nil {
			a.notice(fmt.Sprintf("%s  %s", t.Device, err), "")
		}
	}
}

// askWait bounds how long a key or a button waits for the log.
const askWait = 5 * time.Second

// tryAsk writes a change for somebody at this computer, of states that the board may
// be asked for. The error is in words.
func (a *app) tryAsk(ctx context.Context, r vaiven.ChangeRequest) error {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	known := a.states(r.Device)
	if state, unknown := r.Unknown(known); unknown {
		return fmt.Errorf(a.say("has no state %s; it has %v", "no tiene el estado %s; tiene %v"), state, known)
	}
	_, err := a.twin.Ask(ctx, r)
	var refused *vaiven.Error
	if errors.As(err, &refused) && refused.Code == vaiven.CodeBusy || errors.Is(err, context.DeadlineExceeded) {
		return errors.New(a.say("the log takes nothing now; try again", "el registro no admite nada ahora; inténtalo otra vez"))
	}
	return err
}

// states are the names of what a board can be asked for.
func (a *app) states(d vaiven.Device) []string {
	s, _ := a.twin.State(d)
	dev, _ := a.reg.Device(d)
	return s.Askable(a.ownStates(), dev.Declared)
}

// ownStates are those that every board has here: LED, --state, and what buttons
// and indicators are bound to.
func (a *app) ownStates() []string {
	names := append([]string{"LED"}, a.c.State...)
	for _, list := range [][]button.Binding{a.c.Button, a.c.Indicator} {
		for _, b := range list {
			for _, t := range b.Targets {
				names = append(names, t.State)
			}
		}
	}
	return unique(names)
}

// unique returns the words without repetitions, in their order.
func unique(words []string) []string {
	seen := make(map[string]bool, len(words))
	out := words[:0]
	for _, w := range words {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// showOnPanel lights the indicators of a device.
func (a *app) showOnPanel(d vaiven.Device) {
	for _, b := range a.c.Indicator {
		for _, t := range b.Targets {
			if t.Device == d {
				a.panel.Show(d, t.State, a.lit(d, t.State))
			}
		}
	}
}

// lit says what an indicator shows: the state that the board confirmed, or that
// was sent to it if it is one that does not report.
func (a *app) lit(d vaiven.Device, state string) bool {
	s, ok := a.twin.State(d)
	if !ok {
		return false
	}
	if s.Reports {
		v, _ := s.Find(state)
		return v != 0
	}
	return a.sent(s, state)
}

// sent is the value of a state that was last written to the board's connection.
func (a *app) sent(s vaiven.DeviceState, state string) bool {
	value := 0.0
	for _, l := range s.Recent {
		if v, ok := vaiven.Find(l.End.States, state); ok && l.Sent != 0 {
			value = v
		}
	}
	for _, p := range s.Open {
		if v, ok := vaiven.Find(p.States, state); ok && p.Sent != 0 {
			value = v
		}
	}
	return value != 0
}
