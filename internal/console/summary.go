package console

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/atomicfile"
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
		l.Devices(uint64(len(sums))),
		l.Readings(readings),
		vaiven.Count(rejected, l.Say("rejected", "rechazada"), l.Say("rejected", "rechazadas")))
	if len(sums) > 0 {
		b = append(appendDeviceTable(b, color, l, roster, sums), '\n')
	}
	var rows [][]string
	for i := range sums {
		for _, m := range sums[i].Measurements {
			rows = append(rows, []string{
				string(sums[i].Session.Device), strings.TrimRight(m.Name+" "+unit(m.Name), " "),
				fmt.Sprint(m.N), formatMean(m.Mean), vaiven.FormatNumber(m.Min), vaiven.FormatNumber(m.Max),
			})
		}
	}
	if len(rows) > 1 {
		b = append(appendTable(b, color, "  ", []tableColumn{
			{head: "ID"}, {head: l.Say("MEASUREMENT", "MEDIDA")}, {head: "N", right: true},
			{head: l.Say("MEAN", "MEDIA"), right: true}, {head: "MIN", right: true}, {head: "MAX", right: true},
		}, rows), '\n')
	}
	if _, err := t.W.Write(b); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func appendDeviceTable(b []byte, color paint, l vaiven.Lang, roster Roster, sums []vaiven.Summary) []byte {
	var rows [][]string
	for i := range sums {
		s := &sums[i]
		id, n, interval, lost := s.Session.Device, fmt.Sprint(s.Session.Count), formatInterval(s.IntervalMean), "-"
		if s.Session.Readings > 0 {
			n += fmt.Sprintf("/%d", s.Session.Readings)
		}
		if requested := s.Session.Interval; requested > 0 && interval != "" {
			interval += " (" + span(ms(float64(requested))) + ")"
		}
		if s.Gaps > 0 {
			lost = fmt.Sprint(s.Gaps)
		}
		took := "-"
		if d := ms(float64(s.Last - s.First)); d > 0 {
			took = span(max(d.Round(time.Second), time.Second))
		}
		rows = append(rows, []string{
			string(id), cut(clean(roster[id], maxRosterName), maxNameWidth), n, lost, took,
			interval, formatInterval(s.IntervalP95), formatRejected(s),
		})
	}
	return appendTable(b, color, "  ", []tableColumn{
		{head: "ID"}, {head: l.Say("NAME", "NOMBRE")}, {head: l.Say("READINGS", "LECTURAS"), right: true},
		{head: l.Say("LOST", "PERDIDAS"), right: true}, {head: l.Say("DURATION", "DURACIÓN"), right: true},
		{head: l.Say("INTERVAL", "INTERVALO"), right: true}, {head: "P95", right: true}, {head: l.Say("REJECTED", "RECHAZADAS")},
	}, rows)
}

func ms(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }

func totalRejected(s *vaiven.Summary) (n uint64) {
	for _, c := range s.Rejected {
		n += c.Count
	}
	return n
}

