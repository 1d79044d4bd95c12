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

// presence is one column: connected, asleep, gone, or fought over.
func (f *framer) presence(r *row) string {
	switch {
	case f.fought(r):
		return f.color.str(sgrRed, "!")
	case r.connected:
		return f.color.str(sgrGreen, "●")
	case r.sleepUntil > 0:
		return f.color.str(sgrCyan, "z")
	}
	return f.color.str(sgrDim, "○")
}

func (f *framer) fought(r *row) bool {
	return r.conflict > 0 && f.now.Sub(time.UnixMilli(r.conflict)) < conflictShown
}

// detail is the line about the selected device, with what has no column.
func (f *framer) detail(r *row, at, n int) string {
	l := f.l
	parts := []string{string(r.device)}
	if r.name != "" {
		parts[0] += " " + r.name
	}
	parts = append(parts, f.presenceText(r))
	if r.session && !r.ended && r.deadline > 0 {
		left := max(time.UnixMilli(r.deadline).Sub(f.now), 0).Truncate(time.Second)
		parts = append(parts, l.Say("left: ", "faltan: ")+span(left))
	} else if r.ended {
		parts = append(parts, l.Say("complete", "terminada"))
	}
	if len(r.states) > 0 {
		parts = append(parts, states(r.states))
	}
	if r.rejected > 0 {
		parts = append(parts, fmt.Sprintf("%d %s", r.rejected, l.Say("rejected", "rechazadas")))
	}
	if r.fw != "" {
		parts = append(parts, "fw "+r.fw)
	}
	for _, v := range r.values {
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
	text := l.Say("disconnected", "desconectada")
	switch {
	case f.fought(r):
		text = l.Say("several boards use this id", "varias placas usan este id")
	case r.connected:
		text = l.Say("connected", "conectada")
	case r.sleepUntil > 0:
		_, offset := f.now.Zone()
		text = l.Say("asleep until ", "dormida hasta las ") + clock(r.sleepUntil, int32(offset))
	}
	if r.remote != "" {
		text += " " + r.remote
	}
	return text
}

func (f *framer) help(h int) []string {
	l := f.l
	lines := []string{f.color.str(sgrBold, l.Say("Keys", "Teclas"))}
	for _, k := range [][2]string{
		{"↑ ↓  k j", l.Say("select a device, or scroll the pane", "elegir un dispositivo, o mover el panel")},
		{"PgUp PgDn", l.Say("a page up or down", "una página arriba o abajo")},
		{"Home End", l.Say("first and last", "el primero y el último")},
		{"s", l.Say("sort by id, name, age, TEMP, rejected", "ordenar por id, nombre, tiempo, TEMP, rechazos")},
		{"r", l.Say("reverse the order", "invertir el orden")},
		{"e", l.Say("every event, or only what was rejected", "todos los eventos, o solo lo rechazado")},
		{"tab", l.Say("between the table and the pane", "entre la tabla y el panel")},
		{"q  Ctrl-C", l.Say("quit", "salir")},
	} {
		lines = append(lines, "  "+f.color.str(sgrBold, fit(k[0], 10))+"  "+k[1])
	}
	lines = append(lines, "", f.color.str(sgrBold, l.Say("Marks", "Marcas")),
		"  ● "+l.Say("connected", "conectada")+"   ○ "+l.Say("disconnected", "desconectada")+
			"   z "+l.Say("asleep", "dormida")+"   ! "+l.Say("two boards, one id", "dos placas, un id"),
		"", l.Say("any key closes this", "cualquier tecla cierra esto"))
	return lines[:min(len(lines), max(h, 0))]
}
