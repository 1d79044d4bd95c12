package main

import (
	"errors"
	"fmt"
	"time"

	"vaiven"
	"vaiven/internal/button"
	"vaiven/internal/csvfile"
)

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

// fewestRows is how many rows a file has at least that ends by their number: each
// finished file has its place in the sidecar, which is written anew with every one.
const fewestRows = 1000

// The least that a log may be told to keep. The log is in blocks of 8 MB, which leave
// the disk as a whole: below a few of them almost everything would be taken away, and
// hardly any room made.
const (
	leastLogAge  = time.Hour
	leastLogSize = 64 << 20
)

// envSmallLog lets a log be smaller than leastLogSize. It exists for the tests that trim
// one every few seconds.
const envSmallLog = "VAIVEN_UNSAFE_SMALL_LOG"

func (p *program) checkKeep(c *config) error {
	switch {
	case c.KeepLog != 0 && c.KeepLog < leastLogAge:
		return hinted(usageError{fmt.Errorf(p.say("--keep-log %s: want 1h at least, or 0", "--keep-log %s: debe ser al menos 1h, o 0"), vaiven.FormatAge(c.KeepLog))},
			p.say("0 keeps the log for ever; the usual 90d lets programs that were away catch up", "0 guarda el registro para siempre; con 90d, lo habitual, un programa que no estuvo puede ponerse al día"))
	case c.KeepLogSize != 0 && c.KeepLogSize < leastLogSize && p.getenv(envSmallLog) != "1":
		return hinted(usageError{fmt.Errorf(p.say("--keep-log-size of %s: want 64MB at least, or 0", "--keep-log-size de %s: debe ser al menos 64MB, o 0"), sizeText(c.KeepLogSize))},
			p.say("the log leaves the disk in blocks of 8 MB; 0 is a third of the disk", "el registro deja el disco en bloques de 8 MB; 0 es la tercera parte del disco"))
	}
	return nil
}

func (p *program) checkRotate(c *config) error {
	if rows, ok := csvfile.CheckRotation(c.CSVRotate); !ok || rows > 0 && rows < fewestRows {
		return usageError{fmt.Errorf(p.say("--csv-rotate %q: want month, day, rows=N with N from %d on, or off",
			"--csv-rotate %q: debe ser month, day, rows=N con N desde %d, u off"), c.CSVRotate, fewestRows)}
	}
	return nil
}