// formatRejected lists counts by code, the most frequent first.
func formatRejected(s *vaiven.Summary) string {
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

// formatInterval writes ms as seconds with 10 ms, enough to tell 2 s from 2.04 s.
func formatInterval(f float64) string {
	if f <= 0 {
		return ""
	}
	return fmt.Sprintf("%.2f s", ms(f).Seconds())
}

// formatMean writes a mean with two decimals, or four digits when it is small.
func formatMean(f float64) string {
	if f > -1 && f < 1 {
		return fmt.Sprintf("%.4g", f)
	}
	return fmt.Sprintf("%.2f", f)
}

// tableColumn is a column of a printed table, as wide as its widest cell.
type tableColumn struct {
	head  string
	right bool // aligned to the right
	limit int  // of its width, 0: none
	keep  bool // also when nobody has anything in it
}

// appendTable writes rows under a dimmed head; columns in which every cell is empty
// are left out.
func appendTable(b []byte, color paint, indent string, cols []tableColumn, rows [][]string) []byte {
	widths, heads := make([]int, len(cols)), make([]string, len(cols))
	for i, c := range cols {
		for _, row := range rows {
			widths[i] = max(widths[i], width(row[i]))
		}
		if widths[i] > 0 || c.keep {
			widths[i] = max(widths[i], width(c.head))
		}
		if c.limit > 0 {
			widths[i] = min(widths[i], c.limit)
		}
		heads[i] = c.head
	}
	line := func(cells []string) string {
		text, gap := "", indent
		for i, c := range cols {
			switch {
			case widths[i] == 0:
				continue
			case c.right:
				text += gap + right(cells[i], widths[i])
			default:
				text += gap + fit(cells[i], widths[i])
			}
			gap = "  "
		}
		return strings.TrimRight(text, " ")
	}
	b = append(color.append(b, sgrDim, line(heads)), '\n')
	for _, row := range rows {
		b = append(append(b, line(row)...), '\n')
	}
	return b
}

// SummaryForm is how resumen.csv is written; the zero value is in English, and as
// RFC 4180 says.
type SummaryForm struct {
	Lang      vaiven.Lang // of the headings
	Mark      string      // at the file's beginning
	Separator byte        // between fields; 0: a comma
	Decimal   byte        // dot of decimals; 0: a dot
	End       string      // "\r\n" or, by default, "\n"
}

// WriteSummaryCSV writes resumen.csv (UTF-8): a header and one row per device. The
// columns are in every language in the same places, here in English:
//
//	device, name, readings, asked,
//	rejected            messages refused, all kinds
//	rejected_by         the kinds: "not_a_number=2 out_of_range=1"
//	lost                readings that the board gave up
//	duration_s          from the first reading to the last
//	interval_mean_s, interval_p95_s, interval_asked_s
//	NAME_n, NAME_mean, NAME_min, NAME_max   for each measurement of any device
//
// A number that does not exist (an interval with one reading, a limit that was
// not set) is an empty cell.
func WriteSummaryCSV(w io.Writer, form SummaryForm, roster Roster, sums []vaiven.Summary) error {
	names := measurementNames(sums)
	c := csv.NewWriter(w)
	c.Comma, c.UseCRLF = rune(cmp.Or(form.Separator, ',')), form.End == "\r\n"
	l := form.Lang
	head := []string{
		form.Mark + l.Say("device", "placa"), l.Say("name", "nombre"), l.Say("readings", "lecturas"), l.Say("asked", "pedidas"),
		l.Say("rejected", "rechazadas"), l.Say("rejected_by", "rechazadas_por"), l.Say("lost", "perdidas"),
		l.Say("duration_s", "duracion_s"), l.Say("interval_mean_s", "intervalo_medio_s"),
		l.Say("interval_p95_s", "intervalo_p95_s"), l.Say("interval_asked_s", "intervalo_pedido_s"),
	}
	for _, n := range names {
		head = append(head, n+"_n", n+l.Say("_mean", "_media"), n+"_min", n+"_max")
	}
	rows := [][]string{head}
	for i := range sums {
		row := summaryRow(&sums[i], roster[sums[i].Session.Device], names)
		for j := range row {
			if d := form.Decimal; d != 0 && j >= firstNumber && j != rejectedBy {
				row[j] = strings.Replace(row[j], ".", string(d), 1)
			}
		}
		rows = append(rows, row)
	}
	if err := c.WriteAll(rows); err != nil { // flushes
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// Columns of resumen.csv: all from firstNumber on are numbers but rejectedBy.
const (
	firstNumber = 2
	rejectedBy  = 5
)

func summaryRow(s *vaiven.Summary, name string, names []string) []string {
	row := []string{
		string(s.Session.Device), name, strconv.FormatUint(s.Session.Count, 10), nonZero(s.Session.Readings),
		strconv.FormatUint(totalRejected(s), 10), strings.NewReplacer(", ", " ", " ", "=").Replace(formatRejected(s)),
		strconv.FormatUint(s.Gaps, 10), csvSeconds(ms(float64(s.Last-s.First)), true),
		csvSeconds(ms(s.IntervalMean), false), csvSeconds(ms(s.IntervalP95), false), csvSeconds(ms(float64(s.Session.Interval)), false),
	}
	for _, n := range names {
		i := slices.IndexFunc(s.Measurements, func(v vaiven.Measurement) bool { return v.Name == n })
		if i < 0 || s.Measurements[i].N == 0 {
			row = append(row, "0", "", "", "")
			continue
		}
		v := s.Measurements[i]
		row = append(row, strconv.FormatUint(v.N, 10), formatRounded(v.Mean), vaiven.FormatNumber(v.Min), vaiven.FormatNumber(v.Max))
	}
	return row
}

// measurementNames are those that occur, TEMP and HUM first.
func measurementNames(sums []vaiven.Summary) []string {
	var names []string
	for _, s := range sums {
		for _, v := range s.Measurements {
			if !slices.Contains(names, v.Name) {
				names = append(names, v.Name)
			}
		}
	}
	slices.SortFunc(names, compareNames)
	return names
}

func nonZero(n uint64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatUint(n, 10)
}

func csvSeconds(d time.Duration, zero bool) string {
	if d <= 0 && !zero {
		return ""
	}
	return vaiven.FormatNumber(math.Round(d.Seconds()*1000) / 1000)
}

// formatRounded keeps nine significant digits: more than any sensor has, and none of
// the noise of a sum.
func formatRounded(f float64) string {
	g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 9, 64), 64)
	if err != nil {
		return vaiven.FormatNumber(f)
	}
	return vaiven.FormatNumber(g)
}

// SaveSummaryCSV writes the file at path whole or not at all: what stood there
// before is replaced only once the new one is on disk.
func SaveSummaryCSV(path string, form SummaryForm, roster Roster, sums []vaiven.Summary) error {
	var b bytes.Buffer
	err := WriteSummaryCSV(&b, form, roster, sums)
	if err == nil {
		err = atomicfile.Write(path, b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("save summary: %w", err)
	}
	return nil
}

// maxTimes bounds what Changes remembers for its median: the first so many.
const maxTimes = 10000

// Changes counts changes of states for the summary. Local changes at a board
// are not counted: nobody asked for them. The zero value is ready; it is not
// concurrent.
type Changes struct {
	Asked, Confirmed, Expired, Refused, Overtaken uint64

	times []int64 // from asking to the confirmation, ms
}

// Count counts an event, if it is of a change.
func (c *Changes) Count(ev vaiven.Event) {
	switch e := ev.(type) {
	case *vaiven.Change:
		if e.By != vaiven.ByBoard {
			c.Asked++
		}
	case *vaiven.ChangeEnd:
		switch {
		case e.By == vaiven.ByBoard:
		case e.Outcome == vaiven.Confirmed:
			c.Confirmed++
			if len(c.times) < maxTimes {
				c.times = append(c.times, e.Took())
			}
		case e.Outcome == vaiven.Expired:
			c.Expired++
		case e.Outcome == vaiven.Refused:
			c.Refused++
		case e.Outcome == vaiven.Overtaken:
			c.Overtaken++
		}
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
		vaiven.Count(c.Asked, l.Say("asked", "pedido"), l.Say("asked", "pedidos")),
		vaiven.Count(c.Confirmed, l.Say("confirmed", "confirmado"), l.Say("confirmed", "confirmados")),
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
			parts = append(parts, vaiven.Count(p.n, p.one, p.many))
		}
	}
	b := paint(t.Color).append(nil, sgrBold, l.Say("Changes of states", "Cambios de estado"))
	b = append(b, " · "+strings.Join(parts, " · ")+"\n\n"...)
	if _, err := t.W.Write(b); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// Listed is a row of Listing: what a server says of a device.
type Listed struct {
	Device   vaiven.Device
	Title    string       // what people call it
	Trust    vaiven.Trust // "": the server says nothing of it
	Status   vaiven.Status
	Since    time.Time
	Until    time.Time // of a board that sleeps
	Readings uint64
	Values   []vaiven.Value
	States   []vaiven.Value
	Desired  []vaiven.Value // that the board has not confirmed
	Problem  string         // what a person should look at, "" for nothing
}

// WriteListing prints a table of devices. Times are of now's zone.
func WriteListing(t Terminal, l vaiven.Lang, list []Listed, now time.Time) error {
	columns := []tableColumn{
		{head: l.Say("board", "placa"), limit: 24}, {head: l.Say("name", "nombre"), limit: 24},
		{head: l.Say("presence", "presencia"), limit: 34}, {head: l.Say("readings", "lecturas"), limit: 10},
		{head: l.Say("latest", "lo último"), keep: true},
	}
	marked := slices.ContainsFunc(list, func(d Listed) bool { return d.Trust != "" })
	if marked {
		columns = slices.Insert(columns, 2, tableColumn{head: l.Say("trust", "confianza"), limit: 14})
	}
	var rows [][]string
	for i := range list {
		d := &list[i]
		row := []string{string(d.Device), clean(d.Title, maxText), d.presence(l, now), fmt.Sprint(d.Readings), d.latest(l)}
		if marked {
			row = slices.Insert(row, 2, cmp.Or(trustWord(l, d.Trust), trustedWord(l, d.Trust)))
		}
		rows = append(rows, row)
	}
	_, err := t.W.Write(appendTable(nil, false, "", columns, rows))
	return err
}

// presence says whether the board can be heard, and since or until when.
func (d *Listed) presence(l vaiven.Lang, now time.Time) string {
	word := clean(string(d.Status), maxRemote) // a later server's
	switch d.Status {
	case vaiven.StatusConnected:
		word = l.Say("connected", "conectada")
	case vaiven.StatusSilent:
		word = l.Say("silent", "callada")
	case vaiven.StatusAsleep:
		word = l.Say("asleep", "dormida")
	case vaiven.StatusDisconnected:
		word = l.Say("disconnected", "desconectada")
	case vaiven.StatusNever:
		word = l.Say("never heard", "nunca oída")
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
