package button

import (
	"fmt"
	"strings"

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
