package console

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// Stats is what a session was for one device, counted elsewhere.
type Stats struct {
	Device   vaiven.Device
	Name     string // owner, "" when the roster has none
	Readings uint64
	Asked    uint64 // readings asked for, 0: no limit
	Rejected map[vaiven.Code]uint64
	Gaps     uint64        // readings lost for good
	Duration time.Duration // first to last reading

	Values []ValueStats // per measurement, TEMP and HUM first

	IntervalMean  time.Duration // between readings, 0: fewer than two
	IntervalP95   time.Duration
	IntervalAsked time.Duration // 0: not asked
}

// ValueStats is one measurement of one device.
type ValueStats struct {
	Name           string
	N              uint64
	Mean, Min, Max float64
}

// WriteSummary prints two aligned tables: a line per device, and a line per
// device and measurement. It belongs on stdout when it is what the command is
// for, else on stderr.
func WriteSummary(t Terminal, l vaiven.Lang, stats []Stats) error {
	color := paint(t.Color)
	var readings, rejected uint64
	for _, s := range stats {
		readings += s.Readings
		rejected += total(s.Rejected)
	}
	b := color.append(nil, sgrBold, l.Say("Summary", "Resumen"))
	b = fmt.Appendf(b, " · %s · %s · %s\n\n",
		count(uint64(len(stats)), l.Say("device", "dispositivo"), l.Say("devices", "dispositivos")),
		countReadings(l, readings),
		count(rejected, l.Say("rejected", "rechazada"), l.Say("rejected", "rechazadas")))
	if len(stats) > 0 {
		b = deviceTable(l, stats).append(b, color)
		b = append(b, '\n')
		if v := valueTable(l, stats); len(v.rows) > 1 {
			b = v.append(b, color)
			b = append(b, '\n')
		}
	}
	if _, err := t.W.Write(b); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func deviceTable(l vaiven.Lang, stats []Stats) *table {
	tb := &table{left: map[int]bool{0: true, 1: true, 7: true}, head: []string{
		"ID", l.Say("NAME", "NOMBRE"), l.Say("READINGS", "LECTURAS"), l.Say("LOST", "PERDIDAS"),
		l.Say("DURATION", "DURACIÓN"), l.Say("INTERVAL", "INTERVALO"), "P95", l.Say("REJECTED", "RECHAZADAS"),
	}}
	for _, s := range stats {
		n := fmt.Sprint(s.Readings)
		if s.Asked > 0 {
			n += fmt.Sprintf("/%d", s.Asked)
		}
		interval := seconds(s.IntervalMean)
		if s.IntervalAsked > 0 && interval != "" {
			interval += " (" + span(s.IntervalAsked) + ")"
		}
		tb.add(string(s.Device), cut(clean(s.Name, maxRosterName), maxNameWidth), n, nonZero(s.Gaps), duration(s.Duration),
			interval, seconds(s.IntervalP95), rejectedText(s.Rejected))
	}
	return tb
}

func valueTable(l vaiven.Lang, stats []Stats) *table {
	tb := &table{left: map[int]bool{0: true, 1: true}, head: []string{
		"ID", l.Say("MEASUREMENT", "MEDIDA"), "N", l.Say("MEAN", "MEDIA"), "MIN", "MAX",
	}}
	for _, s := range stats {
		for _, v := range s.Values {
			name := v.Name
			if u := unit(name); u != "" {
				name += " " + u
			}
			tb.add(string(s.Device), name, fmt.Sprint(v.N), mean(v.Mean), vaiven.FormatNumber(v.Min), vaiven.FormatNumber(v.Max))
		}
	}
	return tb
}

func total(m map[vaiven.Code]uint64) (n uint64) {
	for _, c := range m {
		n += c
	}
	return n
}

// rejectedText lists counts by code, the most frequent first.
func rejectedText(m map[vaiven.Code]uint64) string {
	codes := slices.SortedFunc(maps.Keys(m), func(a, b vaiven.Code) int {
		if m[a] != m[b] {
			return cmp.Compare(m[b], m[a])
		}
		return strings.Compare(string(a), string(b))
	})
	parts := make([]string, 0, len(codes))
	for _, c := range codes {
		if m[c] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", clean(string(c), maxRemote), m[c]))
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
