package csvimport

import (
	"errors"
	"fmt"

	"vaiven"
)

// Why says what is wrong with a row.
type Why string

// What can be wrong.
const (
	WhyCut        Why = "cut"          // the file ends in it
	WhyQuotes     Why = "quotes"       // a quote without an end
	WhyCells      Why = "cells"        // others than the header says
	WhyID         Why = "id"           // IDdato is no number from 1 on
	WhyDevice     Why = "device"       // IDdevice is none
	WhyTime       Why = "time"         // TIMEFLAG is none
	WhyNoSuchTime Why = "no_such_time" // clocks were set forward over it
	WhyYear       Why = "year"         // no practice was then: a clock was wrong, or a cell
	WhyNumber     Why = "number"       // a measurement is no number
	WhyRange      Why = "range"        // no sensor measures that
	WhyNothing    Why = "nothing"      // all cells are empty
)

// Error makes a Why an error inside this package.
func (w Why) Error() string { return string(w) }

func whyOf(err error) Why {
	var w Why
	errors.As(err, &w)
	return w
}

// RowError is a row that cannot be read.
type RowError struct {
	Line int // in the file, counted from 1
	Why  Why
	Got  string // what is wrong, cut
	Zone string
}

func (e *RowError) Error() string { return e.Text(vaiven.English) }

// Text is the error in words.
func (e *RowError) Text(l vaiven.Lang) string {
	line := fmt.Sprintf(l.Say("line %d: ", "línea %d: "), e.Line)
	switch e.Why {
	case WhyCut:
		return line + l.Say("the file ends inside it: it may be cut", "el archivo termina en medio: puede estar cortada")
	case WhyQuotes:
		return line + l.Say("quotes that do not end", "comillas que no se cierran")
	case WhyCells:
		return line + l.Say("not as many cells as the header has", "no tiene tantas celdas como el encabezado")
	case WhyID:
		return line + fmt.Sprintf(l.Say("IDdato %q is no whole number from 1 on", "IDdato %q no es un número entero desde 1"), e.Got)
	case WhyDevice:
		return line + fmt.Sprintf(l.Say("IDdevice %q cannot be a board", "IDdevice %q no puede ser una placa"), e.Got)
	case WhyTime:
		return line + fmt.Sprintf(l.Say("TIMEFLAG %q is not AAAAMMDDHHMM, as 202611220242 (a spreadsheet may have shortened it)",
			"TIMEFLAG %q no es AAAAMMDDHHMM, como 202611220242 (puede que una hoja de cálculo lo haya acortado)"), e.Got)
	case WhyNoSuchTime:
		return line + fmt.Sprintf(l.Say("there was no %q in %s: clocks were set forward (another --zone?)",
			"no hubo %q en %s: se adelantaron los relojes (¿otra --zone?)"), e.Got, e.Zone)
	case WhyYear:
		return line + fmt.Sprintf(l.Say("TIMEFLAG %q is of no year from %d to %d", "TIMEFLAG %q no es de un año entre %d y %d"), e.Got, firstYear, lastYear)
	case WhyNumber:
		return line + fmt.Sprintf(l.Say("%s: not a number", "%s: no es un número"), e.Got)
	case WhyRange:
		return line + fmt.Sprintf(l.Say("%s: no sensor measures that", "%s: ningún sensor mide eso"), e.Got)
	case WhyNothing:
		return line + l.Say("no measurement at all", "ninguna medida")
	}
	return line + string(e.Why)
}

// LineError is a line that is longer than any row. What follows it cannot be read either.
type LineError struct {
	Line int // in the file, counted from 1
}

func (e *LineError) Error() string { return e.Text(vaiven.English) }

// Text is the error in words.
func (e *LineError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("line %d is longer than %d KiB: it is no row", "la línea %d mide más de %d KiB: no es una fila"), e.Line, maxLine>>10)
}

// HeaderError is a file that does not begin as the CSV does.
type HeaderError struct {
	Got    string // the first line, cut; "": there is none, or none that ends
	Column string // the column that cannot be one, when that is what is wrong
}

func (e *HeaderError) Error() string { return e.Text(vaiven.English) }

// Text is the error in words.
func (e *HeaderError) Text(l vaiven.Lang) string {
	switch {
	case e.Column != "":
		return fmt.Sprintf(l.Say("column %q cannot be a measurement: a name has A-Z, 0-9 and _, at most 16, is no state and comes once",
			"la columna %q no puede ser una medida: un nombre tiene A-Z, 0-9 y _, 16 como mucho, no es un estado y aparece una vez"), e.Column)
	case e.Got == "":
		return l.Say("there is no header in it", "no tiene encabezado")
	}
	return fmt.Sprintf(l.Say("it begins with %q, and not with IDdato,IDdevice,TIMEFLAG and measurements",
		"empieza con %q, y no con IDdato,IDdevice,TIMEFLAG y medidas"), e.Got)
}
