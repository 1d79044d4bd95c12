package button

import (
	"strconv"
	"strings"

	"vaiven"
)

// Binding joins a line with the states that it switches (a button) or shows (an
// indicator).
type Binding struct {
	Line    string // GPIO17, another line's name, or gpiochip0/17
	Level   Level
	NoPull  bool // the button has a resistor of its own
	Targets []Target
}

// Target is one state of one device.
type Target struct {
	Device vaiven.Device
	State  string // upper case
}

// Level is the level of a line that means pressed or lit.
type Level string

// Levels of a line.
const (
	Usual      Level = ""            // of a button: low (it connects the line to ground); of an indicator: high
	ActiveLow  Level = "active-low"  // 0 V is pressed, or lit
	ActiveHigh Level = "active-high" // 3.3 V is pressed, or lit
)

// noPull is the option for a line that needs no resistor of the chip's.
const noPull = "no-pull"

// DefaultState is what a binding without a state is about.
const DefaultState = "LED"

// activeLow resolves Usual, which is low for buttons and high for indicators.
func (b Binding) activeLow(button bool) bool {
	return b.Level == ActiveLow || b.Level == Usual && button
}

// String writes the binding as ParseBinding reads it.
func (b Binding) String() string {
	s := b.Line
	if b.Level != Usual {
		s += ":" + string(b.Level)
	}
	if b.NoPull {
		s += ":" + noPull
	}
	sep := "="
	for _, t := range b.Targets {
		s += sep + string(t.Device) + ":" + t.State
		sep = ","
	}
	return s
}

// ParseBinding reads LINE=DEVICE:STATE, for instance GPIO17=101:LED. LINE is a
// name in any case (GPIO17, also written 17, BCM17 or "line 17"), or a chip and
// a place on it (gpiochip0/17), and may be followed by :active-low, :active-high
// or :no-pull. Several states stand behind it with commas; without a state LED
// is meant. The error is a *BindingError.
func ParseBinding(s string) (Binding, error) {
	left, right, found := strings.Cut(strings.TrimSpace(s), "=")
	if strings.TrimSpace(s) == "" {
		return Binding{}, bad(s, "nothing is written there: write "+example, "no hay nada escrito: escribe "+example)
	}
	if !found {
		return Binding{}, withoutEquals(s)
	}
	var b Binding
	if err := b.parseLine(s, left); err != nil {
		return Binding{}, err
	}
	for part := range strings.SplitSeq(right, ",") {
		t, err := parseTarget(s, b.Line, part)
		if err != nil {
			return Binding{}, err
		}
		for _, other := range b.Targets {
			if other == t {
				return Binding{}, bad(s, string(t.Device)+":"+t.State+" stands there twice", string(t.Device)+":"+t.State+" está dos veces")
			}
		}
		b.Targets = append(b.Targets, t)
	}
	return b, nil
}

// example is a binding as it should be.
const example = "GPIO17=101:LED"

// parseLine reads the part before the "=": the line and its options.
func (b *Binding) parseLine(input, left string) error {
	parts := strings.Split(strings.TrimPrefix(strings.ReplaceAll(left, " ", ""), "/dev/"), ":")
	line, options := parts[0], parts[1:]
	if len(options) > 0 && chipName(line) && digits(options[0]) {
		line, options = line+"/"+options[0], options[1:]
	}
	var err error
	if b.Line, err = parseLineName(input, line); err != nil {
		return err
	}
	for _, o := range options {
		switch o = strings.ToLower(o); o {
		case string(ActiveLow), string(ActiveHigh):
			b.Level = Level(o)
		case noPull:
			b.NoPull = true
		default:
			return bad(input, "the line has no option "+quote(o)+": there are active-low, active-high and no-pull",
				"la línea no tiene la opción "+quote(o)+": hay active-low, active-high y no-pull")
		}
	}
	return nil
}

// parseTarget reads DEVICE:STATE.
func parseTarget(input, line, part string) (Target, error) {
	device, state, named := strings.Cut(strings.TrimSpace(part), ":")
	if !named {
		state = DefaultState
	}
	device, state = strings.TrimSpace(device), strings.ToUpper(strings.TrimSpace(state))
	if device == "" {
		return Target{}, bad(input, "the board's id is missing: write "+line+"=101:LED", "falta la id de la placa: escribe "+line+"=101:LED")
	}
	id, err := vaiven.ParseDevice(device)
	if err != nil {
		return Target{}, bad(input, quote(device)+" is no board's id: write a number such as 101",
			quote(device)+" no es la id de una placa: escribe un número como 101")
	}
	if name, rest, more := strings.Cut(state, ":"); more {
		fixed := line + ":" + strings.ToLower(rest) + "=" + string(id) + ":" + name
		return Target{}, bad(input, "something stands behind the state; options belong to the line: "+fixed,
			"hay algo detrás del estado; las opciones van con la línea: "+fixed)
	}
	if state == "" {
		return Target{}, bad(input, "the state is missing: write "+line+"="+string(id)+":LED", "falta el estado: escribe "+line+"="+string(id)+":LED")
	}
	if !vaiven.ValidName(state) {
		return Target{}, bad(input, quote(state)+" is no state's name: up to 16 of A-Z 0-9 _, such as LED",
			quote(state)+" no es nombre de un estado: hasta 16 de A-Z 0-9 _, como LED")
	}
	return Target{id, state}, nil
}

