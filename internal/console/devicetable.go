package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// sortKey is what the table is sorted by.
type sortKey int

const (
	byID sortKey = iota
	byName
	byAge
	byValue
	byRejected
	sortKeys // how many there are
)

func (k sortKey) name(l vaiven.Lang) string {
	switch k {
	case byName:
		return l.Say("name", "nombre")
	case byAge:
		return l.Say("age", "tiempo")
	case byValue:
		return "TEMP"
	case byRejected:
		return l.Say("rejected", "rechazos")
	}
	return "id"
}

// compare orders rows; those that the key cannot tell apart go by id.
func (k sortKey) compare(a, b *row) int {
	var c int
	switch k {
	case byName:
		// Rows without a name go last.
		c = cmp.Or(compareBool(a.name == "", b.name == ""), strings.Compare(a.name, b.name))
	case byAge:
		c = cmp.Compare(b.info.Reading, a.info.Reading)
	case byValue:
		ta, okA := vaiven.FindLatest(a.info.Values, "TEMP")
		tb, okB := vaiven.FindLatest(b.info.Values, "TEMP")
		c = cmp.Or(compareBool(!okA, !okB), cmp.Compare(tb, ta))
	case byRejected:
		c = cmp.Compare(b.info.CountOfRejected(), a.info.CountOfRejected())
	}
	return cmp.Or(c, strings.Compare(string(a.ID), string(b.ID)))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// sorted returns the rows in the chosen order.
func (d *tuiData) sorted(v *tuiView) []*row {
	rows := slices.Clone(d.order)
	slices.SortFunc(rows, v.sort.compare)
	if v.reverse {
		slices.Reverse(rows)
	}
	return rows
}

// column is one column of the device table.
type column struct {
	head  string
	w     int  // columns of the screen
	full  int  // what it takes when there is room, 0: w
	left  bool // aligned to the left
	order int  // place on the screen; columns are admitted in the order of need
	cell  func(r *row, w int) (text, sgr string)
}

// table draws the head, the visible rows and the line about the selected one.
func (f *framer) table(h int) []string {
	if h < 3 {
		return nil
	}
	rows := f.data.sorted(f.view)
	if len(rows) == 0 {
		return []string{"", "  " + f.color.str(sgrBold, f.l.Say("waiting for the first board", "esperando la primera placa"))}
	}
	at := slices.IndexFunc(rows, func(r *row) bool { return r.ID == f.view.selected })
	if at < 0 {
		at, f.view.selected = 0, rows[0].ID
	}
	visible := h - 2
	f.view.top = min(max(f.view.top, at-visible+1), at, max(len(rows)-visible, 0))
	shown := rows[f.view.top:min(f.view.top+visible, len(rows))]

	cols := f.chooseColumns(shown)
	lines := []string{f.color.str(sgrDim, joinCells("  ", cols, false, func(c column) (string, string) { return c.head, "" }))}
	for i, r := range shown {
		lead := " "
		if f.view.top+i == at && !f.view.inPane {
			lead = f.color.str(sgrBold, "▸")
		}
		lines = append(lines, joinCells(lead+f.presenceSign(r), cols, f.color, func(c column) (string, string) { return c.cell(r, c.w) }))
	}
	return append(lines, f.detail(rows[at], at, len(rows)))
}

// joinCells writes a line of the table behind its lead.
func joinCells(line string, cols []column, color paint, cell func(c column) (text, sgr string)) string {
	for i, c := range cols {
		text, sgr := cell(c)
		if c.left {
			text = fit(text, c.w)
		} else {
			text = right(text, c.w)
		}
		line += spaces(min(i+1, 2)) + color.str(sgr, text)
	}
	return strings.TrimRight(line, " ")
}

// chooseColumns chooses what fits, the most needed first, and shares out the columns
// that are left to those that can use more.
func (f *framer) chooseColumns(rows []*row) []column {
	var cols []column
	left := f.view.w - 2 // the signs before the id
	for _, c := range f.neededColumns(rows) {
		if c.w+2 <= left {
			cols, left = append(cols, c), left-c.w-2
		}
	}
	slices.SortStableFunc(cols, func(a, b column) int { return cmp.Compare(a.order, b.order) })
	for i := range cols {
		c := &cols[i]
		more := min(left, max(c.full-c.w, 0))
		c.w, left = c.w+more, left-more
	}
	return cols
}

// barWidth is the bar behind n/N.
const barWidth = 8

// neededColumns are all columns, the most needed first.
func (f *framer) neededColumns(rows []*row) []column {
	l, d := f.l, f.data
	// fitted is a column as wide as its widest cell, limit at most.
	fitted := func(order int, left bool, head string, limit int, cell func(r *row) (text, sgr string)) column {
		w := width(head)
		for _, r := range rows {
			text, _ := cell(r)
			w = max(w, min(width(text), limit))
		}
		return column{head: head, w: w, left: left, order: order, cell: func(r *row, _ int) (string, string) { return cell(r) }}
	}
	value := func(i int) column {
		name := d.names[i]
		return fitted(10+i, false, strings.TrimRight(name+" "+unit(name), " "), 9, func(r *row) (string, string) {
			if v, ok := vaiven.FindLatest(r.info.Values, name); ok {
				return vaiven.FormatNumber(v), sgrBold
			}
			return "", sgrBold
		})
	}
	state := func(i int) column {
		name := d.stateSet[i]
		c := fitted(60+i, false, name, 9, func(r *row) (string, string) { return f.stateCell(r, name) })
		c.w = max(c.w, 3)
		return c
	}

	need := []column{fitted(0, true, "ID", max(3, min(f.view.w/6, 16)), func(r *row) (string, string) { return string(r.ID), deviceColor(r.ID) })}
	for i := range min(len(d.names), 2) {
		need = append(need, value(i))
	}
	need = append(need, column{head: l.Say("AGO", "HACE"), w: 4, order: 50, cell: func(r *row, _ int) (string, string) {
		last := r.info.Reading
		switch {
		case last == 0:
			return "-", sgrDim
		case !r.session().Ended && f.now.Sub(time.UnixMilli(last)) > r.overdue():
			return age(f.now, last), sgrRed
		}
		return age(f.now, last), ""
	}}, f.sessionColumn(rows))
	states := min(len(d.stateSet), 4)
	for i := range min(states, 1) {
		need = append(need, state(i))
	}
	if slices.ContainsFunc(rows, func(r *row) bool { return f.trust(r) != "" }) {
		need = append(need, fitted(74, true, l.Say("TRUST", "CONFIANZA"), 13, func(r *row) (string, string) { return f.trust(r), sgrYellow }))
	}
	if slices.ContainsFunc(rows, func(r *row) bool { return r.name != "" }) || len(d.roster) > 0 {
		c := fitted(1, true, l.Say("NAME", "NOMBRE"), maxNameWidth, func(r *row) (string, string) { return r.name, "" })
		c.w, c.full = min(c.w, 8), c.w
		need = append(need, c)
	}
	for i := 1; i < states; i++ {
		need = append(need, state(i))
	}
	need = append(need, f.sparkColumn(rows))
	if d.rejected > 0 {
		need = append(need, column{head: l.Say("REJ", "RECH"), w: 4, order: 70, cell: func(r *row, _ int) (string, string) {
			if n := r.info.CountOfRejected(); n > 0 {
				return fmt.Sprint(n), sgrRed
			}
			return "", ""
		}})
	}
	if slices.ContainsFunc(rows, func(r *row) bool { return !r.info.Connected || r.info.Silent }) { // else there is nothing to say
		need = append(need, fitted(75, true, l.Say("BOARD", "PLACA"), 20, func(r *row) (string, string) {
			if r.info.Silent {
				return f.presenceShort(r), sgrYellow
			}
			return f.presenceShort(r), sgrDim
		}))
	}
	for i := 2; i < min(len(d.names), 8); i++ {
		need = append(need, value(i))
	}
	return append(need, fitted(80, true, l.Say("FROM", "DESDE"), 22, func(r *row) (string, string) { return r.remote(), sgrDim }))
}

// sessionColumn shows how many readings there are of how many, and a bar where there
// is room.
func (f *framer) sessionColumn(rows []*row) column {
	text := func(r *row) string {
		e := r.info.Session
		switch {
		case e == nil:
			return fmt.Sprint(r.info.Readings)
		case e.Readings == 0:
			return fmt.Sprint(e.Count)
		}
		return fmt.Sprintf("%d/%d", e.Count, e.Readings)
	}
	head, w, wide := f.l.Say("READINGS", "LECTURAS"), 0, f.view.w >= 76
	for _, r := range rows {
		w = max(w, min(width(text(r)), 13))
	}
	if wide {
		w += barWidth + 1
	}
	w = max(w, width(head))
	return column{head: head, w: w, order: 20, cell: func(r *row, _ int) (string, string) {
		sgr, s, e := "", text(r), r.session()
		if e.Ended {
			sgr = sgrGreen
		}
		if wide && e.Readings > 0 {
			s = spaces(w-barWidth-1-width(s)) + s + " " + bar(e.Count, e.Readings, barWidth)
		}
		return s, sgr
	}}
}

// stateCell shows a state and how far it has come: 1 ✓, 0 →. The chosen state of
// the selected row is shown in reverse.
func (f *framer) stateCell(r *row, name string) (text, sgr string) {
	v, st, ok := r.stage(name, f.now)
	text, sgr = strings.TrimRight(vaiven.FormatNumber(v)+" "+st.sign(), " "), st.sgr()
	if !ok {
		text, sgr = "-", sgrDim
	}
	if f.o.RequestChange != nil && r.ID == f.view.selected && f.view.chosenState(&r.board, f.o.States) == name {
		sgr = strings.TrimLeft(sgr+";"+sgrReverse, ";")
	}
	return text, sgr
}

func (f *framer) sparkColumn(rows []*row) column {
	c := column{w: 8, full: sparkLen, left: true, order: 40, cell: func(r *row, w int) (string, string) {
		return sparkline(r.spark.last(sparkLen), w), deviceColor(r.ID)
	}}
	if f.view.w >= 112 {
		c.w = 24 // before columns that the line about the selected device has too
	}
	if i := slices.IndexFunc(rows, func(r *row) bool { return r.sparkName != "" }); i >= 0 {
		c.head = rows[i].sparkName + " ~"
	}
	return c
}

// minSpread keeps the noise of a still sensor from looking like a storm: the
// full height of a sparkline stands for at least this much.
const minSpread = 1.0

// sparkline draws values, the newest on the right, in w columns.
func sparkline(values []float64, w int) string {
	values = values[max(len(values)-w, 0):]
	if len(values) == 0 {
		return spaces(w)
	}
	lo, hi := slices.Min(values), slices.Max(values)
	if spread := hi - lo; spread < minSpread {
		mid := lo + spread/2
		lo, hi = mid-minSpread/2, mid+minSpread/2
	}
	blocks := []rune("▁▂▃▄▅▆▇█")
	out := make([]rune, 0, len(values))
	for _, v := range values {
		// Halves first: hi-lo of two large numbers may not be finite.
		i := int((v/2 - lo/2) / (hi/2 - lo/2) * float64(len(blocks)))
		out = append(out, blocks[min(max(i, 0), len(blocks)-1)])
	}
	return spaces(w-len(out)) + string(out)
}

// conflictShown is how long a conflict marks its row.
const conflictShown = 60 * time.Second

func (f *framer) inConflict(r *row) bool {
	return r.info.ConflictAt > 0 && f.now.Sub(time.UnixMilli(r.info.ConflictAt)) < conflictShown
}

// asleepUntil is until when a board sleeps, Unix ms; 0: it does not.
func (f *framer) asleepUntil(r *row) int64 {
	_, _, until := r.info.Status(f.now.UnixMilli())
	return until
}

// presenceSign is one column: connected, silent, asleep, gone, or in conflict.
func (f *framer) presenceSign(r *row) string {
	switch {
	case f.inConflict(r):
		return f.color.str(sgrRed, "!")
	case r.info.Silent:
		return f.color.str(sgrYellow, "◐")
	case r.info.Connected:
		return f.color.str(sgrGreen, "●")
	case f.asleepUntil(r) > 0:
		return f.color.str(sgrCyan, "z")
	}
	return f.color.str(sgrDim, "○")
}

// detail is the line about the selected device, with what has no column.
func (f *framer) detail(r *row, at, n int) string {
	l := f.l
	parts := []string{string(r.ID)}
	if r.name != "" {
		parts[0] += " " + r.name
	}
	chosen := f.view.chosenState(&r.board, f.o.States)
	if text := f.describeState(r, chosen); text != "" {
		parts = append(parts, text)
	}
	parts = append(parts, f.presenceText(r))
	if word := f.trust(r); word != "" {
		parts = append(parts, word)
	}
	if e := r.session(); !e.Ended && e.Deadline > 0 {
		left := max(time.UnixMilli(e.Deadline).Sub(f.now), 0).Truncate(time.Second)
		parts = append(parts, l.Say("left: ", "faltan: ")+span(left))
	} else if e.Ended {
		parts = append(parts, l.Say("complete", "terminada"))
	}
	if remote := r.remote(); remote != "" {
		parts = append(parts, remote)
	}
	for _, name := range r.stateNames(f.o.States) {
		if v, st, ok := r.stage(name, f.now); ok && name != chosen {
			parts = append(parts, strings.TrimRight(name+"="+vaiven.FormatNumber(v)+" "+st.sign(), " "))
		}
	}
	if n := r.info.CountOfRejected(); n > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", n, l.Say("rejected", "rechazadas")))
	}
	if r.info.FW != "" {
		parts = append(parts, "fw "+clean(r.info.FW, maxRemote))
	}
	for _, v := range r.info.Values {
		parts = append(parts, strings.TrimRight(v.Name+" "+vaiven.FormatNumber(v.Num)+" "+unit(v.Name), " "))
	}
	line := strings.Join(parts, " · ")
	if place := fmt.Sprintf("%d/%d", at+1, n); n > 1 {
		return f.color.str(sgrDim, f.sides("  "+cut(line, f.view.w-width(place)-3), place))
	}
	return f.color.str(sgrDim, "  "+line)
}

