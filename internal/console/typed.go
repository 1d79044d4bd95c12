package console

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"vaiven"
)

// typed is a line that a person typed, understood: one to choose a device, to
// change states, or to ask for help.
type typed struct {
	help   bool
	toggle bool          // t, or an empty line
	device vaiven.Device // "": the chosen one
	names  []string      // what t turns over, empty: the main state
	states []vaiven.Value
}

// chooses reports whether the line only names a device.
func (t typed) chooses() bool {
	return t.device != "" && !t.toggle && len(t.states) == 0
}

// maxTyped is the longest line that is read, in bytes.
const maxTyped = 512

// parseTyped reads
//
//	            t  t RELAY          turn over
//	101         101 t  t 101 RELAY  of a device
//	LED=1       101 LED=0 DIM=40    ask for values
//	?  h
//
// known tells devices apart from other words; up to three digits are always a
// device. The error says, in the language, what was not understood.
func parseTyped(l vaiven.Lang, line string, known func(vaiven.Device) bool) (typed, error) {
	var t typed
	if len(line) > maxTyped {
		return t, errors.New(l.Say("too long for a line", "demasiado largo para una línea"))
	}
	words := strings.Fields(joinEquals(line))
	if len(words) == 0 {
		return typed{toggle: true}, nil
	}
	if len(words) == 1 {
		switch strings.ToLower(words[0]) {
		case "?", "h", "help", "ayuda":
			return typed{help: true}, nil
		}
	}
	for i, word := range words {
		if err := t.word(l, i, word, known); err != nil {
			return typed{}, err
		}
	}
	if len(t.names)+len(t.states) > vaiven.MaxStates {
		return typed{}, fmt.Errorf(l.Say("at most %d states at once", "como máximo %d estados a la vez"), vaiven.MaxStates)
	}
	return t, nil
}

// joinEquals makes LED = 1 one word.
func joinEquals(line string) string {
	parts := strings.Split(line, "=")
	for i := range parts {
		if i > 0 {
			parts[i] = strings.TrimLeft(parts[i], " \t")
		}
		if i < len(parts)-1 {
			parts[i] = strings.TrimRight(parts[i], " \t")
		}
	}
	return strings.Join(parts, "=")
}

func (t *typed) word(l vaiven.Lang, i int, word string, known func(vaiven.Device) bool) error {
	if name, value, ok := strings.Cut(word, "="); ok {
		return t.value(l, name, value)
	}
	if strings.EqualFold(word, "t") && !t.toggle {
		t.toggle = true
		return nil
	}
	if d, err := vaiven.ParseDevice(word); err == nil && t.device == "" && len(t.names)+len(t.states) == 0 &&
		(number(word) || known(d)) {
		t.device = d
		return nil
	}
	if !t.toggle {
		return notUnderstood(l, word)
	}
	name, err := t.name(l, word)
	t.names = append(t.names, name)
	return err
}

// number reports whether the word is an id as boards of a course have it.
func number(word string) bool {
	return len(word) <= 3 && strings.Trim(word, "0123456789") == ""
}

func notUnderstood(l vaiven.Lang, word string) error {
	return fmt.Errorf(l.Say("%q is neither a board nor a key", "%q no es una placa ni una tecla"), clean(vaiven.Shorten(word), maxRemote))
}

// name reads the name of a state that was not named before.
func (t *typed) name(l vaiven.Lang, word string) (string, error) {
	name := strings.ToUpper(word)
	if !vaiven.ValidState(name) {
		return "", fmt.Errorf(l.Say("%q is not the name of a state", "%q no es el nombre de un estado"), clean(vaiven.Shorten(word), maxRemote))
	}
	if _, twice := vaiven.Find(t.states, name); twice || slices.Contains(t.names, name) {
		return "", fmt.Errorf(l.Say("%s is there twice", "%s está dos veces"), name)
	}
	return name, nil
}

func (t *typed) value(l vaiven.Lang, word, value string) error {
	name, err := t.name(l, word)
	if err != nil {
		return err
	}
	num, ok := stateNumber(value)
	if !ok {
		return fmt.Errorf(l.Say("%s=%s: write a number, like 1, 0 or 0.5", "%s=%s: escribe un número, como 1, 0 o 0.5"),
			name, clean(vaiven.Shorten(value), maxRemote))
	}
	t.states = append(t.states, vaiven.Value{Name: name, Num: num})
	return nil
}

// stateNumber reads a decimal number, or on and off.
func stateNumber(s string) (float64, bool) {
	switch strings.ToLower(s) {
	case "on":
		return 1, true
	case "off":
		return 0, true
	}
	if s == "" || strings.Trim(s, "0123456789+-.eE") != "" {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, false
	}
	return f + 0, true
}
