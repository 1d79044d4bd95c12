package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// WriteSummary prints two aligned tables: a line per device, and a line per
// device and measurement. It belongs on stdout when it is what the command is
// for, else on stderr.
func WriteSummary(t Terminal, l vaiven.Lang, roster Roster, sums []vaiven.Summary) error {
	color := paint(t.Color)
	var readings, rejected uint64
	for i := range sums {
		readings += sums[i].Session.Count
		rejected += totalRejected(&sums[i])
	}
	b := color.append(nil, sgrBold, l.Say("Summary", "Resumen"))
	b = fmt.Appendf(b, " · %s · %s · %s\n\n",
		count(uint64(len(sums)), l.Say("device", "dispositivo"), l.Say("devices", "dispositivos")),
		countReadings(l, readings),
		count(rejected, l.Say("rejected", "rechazada"), l.Say("rejected", "rechazadas")))
	if len(sums) > 0 {
		b = deviceTable(l, roster, sums).append(b, color)
		b = append(b, '\n')
		if v := valueTable(l, sums); len(v.rows) > 1 {
			b = v.append(b, color)
			b = append(b, '\n')
		}
	}
	if _, err := t.W.Write(b); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func deviceTable(l vaiven.Lang, roster Roster, sums []vaiven.Summary) *table {
	tb := &table{left: map[int]bool{0: true, 1: true, 7: true}, head: []string{
		"ID", l.Say("NAME", "NOMBRE"), l.Say("READINGS", "LECTURAS"), l.Say("LOST", "PERDIDAS"),
		l.Say("DURATION", "DURACIÓN"), l.Say("INTERVAL", "INTERVALO"), "P95", l.Say("REJECTED", "RECHAZADAS"),
	}}
	for i := range sums {
		s := &sums[i]
		n := fmt.Sprint(s.Session.Count)
		if s.Session.Readings > 0 {
			n += fmt.Sprintf("/%d", s.Session.Readings)
		}
		interval := seconds(ms(s.IntervalMean))
		if asked := s.Session.Interval; asked > 0 && interval != "" {
			interval += " (" + span(ms(float64(asked))) + ")"
		}
		id := s.Session.Device
		tb.add(string(id), cut(clean(roster[id], maxRosterName), maxNameWidth), n, nonZero(s.Gaps), duration(ms(float64(s.Last-s.First))),
			interval, seconds(ms(s.IntervalP95)), rejectedText(s))
	}
	return tb
}

func valueTable(l vaiven.Lang, sums []vaiven.Summary) *table {
	tb := &table{left: map[int]bool{0: true, 1: true}, head: []string{
		"ID", l.Say("MEASUREMENT", "MEDIDA"), "N", l.Say("MEAN", "MEDIA"), "MIN", "MAX",
	}}
	for i := range sums {
		for _, v := range sums[i].Measurements {
			name := v.Name
			if u := unit(name); u != "" {
				name += " " + u
			}
			tb.add(string(sums[i].Session.Device), name, fmt.Sprint(v.N), mean(v.Mean), vaiven.FormatNumber(v.Min), vaiven.FormatNumber(v.Max))
		}
	}
	return tb
}

func ms(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }

func totalRejected(s *vaiven.Summary) (n uint64) {
	for _, c := range s.Rejected {
		n += c.Count
	}
	return n
}

// rejectedText lists counts by code, the most frequent first.
func rejectedText(s *vaiven.Summary) string {
	var parts []string
	for _, c := range slices.SortedFunc(slices.Values(s.Rejected), func(a, b vaiven.CodeCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Code, b.Code))
	}) {
		if c.Count > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", clean(string(c.Code), maxRemote), c.Count))
		}
	}
	return strings.Join(parts, ", ")
}

func nonZero(n uint64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprint(n)
}

func duration(d time.Duration) string {
	if d <= 0 {
		return "-"
	}
	return span(max(d.Round(time.Second), time.Second))
}

// seconds writes an interval with 10 ms, enough to tell 2 s from 2.04 s.
func seconds(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

// mean writes a mean with two decimals, or four digits when it is small.
func mean(f float64) string {
	if f > -1 && f < 1 {
		return fmt.Sprintf("%.4g", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// table is rows of cells, each column as wide as its widest cell.
type table struct {
	head []string
	rows [][]string
	left map[int]bool // columns aligned to the left
}

func (tb *table) add(cells ...string) { tb.rows = append(tb.rows, cells) }

// append writes the table; columns in which every cell is empty are left out.
func (tb *table) append(b []byte, color paint) []byte {
	widths := make([]int, len(tb.head))
	for _, row := range tb.rows {
		for i, c := range row {
			if c != "" {
				widths[i] = max(widths[i], width(c), width(tb.head[i]))
			}
		}
	}
	b = color.append(b, sgrDim, tb.line(tb.head, widths))
	b = append(b, '\n')
	for _, row := range tb.rows {
		b = append(b, tb.line(row, widths)...)
		b = append(b, '\n')
	}
	return b
}

func (tb *table) line(cells []string, widths []int) string {
	var b strings.Builder
	for i, c := range cells {
		if widths[i] == 0 {
			continue
		}
		b.WriteString("  ")
		if tb.left[i] {
			b.WriteString(fit(c, widths[i]))
		} else {
			b.WriteString(right(c, widths[i]))
		}
	}
	return strings.TrimRight(b.String(), " ")
}