func (f *framer) presenceText(r *row) string {
	l := f.l
	text := l.Say("disconnected", "desconectada") + f.since(r)
	switch {
	case f.inConflict(r):
		text = l.Say("several boards use this id", "varias placas usan este id")
		if rivals := r.info.Remotes[:min(len(r.info.Remotes), maxRivals)]; len(rivals) > 0 {
			return text + ": " + cleanAll(rivals, l.Say(" and ", " y "))
		}
	case r.info.Silent:
		text = l.Say("silent", "callada") + f.since(r)
	case r.info.Connected:
		text = l.Say("connected", "conectada") + f.since(r)
	case f.asleepUntil(r) > 0:
		text = l.Say("asleep until ", "dormida hasta las ") + f.time(f.asleepUntil(r))
	}
	return text
}

// presenceShort fits into a column: silent 14:02, asleep until 14:18.
func (f *framer) presenceShort(r *row) string {
	l := f.l
	since := ""
	if r.info.Since > 0 {
		since = " " + f.time(r.info.Since)
	}
	switch {
	case r.info.Silent:
		return l.Say("silent", "callada") + since
	case r.info.Connected:
		return l.Say("connected", "conectada")
	case f.asleepUntil(r) > 0:
		return l.Say("asleep until ", "duerme hasta ") + f.time(f.asleepUntil(r))
	}
	return l.Say("gone", "ausente") + since
}