// withoutEquals explains a binding in which nothing is bound.
func withoutEquals(s string) error {
	fixed := example
	var b Binding
	if b.parseLine(s, s) == nil {
		fixed = b.Line + "=101:LED"
	} else if line, rest, ok := strings.Cut(strings.TrimSpace(s), ":"); ok {
		if target, err := parseTarget(s, line, rest); err == nil {
			fixed = line + "=" + string(target.Device) + ":" + target.State
		}
	}
	return bad(s, "the = between the line and the board is missing: write "+fixed, "falta el = entre la línea y la placa: escribe "+fixed)
}

// Check reports a line that is bound twice: it can be only one thing. The error
// is a *BindingError.
func Check(buttons, indicators []Binding) error {
	seen := map[string]bool{}
	for _, list := range [][]Binding{buttons, indicators} {
		for _, b := range list {
			key := strings.ToUpper(b.Line)
			if seen[key] {
				return bad(b.String(), b.Line+" is bound twice; a button for several boards is written "+b.Line+"=101:LED,102:LED",
					b.Line+" está asignada dos veces; un botón para varias placas se escribe "+b.Line+"=101:LED,102:LED")
			}
			seen[key] = true
		}
	}
	return nil
}

// BindingError says what is wrong with a binding, and how to write it.
type BindingError struct {
	Input  string // as it was written, shortened
	en, es string
}

func bad(input, en, es string) *BindingError {
	return &BindingError{Input: vaiven.Shorten(input), en: en, es: es}
}

// Text is the error in words.
func (e *BindingError) Text(l vaiven.Lang) string { return quote(e.Input) + ": " + l.Say(e.en, e.es) }

// Error is Text in English.
func (e *BindingError) Error() string { return e.Text(vaiven.English) }

func quote(s string) string { return `"` + vaiven.Shorten(s) + `"` }

// maxLineName is how long the kernel's names of lines may be, in bytes.
const maxLineName = 31

// parseLineName brings a line's name, without spaces, into the one spelling
// that messages use: GPIO17, gpiochip0/17, or a name of the board's own as it
// was written.
func parseLineName(input, name string) (string, error) {
	if name == "" {
		return "", bad(input, "the line is missing: write "+example, "falta la línea: escribe "+example)
	}
	lower := strings.ToLower(name)
	for _, prefix := range []string{"gpio", "bcm", "line", "gpio_", "gpio-", ""} {
		if n, ok := strings.CutPrefix(lower, prefix); ok && digits(n) {
			return "GPIO" + number(n), nil
		}
	}
	if chip, n, ok := strings.Cut(lower, "/"); ok && chipName(chip) && digits(n) {
		return chip + "/" + number(n), nil
	}
	if n, ok := strings.CutPrefix(lower, "pin"); ok && digits(n) {
		return "", headerPin(input, n)
	}
	if chipName(lower) {
		return "", bad(input, "which line of "+lower+"? write "+lower+"/17=101:LED", "¿qué línea de "+lower+"? escribe "+lower+"/17=101:LED")
	}
	if len(name) > maxLineName || strings.ContainsFunc(name, notInName) {
		return "", bad(input, quote(name)+" is no line's name: write GPIO17, or gpiochip0/17",
			quote(name)+" no es nombre de una línea: escribe GPIO17, o gpiochip0/17")
	}
	return name, nil
}

// headerPin explains the other way of counting: pins of the 40-pin header have
// numbers of their own, which are not those of the lines.
func headerPin(input, n string) error {
	pin, _ := strconv.Atoi(number(n)) // what does not fit is no pin of the header either
	if line, ok := headerLines[pin]; ok {
		gpio := "GPIO" + strconv.Itoa(line)
		return bad(input, "pin "+n+" of the header is "+gpio+": write "+gpio+"=101:LED", "el pin "+n+" del conector es "+gpio+": escribe "+gpio+"=101:LED")
	}
	return bad(input, "pin "+n+" of the header is no GPIO line: use another, such as pin 11, which is GPIO17",
		"el pin "+n+" del conector no es una línea GPIO: usa otro, como el pin 11, que es GPIO17")
}

// headerLines are the GPIO lines of the Raspberry Pi's 40-pin header by pin (all
// models since the B+).
var headerLines = map[int]int{
	3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
	23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}

// chipLine splits gpiochip0/17.
func chipLine(line string) (chip string, offset int, ok bool) {
	chip, n, ok := strings.Cut(line, "/")
	if !ok || !chipName(chip) {
		return "", 0, false
	}
	offset, err := strconv.Atoi(n)
	return chip, offset, err == nil
}

// headerLine is the number of GPIO17, which is its place on the chip behind the
// header also where the kernel gives that line another name.
func headerLine(line string) (int, bool) {
	n, ok := strings.CutPrefix(line, "GPIO")
	if !ok || !digits(n) {
		return 0, false
	}
	i, err := strconv.Atoi(n)
	return i, err == nil
}

func chipName(s string) bool {
	n, ok := strings.CutPrefix(strings.ToLower(s), "gpiochip")
	return ok && digits(n)
}

// digits reports whether s is a number that a line may have.
func digits(s string) bool {
	return s != "" && len(s) <= 4 && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// number drops leading zeros.
func number(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}

func notInName(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("_-./+", r)
}
