package button

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// kind is why a line cannot be used.
type kind int

const (
	failed     kind = iota // for a reason that only the kernel knows: see err
	otherOS                // this system has no GPIO lines at all
	noChip                 // this computer has none
	noAccess               // the chip may not be opened
	inUse                  // by another program or driver
	unknown                // no chip has a line of that name
	noSuchChip             // gpiochip9/17, and there is no gpiochip9
	tooHigh                // gpiochip0/99, and the chip has fewer lines
	noEvents               // the line has no interrupt
	gone                   // the chip went away
)

// problem is why a line cannot be used, as a person is told. It is an error.
type problem struct {
	kind  kind
	line  string   // not of those that concern every line
	chip  string   // where it matters
	group string   // noAccess: which may open the chip, "" for root alone
	by    string   // inUse: the consumer that the kernel names
	names []string // unknown: near names; noSuchChip: the chips that there are
	lines int      // tooHigh: how many there are
	err   error
}

// Error is the problem in English.
func (p *problem) Error() string { return p.text(vaiven.English) }

func (p *problem) Unwrap() error { return p.err }

func (p *problem) text(l vaiven.Lang) string {
	switch p.kind {
	case otherOS:
		return l.Say("buttons and indicators need a Linux board: this system has no GPIO lines",
			"los botones y los indicadores necesitan una placa con Linux: este sistema no tiene líneas GPIO")
	case noChip:
		return l.Say("no GPIO chip here: buttons and indicators do nothing", "aquí no hay ningún chip GPIO: los botones y los indicadores no hacen nada")
	case noAccess:
		return fmt.Sprintf(l.Say("%s may not be opened: buttons and indicators do nothing",
			"no hay permiso para abrir %s: los botones y los indicadores no hacen nada"), p.chip)
	case inUse:
		if p.by == "" {
			return fmt.Sprintf(l.Say("line %s is in use", "la línea %s está en uso"), p.line)
		}
		return fmt.Sprintf(l.Say("line %s is in use by %q", "la línea %s está en uso por %q"), p.line, p.by)
	case unknown:
		return fmt.Sprintf(l.Say("this computer has no GPIO line %s", "este equipo no tiene la línea GPIO %s"), p.line)
	case noSuchChip:
		return fmt.Sprintf(l.Say("line %s: this computer has no %s", "línea %s: este equipo no tiene %s"), p.line, p.chip)
	case tooHigh:
		return fmt.Sprintf(l.Say("line %s: %s has %d lines, from 0 to %d", "línea %s: %s tiene %d líneas, de 0 a %d"), p.line, p.chip, p.lines, p.lines-1)
	case noEvents:
		return fmt.Sprintf(l.Say("line %s cannot tell when it is pressed: its chip has no interrupts",
			"la línea %s no puede avisar cuando se pulsa: su chip no tiene interrupciones"), p.line)
	case gone:
		return fmt.Sprintf(l.Say("line %s: its GPIO chip is gone", "línea %s: su chip GPIO ya no está"), p.line)
	}
	return fmt.Sprintf(l.Say("line %s does not work: %v", "la línea %s no funciona: %v"), p.line, p.err)
}

// hint is what to do about it.
func (p *problem) hint(l vaiven.Lang) string {
	again := l.Say("vaiven tries again by itself", "vaiven lo intenta de nuevo por sí solo")
	switch p.kind {
	case otherOS:
		return l.Say("everything else works; run vaiven on a Raspberry Pi to use them", "todo lo demás funciona; para usarlos, ejecuta vaiven en una Raspberry Pi")
	case noChip:
		return l.Say("they need a Raspberry Pi or another board with GPIO lines (ls /dev/gpiochip*); everything else works",
			"necesitan una Raspberry Pi u otra placa con líneas GPIO (ls /dev/gpiochip*); todo lo demás funciona")
	case noAccess:
		return p.accessHint(l)
	case inUse:
		return l.Say("stop the program that has it, or switch off the interface that uses it (SPI, I2C, 1-Wire: sudo raspi-config), or take another line; ",
			"cierra el programa que la tiene, o desactiva la interfaz que la usa (SPI, I2C, 1-Wire: sudo raspi-config), o toma otra línea; ") + again
	case unknown:
		if len(p.names) == 0 {
			return l.Say("its lines have no names: write the chip and the place, such as gpiochip0/17", "sus líneas no tienen nombre: escribe el chip y el lugar, como gpiochip0/17")
		}
		return l.Say("near ones: ", "parecidas: ") + strings.Join(p.names, ", ") + l.Say("; gpioinfo lists them all", "; gpioinfo las muestra todas")
	case noSuchChip:
		return l.Say("there are: ", "hay: ") + strings.Join(p.names, ", ")
	case tooHigh, noEvents:
		return l.Say("take another line, such as GPIO17", "toma otra línea, como GPIO17")
	}
	return again
}

func (p *problem) accessHint(l vaiven.Lang) string {
	if p.group == "" {
		return fmt.Sprintf(l.Say("here only root may: sudo chgrp $(id -gn) %s && sudo chmod g+rw %[1]s (until the next boot)",
			"aquí solo puede root: sudo chgrp $(id -gn) %s && sudo chmod g+rw %[1]s (hasta el próximo arranque)"), p.chip)
	}
	return fmt.Sprintf(l.Say("add your user to the %[1]s group: sudo usermod -aG %[1]s $USER, and log in again",
		"añade tu usuario al grupo %[1]s: sudo usermod -aG %[1]s $USER, y vuelve a iniciar sesión"), p.group)
}

// maxNear is how many names a person is offered instead of an unknown one.
const maxNear = 6

// near returns the names that are most like name, the nearest first.
func near(name string, names []string) []string {
	name = strings.ToUpper(name)
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	slices.SortStableFunc(names, func(a, b string) int {
		return cmp.Compare(distance(name, strings.ToUpper(a)), distance(name, strings.ToUpper(b)))
	})
	return names[:min(len(names), maxNear)]
}

// distance is Levenshtein's: how many letters must be put in, taken out or
// changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// trouble is what is wrong with one line: it is told when it changes, and the
// line is tried again with growing pauses.
type trouble struct {
	p     *Panel
	line  string
	kind  kind
	has   bool
	pause time.Duration
}

// noteFailure notes why the line does not work, and tells it unless that is
// known.
func (t *trouble) noteFailure(err error) {
	var prob *problem
	switch {
	case errors.As(err, &prob):
	case errors.Is(err, errGone):
		prob = &problem{kind: gone, line: t.line}
	default:
		prob = &problem{kind: failed, line: t.line, err: err}
	}
	if !t.has || t.kind != prob.kind {
		t.p.noticeProblem(prob)
	}
	t.has, t.kind = true, prob.kind
}

// noteWorking notes that the line works.
func (t *trouble) noteWorking() {
	if t.has {
		t.p.noticeWorking(t.line)
	}
	t.has = false
}

// resetPause forgets the pauses of a line that has worked for a while: one that
// comes and goes every second must not be told about every second.
func (t *trouble) resetPause(worked time.Duration) {
	if worked >= maxRetry {
		t.pause = 0
	}
}

// awaitRetry pauses before the next attempt; false: ctx is done, or there is no
// use.
func (t *trouble) awaitRetry(ctx context.Context) bool {
	if t.has && t.kind == otherOS {
		<-ctx.Done()
		return false
	}
	t.pause = min(max(2*t.pause, firstRetry), maxRetry)
	timer := time.NewTimer(t.pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