func (f *framer) since(r *row) string {
	since := r.info.Since
	if r.info.Connected && !r.info.Silent && r.info.ConnectedAt != 0 {
		since = r.info.ConnectedAt // a silence in between matters no more
	}
	if since == 0 {
		return ""
	}
	return f.l.Say(" since ", " desde las ") + f.time(since)
}

// time is HH:MM in the screen's zone, with the day when it is another one.
func (f *framer) time(ms int64) string {
	at := time.UnixMilli(ms).In(f.now.Location())
	if at.YearDay() == f.now.YearDay() && at.Year() == f.now.Year() {
		return at.Format("15:04")
	}
	return at.Format("01-02 15:04")
}

// describeState is a state in words, "" when nothing is known of it.
func (f *framer) describeState(r *row, name string) string {
	l := f.l
	v, st, ok := r.stage(name, f.now)
	if !ok {
		return ""
	}
	text := strings.TrimRight(name+"="+vaiven.FormatNumber(v)+" "+st.sign(), " ")
	p, last := r.Owner(name), r.lastEnd(name)
	switch st {
	case stageAsked:
		text += l.Say(" asked", " pedido")
		if p != nil {
			text += l.Say(" by ", " por ") + describeAuthor(l, p.By)
		}
		_, offset := f.now.Zone()
		if wait := describeWait(l, &r.board, f.now.UnixMilli(), int32(offset)); wait != "" {
			text += "; " + wait
		}
	case stageSent:
		text += l.Say(" sent", " enviado")
		if r.cannotReport() {
			text += l.Say(" (this board does not report)", " (esta placa no informa)")
		}
	case stageFailed:
		text += " " + last.Name + "=" + vaiven.FormatNumber(last.Num)
		if last.outcome == vaiven.Refused {
			text += l.Say(" refused", " rechazado")
		} else {
			text += l.Say(" expired", " venció")
		}
	case stageConfirmed:
		if last != nil && last.outcome == vaiven.Confirmed && last.took > 0 {
			text += l.Say(" in ", " en ") + span(time.Duration(last.took)*time.Millisecond)
		}
	}
	return text
}
