package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// Listed is a row of Listing: what a server says of a device.
type Listed struct {
	Device   vaiven.Device
	Title    string // what people call it
	Status   string // connected, silent, asleep, disconnected or never
	Since    time.Time
	Until    time.Time // of a board that sleeps
	Readings uint64
	Values   []vaiven.Value
	States   []vaiven.Value
	Desired  []vaiven.Value // that the board has not confirmed
	Problem  string         // what a person should look at, "" for nothing
}

// listColumns bounds how wide a column of Listing becomes; the last one is as
// wide as it is.
var listColumns = [...]int{24, 24, 34, 10, 0}

// WriteListing prints a table of devices. Times are of now's zone.
func WriteListing(t Terminal, l vaiven.Lang, list []Listed, now time.Time) error {
	rows := [][len(listColumns)]string{{
		l.Say("board", "placa"), l.Say("name", "nombre"), l.Say("presence", "presencia"), l.Say("readings", "lecturas"), l.Say("latest", "lo último"),
	}}
	for i := range list {
		d := &list[i]
		rows = append(rows, [...]string{string(d.Device), clean(d.Title, maxText), d.presence(l, now), fmt.Sprint(d.Readings), d.latest(l)})
	}
	var widths [len(listColumns)]int
	for i := range widths {
		for n, r := range rows {
			if n == 0 && !filled(rows[1:], i) {
				break // a column that nobody has anything in
			}
			widths[i] = max(widths[i], min(width(r[i]), listColumns[i]))
		}
	}
	var b strings.Builder
	for _, r := range rows {
		line := ""
		for i, cell := range r {
			switch {
			case widths[i] > 0:
				line += fit(cell, widths[i]) + "  "
			case i == len(r)-1:
				line += cell
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := t.W.Write([]byte(b.String()))
	return err
}

func filled(rows [][len(listColumns)]string, column int) bool {
	return slices.ContainsFunc(rows, func(r [len(listColumns)]string) bool { return r[column] != "" })
}

// presence says whether the board can be heard, and since or until when.
func (d *Listed) presence(l vaiven.Lang, now time.Time) string {
	word := map[string]string{
		"connected": l.Say("connected", "conectada"), "silent": l.Say("silent", "callada"), "asleep": l.Say("asleep", "dormida"),
		"disconnected": l.Say("disconnected", "desconectada"), "never": l.Say("never heard", "nunca oída"),
	}[d.Status]
	if word == "" {
		word = clean(d.Status, maxRemote) // a later server's
	}
	switch {
	case !d.Until.IsZero():
		return word + l.Say(" until ", " hasta ") + dayClock(d.Until, now)
	case !d.Since.IsZero():
		return word + l.Say(" since ", " desde ") + dayClock(d.Since, now)
	}
	return word
}

// dayClock is the time of day, with the day where it is not today's.
func dayClock(at, now time.Time) string {
	at = at.In(now.Location())
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format(time.TimeOnly)
	}
	return at.Format("2006-01-02 15:04")
}

// latest is what the board measured and has, what it is asked for, and what is
// wrong with it.
func (d *Listed) latest(l vaiven.Lang) string {
	var words []string
	for _, list := range [][]vaiven.Value{d.Values, d.States} {
		if len(list) > 0 {
			words = append(words, states(list))
		}
	}
	if len(d.Desired) > 0 {
		words = append(words, l.Say("asked for ", "pedido ")+states(d.Desired))
	}
	if d.Problem != "" {
		words = append(words, "! "+clean(d.Problem, maxText))
	}
	return strings.Join(words, "  ")
}
