package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vaiven"
	"vaiven/internal/stream"
)

const (
	// watchEvery is how soon a person is told that readings are not taken.
	watchEvery = time.Second
	// remindEvery is how often that is said again while it lasts.
	remindEvery = 5 * time.Minute
)

// watchHealth tells a person when the server stops taking readings or a view
// stops moving, and when it goes on: boards only see "busy", and whoever looks
// at the terminal sees nothing at all.
func (a *app) watchHealth(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	said, when := "", time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			text, hint := a.trouble()
			switch {
			case text == "" && said != "":
				a.notice(a.say("all is well again", "todo está bien otra vez"), "")
			case text != "" && (kind(text) != kind(said) || now.Sub(when) >= remindEvery):
				a.notice(text, hint)
				when = now
			}
			said = text
		}
	}
}

// kind is what makes two messages the same trouble: numbers in them change.
func kind(text string) string {
	b := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; c < '0' || c > '9' {
			b = append(b, c)
		}
	}
	return string(b)
}

// trouble says what is wrong now and what helps; "" when nothing is.
func (a *app) trouble() (text, hint string) {
	if err := a.log.Health(); err != nil {
		return a.logTrouble(err)
	}
	for _, s := range a.pump.Status() {
		if s.Err != nil {
			return fmt.Sprintf(a.say("%s cannot be written: %v", "no se puede escribir %s: %v"), a.viewName(s.Name), a.inWords(s.Err)), a.say(
				"readings are still acknowledged and kept in the log; the file catches up when this is cured",
				"las lecturas se siguen confirmando y guardando en el registro; el archivo se pone al día cuando esto se arregle")
		}
	}
	return "", ""
}

// inWords is what an error says in the language asked for, if it can.
func (a *app) inWords(err error) string {
	var said interface{ Text(vaiven.Lang) string }
	if errors.As(err, &said) {
		return said.Text(a.lang)
	}
	return err.Error()
}

func (a *app) logTrouble(err error) (text, hint string) {
	keep := a.say("boards that number their readings keep them meanwhile", "las placas que numeran sus lecturas las conservan mientras tanto")
	var low *stream.LowDiskError
	var busy *stream.BusyError
	switch {
	case errors.As(err, &low):
		return fmt.Sprintf(a.say("the disk is full (%.1f MiB free, %.1f MiB are kept in reserve): readings are not taken",
				"el disco está lleno (%.1f MiB libres, se reservan %.1f MiB): no se aceptan lecturas"), mib(low.Free), mib(low.Reserve)),
			a.say("make room; ", "libera espacio; ") + keep
	case errors.As(err, &busy) && busy.Why != nil:
		text, hint := a.diskTrouble(a.c.Data, busy.Why)
		return text + a.say(": readings are not taken", ": no se aceptan lecturas"), hint + "; " + keep
	case errors.As(err, &busy):
		return a.say("the log does not move: readings are not taken", "el registro no avanza: no se aceptan lecturas"), keep
	}
	if errors.Is(err, stream.ErrDisconnected) {
		return a.say("NATS cannot be reached: readings are not taken", "no se llega a NATS: no se aceptan lecturas"), keep
	}
	return a.say("log: ", "registro: ") + err.Error(), keep
}

func (a *app) viewName(name string) string {
	switch {
	case name == a.csv.Name():
		return a.c.csvPath()
	case a.sheet != nil && name == a.sheet.Name():
		return a.c.sheetPath()
	}
	return name
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
