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
func (s *state) sorted(k *look) []*row {
	rows := slices.Clone(s.order)
	slices.SortFunc(rows, k.sort.compare)
	if k.reverse {
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
	rows := f.s.sorted(f.k)
	if len(rows) == 0 {
		return []string{"", "  " + f.color.str(sgrBold, f.l.Say("waiting for the first board", "esperando la primera placa"))}
	}
	at := f.selected(rows)
	visible := h - 2
	f.k.top = min(max(f.k.top, at-visible+1), at, max(len(rows)-visible, 0))
	shown := rows[f.k.top:min(f.k.top+visible, len(rows))]

	cols := f.columns(shown)
	lines := []string{f.color.str(sgrDim, f.headLine(cols))}
	for i, r := range shown {
		lines = append(lines, f.rowLine(cols, r, f.k.top+i == at))
	}
	return append(lines, f.detail(rows[at], at, len(rows)))
}

// selected is the place of the selected device, the first when there is none.
func (f *framer) selected(rows []*row) int {
	i := slices.IndexFunc(rows, func(r *row) bool { return r.ID == f.k.sel })
	if i < 0 {
		i = 0
		f.k.sel = rows[0].ID
	}
	return i
}

// columns chooses what fits, the most needed first, and shares out the columns
// that are left to those that can use more.
func (f *framer) columns(rows []*row) []column {
	var cols []column
	left := f.k.w - 2 // the marks before the id
	for _, c := range f.wanted(rows) {
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

// wanted are all columns, the most needed first.
func (f *framer) wanted(rows []*row) []column {
	wide := f.k.w >= 76
	need := []column{f.idColumn(rows)}
	for i, n := range f.s.names {
		if i < 2 {
			need = append(need, f.valueColumn(n, i, rows))
		}
	}
	need = append(need, f.ageColumn(), f.sessionColumn(rows, wide))
	states := f.s.stateSet[:min(len(f.s.stateSet), 4)]
	for i, n := range states[:min(len(states), 1)] {
		need = append(need, f.stateColumn(n, 60+i, rows))
	}
	if slices.ContainsFunc(rows, func(r *row) bool { return r.name != "" }) || len(f.s.roster) > 0 {
		need = append(need, f.nameColumn(rows))
	}
	for i, n := range states {
		if i > 0 {
			need = append(need, f.stateColumn(n, 60+i, rows))
		}
	}
	need = append(need, f.sparkColumn(rows))
	if f.s.rejected > 0 {
		need = append(need, f.rejectedColumn())
	}
	if slices.ContainsFunc(rows, f.notable) {
		need = append(need, f.presenceColumn(rows))
	}
	for i, n := range f.s.names {
		if i >= 2 && i < 8 {
			need = append(need, f.valueColumn(n, i, rows))
		}
	}
	return append(need, f.remoteColumn(rows))
}

func (f *framer) sparkColumn(rows []*row) column {
	w := 8
	if f.k.w >= 112 {
		w = 24 // before columns that the line about the selected device has too
	}
	return column{head: f.sparkHead(rows), w: w, full: sparkLen, left: true, order: 40, cell: func(r *row, w int) (string, string) {
		return sparkline(r.spark.last(sparkLen), w), deviceColor(r.ID)
	}}
}

func widest(head string, limit int, rows []*row, text func(*row) string) int {
	w := width(head)
	for _, r := range rows {
		w = max(w, min(width(text(r)), limit))
	}
	return w
}

func (f *framer) idColumn(rows []*row) column {
	w := widest("ID", max(3, min(f.k.w/6, 16)), rows, func(r *row) string { return string(r.ID) })
	return column{head: "ID", w: w, left: true, order: 0, cell: func(r *row, _ int) (string, string) {
		return string(r.ID), deviceColor(r.ID)
	}}
}

func (f *framer) nameColumn(rows []*row) column {
	head := f.l.Say("NAME", "NOMBRE")
	full := widest(head, maxNameWidth, rows, func(r *row) string { return r.name })
	return column{head: head, w: min(full, 8), full: full, left: true, order: 1, cell: func(r *row, _ int) (string, string) { return r.name, "" }}
}

func (f *framer) valueColumn(name string, i int, rows []*row) column {
	head := strings.TrimRight(name+" "+unit(name), " ")
	text := func(r *row) string {
		if v, ok := vaiven.FindLatest(r.info.Values, name); ok {
			return vaiven.FormatNumber(v)
		}
		return ""
	}
	return column{head: head, w: widest(head, 9, rows, text), order: 10 + i, cell: func(r *row, _ int) (string, string) { return text(r), sgrBold }}
}

func (f *framer) ageColumn() column {
	head := f.l.Say("AGO", "HACE")
	return column{head: head, w: 4, order: 50, cell: func(r *row, _ int) (string, string) {
		last := r.info.Reading
		if last == 0 {
			return "-", sgrDim
		}
		if !r.session().Ended && f.now.Sub(time.UnixMilli(last)) > r.overdue() {
			return age(f.now, last), sgrRed
		}
		return age(f.now, last), ""
	}}
}

func (f *framer) sessionColumn(rows []*row, wide bool) column {
	head := f.l.Say("READINGS", "LECTURAS")
	w := widest("", 13, rows, progressText)
	if wide {
		w += barWidth + 1
	}
	w = max(w, width(head))
	return column{head: head, w: w, order: 20, cell: func(r *row, _ int) (string, string) {
		sgr, e := "", r.session()
		if e.Ended {
			sgr = sgrGreen
		}
		text := progressText(r)
		if !wide || e.Readings == 0 {
			return text, sgr
		}
		return spaces(w-barWidth-1-width(text)) + text + " " + bar(e.Count, e.Readings, barWidth), sgr
	}}
}

// barWidth is the bar behind n/N.
const barWidth = 8

func progressText(r *row) string {
	e := r.info.Session
	switch {
	case e == nil:
		return fmt.Sprint(r.info.Readings)
	case e.Readings == 0:
		return fmt.Sprint(e.Count)
	}
	return fmt.Sprintf("%d/%d", e.Count, e.Readings)
}

// stateColumn shows a state and how far it has come: 1 ✓, 0 →. The chosen state
// of the selected row is shown in reverse.
func (f *framer) stateColumn(name string, order int, rows []*row) column {
	text := func(r *row) (string, stage) {
		v, st, ok := r.stage(name, f.now)
		if !ok {
			return "-", st
		}
		return strings.TrimRight(vaiven.FormatNumber(v)+" "+st.sign(), " "), st
	}
	w := widest(name, 9, rows, func(r *row) string { s, _ := text(r); return s })
	return column{head: name, w: max(w, 3), order: order, cell: func(r *row, w int) (string, string) {
		s, st := text(r)
		sgr := st.sgr()
		if s == "-" {
			sgr = sgrDim
		}
		if f.o.Ask != nil && r.ID == f.k.sel && f.k.stateOf(&r.board, f.o.States) == name {
			sgr = strings.TrimLeft(sgr+";"+sgrReverse, ";")
		}
		return s, sgr
	}}
}

// notable reports whether there is more to say of a row's presence than that it
// is connected.
func (f *framer) notable(r *row) bool { return !r.info.Connected || r.info.Silent }

func (f *framer) presenceColumn(rows []*row) column {
	head := f.l.Say("BOARD", "PLACA")
	text := func(r *row) string { return f.presenceShort(r) }
	w := widest(head, 20, rows, text)
	return column{head: head, w: w, left: true, order: 75, cell: func(r *row, _ int) (string, string) {
		if r.info.Silent {
			return text(r), sgrYellow
		}
		return text(r), sgrDim
	}}
}

func (f *framer) sparkHead(rows []*row) string {
	for _, r := range rows {
		if r.sparkName != "" {
			return r.sparkName + " ~"
		}
	}
	return ""
}

func (f *framer) rejectedColumn() column {
	return column{head: f.l.Say("REJ", "RECH"), w: 4, order: 70, cell: func(r *row, _ int) (string, string) {
		n := r.info.CountOfRejected()
		if n == 0 {
			return "", ""
		}
		return fmt.Sprint(n), sgrRed
	}}
}

func (f *framer) remoteColumn(rows []*row) column {
	head := f.l.Say("FROM", "DESDE")
	w := widest(head, 22, rows, func(r *row) string { return r.remote() })
	return column{head: head, w: w, left: true, order: 80, cell: func(r *row, _ int) (string, string) { return r.remote(), sgrDim }}
}
