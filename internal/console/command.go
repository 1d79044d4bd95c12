package console

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// command is a line that a person typed, understood: one to choose a device, to
// change states, or to ask for help.
type command struct {
	help    bool
	approve bool          // let in who waits
	toggle  bool          // t, or an empty line
	device  vaiven.Device // "": the chosen one
	toggles []string      // what t turns over, empty: the main state
	states  []vaiven.Value
}

// choosesDevice reports whether the line only names a device.
func (c command) choosesDevice() bool {
	return c.device != "" && !c.toggle && len(c.states) == 0
}

// maxCommand is the longest line that is read, in bytes.
const maxCommand = 512

// parseCommand reads
//
//	            t  t RELAY          turn over
//	101         101 t  t 101 RELAY  of a device
//	LED=1       101 LED=0 DIM=40    ask for values
//	?  h
//
// known tells devices apart from other words; up to three digits are always a
// device. The error says, in the language, what was not understood.
func parseCommand(l vaiven.Lang, line string, known func(vaiven.Device) bool) (command, error) {
	var c command
	if len(line) > maxCommand {
		return c, errors.New(l.Say("too long for a line", "demasiado largo para una línea"))
	}
	parts := strings.Split(line, "=") // LED = 1 is one word
	for i := range parts {
		if i > 0 {
			parts[i] = strings.TrimLeft(parts[i], " \t")
		}
		if i < len(parts)-1 {
			parts[i] = strings.TrimRight(parts[i], " \t")
		}
	}
	words := strings.Fields(strings.Join(parts, "="))
	if len(words) == 0 {
		return command{toggle: true}, nil
	}
	if len(words) == 1 {
		switch strings.ToLower(words[0]) {
		case "?", "h", "help", "ayuda":
			return command{help: true}, nil
		case "a":
			if !known("a") { // which may be a board
				return command{approve: true}, nil
			}
		}
	}
	for _, word := range words {
		if err := c.addWord(l, word, known); err != nil {
			return command{}, err
		}
	}
	if len(c.toggles)+len(c.states) > vaiven.MaxStates {
		return command{}, fmt.Errorf(l.Say("at most %d states at once", "como máximo %d estados a la vez"), vaiven.MaxStates)
	}
	return c, nil
}

func (c *command) addWord(l vaiven.Lang, word string, known func(vaiven.Device) bool) error {
	quoted := func(s string) string { return clean(vaiven.Shorten(s), maxRemote) }
	name, value, isValue := strings.Cut(word, "=")
	if !isValue {
		if strings.EqualFold(word, "t") && !c.toggle {
			c.toggle = true
			return nil
		}
		courseID := len(word) <= 3 && strings.Trim(word, "0123456789") == "" // as boards of a course have it
		if d, err := vaiven.ParseDevice(word); err == nil && c.device == "" && len(c.toggles)+len(c.states) == 0 && (courseID || known(d)) {
			c.device = d
			return nil
		}
		if !c.toggle {
			return fmt.Errorf(l.Say("%q is neither a board nor a key", "%q no es una placa ni una tecla"), quoted(word))
		}
	}
	state := strings.ToUpper(name)
	if !vaiven.ValidState(state) {
		return fmt.Errorf(l.Say("%q is not the name of a state", "%q no es el nombre de un estado"), quoted(name))
	}
	if _, twice := vaiven.Find(c.states, state); twice || slices.Contains(c.toggles, state) {
		return fmt.Errorf(l.Say("%s is there twice", "%s está dos veces"), state)
	}
	if !isValue {
		c.toggles = append(c.toggles, state)
		return nil
	}
	num, ok := parseStateNumber(value)
	if !ok {
		return fmt.Errorf(l.Say("%s=%s: write a number, like 1, 0 or 0.5", "%s=%s: escribe un número, como 1, 0 o 0.5"), state, quoted(value))
	}
	c.states = append(c.states, vaiven.Value{Name: state, Num: num})
	return nil
}

// parseStateNumber reads a decimal number, or on and off.
func parseStateNumber(s string) (float64, bool) {
	switch strings.ToLower(s) {
	case "on":
		return 1, true
	case "off":
		return 0, true
	}
	if strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	return f + 0, true
}

// changeRequest is what the command asks of a device; main is what is turned over
// when no state is named. The device must have the states: the twin would take any
// name, and a slip of the keyboard would wait for ever. The error is in words.
func (c command) changeRequest(l vaiven.Lang, d vaiven.Device, b *board, own []string, main string) (vaiven.ChangeRequest, error) {
	r := vaiven.ChangeRequest{Device: d, States: c.states, Toggle: c.toggles}
	if c.toggle && len(r.Toggle)+len(r.States) == 0 {
		r.Toggle = []string{main}
	}
	have := b.stateNames(own)
	if name, unknown := r.Unknown(have); unknown {
		return r, fmt.Errorf(l.Say("%s has no state %s; it has %s", "%s no tiene el estado %s; tiene %s"),
			d, name, strings.Join(have[:min(len(have), 8)], ", "))
	}
	return r, nil
}

// RequestChange requests a change of state; it returns when that is in the log, or
// with an error in words for a person. What becomes of the change comes as events. It
// is called by one goroutine at a time, and must return when ctx is over.
type RequestChange func(ctx context.Context, r vaiven.ChangeRequest) error

// requestTimeout is how long a person waits for a change to be taken.
const requestTimeout = 5 * time.Second

// submit requests a change, within requestTimeout if f keeps to its promise, and returns
// in words why it was not taken, "" when it was.
func (f RequestChange) submit(ctx context.Context, l vaiven.Lang, r *vaiven.ChangeRequest) (why string) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := f(ctx, *r)
	if err == nil {
		return ""
	}
	why = clean(err.Error(), maxText)
	var refused *vaiven.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &refused) && refused.Code == vaiven.CodeBusy:
		why = l.Say("the log takes nothing at the moment; try again", "el registro no recibe nada en este momento; inténtalo otra vez")
	case errors.Is(err, context.Canceled):
		why = l.Say("the server is ending", "el servidor está terminando")
	}
	what := strings.TrimSpace(states(r.States) + " " + strings.Join(r.Toggle, " "))
	return fmt.Sprintf(l.Say("%s of %s was not asked: %s", "no se pidió %s de %s: %s"), what, r.Device, why)
}

// defaultStates are the states that every board may have: those of the server, LED
// if it says nothing.
func defaultStates(names []string) []string {
	if len(names) == 0 {
		return []string{"LED"}
	}
	return names
}

// mainState is the state that is meant when none is named: LED, or the first.
func mainState(names []string) string {
	if len(names) == 0 || slices.Contains(names, "LED") {
		return "LED"
	}
	return names[0]
}
