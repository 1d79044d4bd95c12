package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vaiven"
	"vaiven/internal/button"
)

// askWait bounds how long a key or a button waits for the log.
const askWait = 5 * time.Second

// Ask writes a change for somebody at this computer, of states that the board may be
// asked for; r.By says how it was asked. It returns once the change counts, and does
// not wait for the board. The error is in words.
func (s *Server) Ask(ctx context.Context, r vaiven.ChangeRequest) error {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	state, _ := s.twin.State(r.Device)
	info, _ := s.registry.Device(r.Device)
	known := state.Askable(s.o.states(), info.Declared)
	if name, unknown := r.Unknown(known); unknown {
		return fmt.Errorf(s.o.Lang.Say("has no state %s; it has %v", "no tiene el estado %s; tiene %v"), name, known)
	}
	_, err := s.twin.Ask(ctx, r)
	var refused *vaiven.Error
	if errors.As(err, &refused) && refused.Code == vaiven.CodeBusy || errors.Is(err, context.DeadlineExceeded) {
		return errors.New(s.o.Lang.Say("the log takes nothing now; try again", "el registro no admite nada ahora; inténtalo otra vez"))
	}
	return err
}

// openPanel takes the lines that buttons and indicators are bound to. What cannot
// be had is told, and the server runs on.
func (s *Server) openPanel() {
	if len(s.o.Buttons)+len(s.o.Indicators) == 0 {
		return
	}
	s.panel = button.Open(button.Options{
		Buttons: s.o.Buttons, Indicators: s.o.Indicators, Lang: s.o.Lang,
		Press: s.press, State: s.lit, Notice: s.o.Notify,
	})
	s.unwatch = append(s.unwatch, s.twin.Watch(s.showOnPanel))
}

// press turns over what a button is bound to. Whoever presses is told why it did not
// work; what becomes of it everybody sees.
func (s *Server) press(ctx context.Context, b button.Binding) {
	for _, t := range b.Targets {
		r := vaiven.ChangeRequest{Device: t.Device, Toggle: []string{t.State}, By: "button " + b.Line}
		if err := s.Ask(ctx, r); err != nil {
			s.o.Notify(fmt.Sprintf("%s  %s", t.Device, err), "")
		}
	}
}

// showOnPanel lights the indicators of a device.
func (s *Server) showOnPanel(d vaiven.Device) {
	for _, b := range s.o.Indicators {
		for _, t := range b.Targets {
			if t.Device == d {
				s.panel.Show(d, t.State, s.lit(d, t.State))
			}
		}
	}
}

// lit says what an indicator shows: the state that the board confirmed, or that was
// last written to its connection if it is one that does not report.
func (s *Server) lit(d vaiven.Device, name string) bool {
	state, _ := s.twin.State(d)
	if state.Reports {
		v, _ := state.Find(name)
		return v != 0
	}
	value := 0.0
	for _, l := range state.Recent {
		if v, ok := vaiven.Find(l.End.States, name); ok && l.Sent != 0 {
			value = v
		}
	}
	for _, p := range state.Open {
		if v, ok := vaiven.Find(p.States, name); ok && p.Sent != 0 {
			value = v
		}
	}
	return value != 0
}
