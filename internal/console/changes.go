package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// maxTimes bounds what Changes remembers for its median: the first so many.
const maxTimes = 10000

// Changes counts changes of states for the summary. Local changes at a board
// are not counted: nobody asked for them. The zero value is ready; it is not
// concurrent.
type Changes struct {
	Asked, Confirmed, Expired, Refused, Overtaken uint64

	times []int64 // from asking to the confirmation, ms
}

// Count takes over an event.
func (c *Changes) Count(ev vaiven.Event) {
	switch e := ev.(type) {
	case *vaiven.Change:
		if e.By != vaiven.ByBoard {
			c.Asked++
		}
	case *vaiven.ChangeEnd:
		if e.By != vaiven.ByBoard {
			c.end(e)
		}
	}
}

func (c *Changes) end(e *vaiven.ChangeEnd) {
	switch e.Outcome {
	case vaiven.Confirmed:
		c.Confirmed++
		if len(c.times) < maxTimes {
			c.times = append(c.times, e.Took())
		}
	case vaiven.Expired:
		c.Expired++
	case vaiven.Refused:
		c.Refused++
	case vaiven.Overtaken:
		c.Overtaken++
	}
}

// Median is the median time from asking to the confirmation, 0 when nothing was
// confirmed.
func (c *Changes) Median() time.Duration {
	if len(c.times) == 0 {
		return 0
	}
	times := slices.Sorted(slices.Values(c.times))
	mid := float64(times[len(times)/2]+times[(len(times)-1)/2]) / 2
	return time.Duration(mid * float64(time.Millisecond))
}

// WriteChanges prints one line about the changes, if there were any. It follows
// the summary.
func WriteChanges(t Terminal, l vaiven.Lang, c *Changes) error {
	if c.Asked == 0 {
		return nil
	}
	parts := []string{
		count(c.Asked, l.Say("asked", "pedido"), l.Say("asked", "pedidos")),
		count(c.Confirmed, l.Say("confirmed", "confirmado"), l.Say("confirmed", "confirmados")),
	}
	if c.Confirmed > 0 {
		parts[1] += l.Say(" (half of them within ", " (la mitad en menos de ") + span(c.Median()) + ")"
	}
	for _, p := range []struct {
		n         uint64
		one, many string
	}{
		{c.Expired, l.Say("expired", "vencido"), l.Say("expired", "vencidos")},
		{c.Refused, l.Say("refused", "rechazado"), l.Say("refused", "rechazados")},
		{c.Overtaken, l.Say("overtaken", "reemplazado"), l.Say("overtaken", "reemplazados")},
	} {
		if p.n > 0 {
			parts = append(parts, count(p.n, p.one, p.many))
		}
	}
	b := paint(t.Color).append(nil, sgrBold, l.Say("Changes of states", "Cambios de estado"))
	b = append(b, " · "+strings.Join(parts, " · ")+"\n\n"...)
	if _, err := t.W.Write(b); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
