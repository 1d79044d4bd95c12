package console

import (
	"fmt"
	"strings"
	"time"

	"vaiven"
)

func (f *framer) headLine(cols []column) string {
	var b strings.Builder
	b.WriteString("  ")
	for i, c := range cols {
		b.WriteString(spaces(min(i+1, 2)))
		if c.left {
			b.WriteString(fit(c.head, c.w))
		} else {
			b.WriteString(right(c.head, c.w))
		}
	}
	return strings.TrimRight(b.String(), " ")
}

func (f *framer) rowLine(cols []column, r *row, selected bool) string {
	var b strings.Builder
	if selected && !f.k.inPane {
		b.WriteString(f.color.str(sgrBold, "▸"))
	} else {
		b.WriteByte(' ')
	}
	b.WriteString(f.presence(r))
	for i, c := range cols {
		b.WriteString(spaces(min(i+1, 2)))
		text, sgr := c.cell(r, c.w)
		if c.left {
			text = fit(text, c.w)
		} else {
			text = right(text, c.w)
		}
		b.WriteString(f.color.str(sgr, text))
	}
	return strings.TrimRight(b.String(), " ")
}

// conflictShown is how long a conflict marks its row.
const conflictShown = 60 * time.Second

// presence is one column: connected, silent, asleep, gone, or fought over.
func (f *framer) presence(r *row) string {
	switch {
	case f.fought(r):
		return f.color.str(sgrRed, "!")
	case r.info.Silent:
		return f.color.str(sgrYellow, "◐")
	case r.info.Connected:
		return f.color.str(sgrGreen, "●")
	case f.asleep(r) > 0:
		return f.color.str(sgrCyan, "z")
	}
	return f.color.str(sgrDim, "○")
}

// asleep is until when a board sleeps, Unix ms; 0: it does not.
func (f *framer) asleep(r *row) int64 {
	_, _, until := r.info.Status(f.now.UnixMilli())
	return until
}

func (f *framer) fought(r *row) bool {
	return r.info.ConflictAt > 0 && f.now.Sub(time.UnixMilli(r.info.ConflictAt)) < conflictShown
}

// detail is the line about the selected device, with what has no column.
func (f *framer) detail(r *row, at, n int) string {
	l := f.l
	parts := []string{string(r.ID)}
	if r.name != "" {
		parts[0] += " " + r.name
	}
	chosen := f.k.stateOf(&r.board, f.o.States)
	if text := f.stateText(r, chosen); text != "" {
		parts = append(parts, text)
	}
	parts = append(parts, f.presenceText(r))
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
		return f.color.str(sgrDim, f.sides("  "+cut(line, f.k.w-width(place)-3), place))
	}
	return f.color.str(sgrDim, "  "+line)
}

func (f *framer) presenceText(r *row) string {
	l := f.l
	text := l.Say("disconnected", "desconectada") + f.since(r)
	switch {
	case f.fought(r):
		text = l.Say("several boards use this id", "varias placas usan este id")
		if rivals := r.info.Remotes[:min(len(r.info.Remotes), maxRivals)]; len(rivals) > 0 {
			return text + ": " + cleanAll(rivals, l.Say(" and ", " y "))
		}
	case r.info.Silent:
		text = l.Say("silent", "callada") + f.since(r)
	case r.info.Connected:
		text = l.Say("connected", "conectada") + f.since(r)
	case f.asleep(r) > 0:
		text = l.Say("asleep until ", "dormida hasta las ") + f.time(f.asleep(r))
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
	case f.asleep(r) > 0:
		return l.Say("asleep until ", "duerme hasta ") + f.time(f.asleep(r))
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

// stateText is a state in words, "" when nothing is known of it.
func (f *framer) stateText(r *row, name string) string {
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
			text += l.Say(" by ", " por ") + by(l, p.By)
		}
		_, offset := f.now.Zone()
		if wait := waits(l, &r.board, f.now.UnixMilli(), int32(offset)); wait != "" {
			text += "; " + wait
		}
	case stageSent:
		text += l.Say(" sent", " enviado")
		if r.cannotReport() {
			text += l.Say(" (this board does not report)", " (esta placa no informa)")
		}
	case stageFailed:
		text += " " + f.failed(last)
	case stageConfirmed:
		if last != nil && last.outcome == vaiven.Confirmed && last.took > 0 {
			text += l.Say(" in ", " en ") + span(time.Duration(last.took)*time.Millisecond)
		}
	}
	return text
}

// failed says what became of a change that was not confirmed.
func (f *framer) failed(end *stateEnd) string {
	what := end.Name + "=" + vaiven.FormatNumber(end.Num)
	if end.outcome == vaiven.Refused {
		return what + f.l.Say(" refused", " rechazado")
	}
	return what + f.l.Say(" expired", " venció")
}
