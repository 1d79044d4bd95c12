package server

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"
)

const (
	// healthEvery is how soon a person is told that readings are not taken.
	healthEvery = time.Second
	// remindEvery is how often that is said again while it lasts.
	remindEvery = 5 * time.Minute
	// maxLag is how many records a view may be behind and still count as following.
	maxLag = 1000
)

// notReady lists why the server should get no boards now, for /readyz and the API.
func (s *Server) notReady() []string {
	var why []string
	if err := s.log.Health(); err != nil {
		text, _ := s.explain.logTrouble(err)
		why = append(why, text)
	}
	if e, closed := s.places.Closed(); closed {
		why = append(why, fmt.Sprintf(s.o.Lang.Say(
			"no place for a connection is left, %[2]d are of %[1]s", "no queda ninguna plaza para conexiones, %[2]d son de %[1]s"), e.From, e.Connections))
	}
	for _, v := range s.pump.Status() {
		switch {
		case v.Follower: // whether somebody looks is nothing to the boards
		case v.Err != nil:
			why = append(why, s.viewName(v.Name)+": "+s.explain.inWords(v.Err))
		case v.Behind || v.Lag > maxLag:
			why = append(why, fmt.Sprintf(s.o.Lang.Say("%s: %d records behind", "%s: %d entradas por detrás"), s.viewName(v.Name), v.Lag))
		}
	}
	return why
}

// watchHealth tells a person when the server stops taking readings or a view
// stops moving, and when it goes on: boards only see "busy", and whoever looks
// at the terminal sees nothing at all.
func (s *Server) watchHealth(ctx context.Context) error {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	last, told := "", time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			text, hint := s.trouble()
			switch {
			case text == "" && last != "":
				s.o.Notify(s.o.Lang.Say("all is well again", "todo está bien otra vez"), "")
			case text != "" && (withoutDigits(text) != withoutDigits(last) || now.Sub(told) >= remindEvery):
				s.o.Notify(text, hint)
				told = now
			}
			last = text
		}
	}
}

// withoutDigits is what makes two messages the same trouble: numbers in them change.
func withoutDigits(text string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// trouble says what is wrong now and what helps; "" when nothing is.
func (s *Server) trouble() (text, hint string) {
	if err := s.log.Health(); err != nil {
		return s.explain.logTrouble(err)
	}
	for _, v := range s.pump.Status() {
		if v.Err != nil {
			return fmt.Sprintf(s.o.Lang.Say("%s cannot be written: %v", "no se puede escribir %s: %v"), s.viewName(v.Name), s.explain.inWords(v.Err)), s.o.Lang.Say(
				"readings are still acknowledged and kept in the log; the file catches up when this is cured",
				"las lecturas se siguen confirmando y guardando en el registro; el archivo se pone al día cuando esto se arregle")
		}
	}
	if full := s.strained(); len(full) > 0 {
		return full[0], s.o.Lang.Say("the boards that are known go on", "las placas conocidas siguen")
	}
	return "", ""
}

// viewName is what a person calls a view: a file by its path.
func (s *Server) viewName(name string) string {
	switch {
	case name == s.csv.Name():
		return s.o.CSVPath()
	case s.sheet != nil && name == s.sheet.Name():
		return s.o.SheetPath()
	case s.history != nil && name == s.history.Name():
		return HistoryDir(s.o.Data)
	}
	return name
}

const (
	memoryEvery = 2 * time.Second
	// stormSize is how many handshakes leave enough behind to be worth a
	// collection of their own.
	stormSize = 500
)

// giveMemoryBack returns memory to the system when a storm of handshakes is over:
// net/http's buffers for each of them are garbage then, and without traffic the
// next collection would be minutes away. A machine with little memory (a Pi
// after the Wi-Fi came back) is where that matters.
func (s *Server) giveMemoryBack(ctx context.Context) error {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	var before, released uint64 // handshakes at the last look, at the last release
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := s.gateway.Stats().Handshakes.Load()
		if quiet := now == before; quiet && now-released >= stormSize {
			debug.FreeOSMemory()
			released = now
		}
		before = now
	}
}
