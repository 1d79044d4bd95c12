package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"vaiven"
)

// tuiView is what a person chose with the keys, and the size of the screen.
type tuiView struct {
	w, h     int
	sort     sortKey
	reverse  bool
	selected vaiven.Device // the row that keys are about
	top      int           // first row shown
	all      bool          // the pane shows every event
	inPane   bool          // the arrow keys scroll the pane
	back     int           // lines that the pane is scrolled back
	help     bool

	stateName string // the chosen state, "": the main one
	prompting bool   // the prompt is open
	input     string // what stands in it
	problem   string // what was wrong with the last key or line
}

// chosenState is the chosen state, if the device has it, else its main one.
func (v *tuiView) chosenState(b *board, own []string) string {
	names := b.stateNames(own)
	if slices.Contains(names, v.stateName) {
		return v.stateName
	}
	return mainState(names)
}

// framer draws one frame.
type framer struct {
	data  *tuiData
	view  *tuiView
	o     *TUIOptions
	now   time.Time
	l     vaiven.Lang
	color paint
}

// drawFrame draws the whole screen: exactly v.h lines of at most v.w columns. It
// may move v's scroll position to keep the selection visible.
func drawFrame(d *tuiData, v *tuiView, o *TUIOptions, now time.Time) string {
	f := framer{data: d, view: v, o: o, now: now, l: o.Lang, color: paint(o.Color)}
	lines := f.header()
	h := max(v.h-len(lines)-1, 0) // one for the footer
	if v.help {
		lines = append(lines, f.help(h)...)
	} else {
		// The pane gets a third, and what the table does not need.
		pane := min(max(h/3, 4), 12)
		if h < 10 {
			pane = min(max(h-4, 0), 3)
		}
		pane = max(pane, h-len(d.order)-3)
		lines = append(lines, f.table(h-pane)...)
		for len(lines) < v.h-1-pane {
			lines = append(lines, "")
		}
		lines = append(lines, f.pane(pane)...)
	}
	for len(lines) < v.h-1 {
		lines = append(lines, "")
	}
	lines = append(lines[:max(v.h-1, 0)], f.footer())
	for i, line := range lines {
		lines[i] = cut(line, v.w)
	}
	return strings.Join(lines, "\n")
}

func (f *framer) header() []string {
	title := f.color.str(sgrBold, "vaiven")
	if f.o.Title != "" {
		title += " · " + f.o.Title
	}
	zone := f.now.Location().String()
	if zone == "" || zone == "Local" || f.view.w < 72 {
		zone = f.now.Format("-07:00")
	}
	lines := []string{f.sides(title, f.now.Format("15:04:05 ")+zone)}
	if len(f.o.Addresses) > 0 {
		label := f.l.Say("boards connect to ", "las placas se conectan a ")
		if f.view.w < 72 {
			label = "→ "
		}
		lines = append(lines, label+f.color.str(sgrBold, strings.Join(f.o.Addresses, "  ")))
	}
	return append(lines, f.counts(), f.waits())
}

// waits says who waits to be let in, "" for nobody.
func (f *framer) waits() string {
	if f.o.Waiting == nil {
		return ""
	}
	return f.color.str(sgrYellow, waits(f.l, f.o.Waiting()))
}

// trust is how far a board is believed, as a word; "" for one that is verified.
func (f *framer) trust(r *row) string {
	if f.o.Trust == nil {
		return ""
	}
	return trustWord(f.l, f.o.Trust(r.ID))
}

func (f *framer) counts() string {
	d, l := f.data, f.l
	connected := fmt.Sprintf("%d/%d %s", d.connected, len(d.order), l.Say("connected", "conectadas"))
	silent := uint64(0)
	for _, r := range d.order {
		if r.info.Silent {
			silent++
		}
	}
	if silent > 0 {
		connected += " (" + vaiven.Count(silent, l.Say("silent", "callada"), l.Say("silent", "calladas")) + ")"
	}
	unverified := uint64(0)
	for _, r := range d.order {
		if f.trust(r) != "" {
			unverified++
		}
	}
	rejected := vaiven.Count(d.rejected, l.Say("rejected", "rechazada"), l.Say("rejected", "rechazadas"))
	if d.rejected > 0 {
		rejected = f.color.str(sgrRed, rejected)
	}
	parts := []string{connected, l.Readings(d.readings), formatRate(d.rate.perSecond(f.now.Unix())) + "/s", rejected}
	if unverified > 0 {
		parts = append(parts, vaiven.Count(unverified, l.Say("unverified", "sin verificar"), l.Say("unverified", "sin verificar")))
	}
	if d.hidden {
		parts = append(parts, fmt.Sprintf(l.Say("first %d devices", "primeros %d dispositivos"), maxRows))
	}
	return strings.Join(parts, " · ")
}

// sides puts one text to the left and one to the right.
func (f *framer) sides(a, b string) string {
	gap := f.view.w - width(a) - width(b)
	if gap < 1 {
		return cut(a, f.view.w)
	}
	return a + spaces(gap) + b
}

func (f *framer) pane(h int) []string {
	if h < 2 {
		return nil
	}
	list, title := &f.data.problems, f.l.Say("Rejected, and why", "Rechazado, y por qué")
	if f.data.changed {
		title = f.l.Say("Rejected, and what became of changes", "Rechazado, y qué fue de los cambios")
	}
	if f.view.all {
		list, title = &f.data.all, f.l.Say("Everything that happened", "Todo lo que pasó")
	}
	f.view.back = min(f.view.back, max(len(list.items)-1, 0))
	if f.view.back > 0 {
		title += fmt.Sprintf(" (-%d)", f.view.back)
	}
	if f.view.inPane {
		title = "▸ " + title
	}
	rule := "── " + title + " "
	lines := []string{f.color.str(sgrDim, rule+strings.Repeat("─", max(f.view.w-width(rule), 0)))}
	if len(list.items) == 0 {
		return append(lines, f.color.str(sgrDim, f.l.Say("nothing so far", "nada por ahora")))
	}
	// The newest messages that fit, except those that the pane is scrolled back over.
	messages, shown := list.last(h-1+f.view.back), []string(nil)
	for i := len(messages) - 1 - f.view.back; i >= 0; i-- {
		m := f.message(messages[i])
		if len(shown)+len(m) > h-1 && len(shown) > 0 {
			break
		}
		shown = append(m, shown...)
	}
	return append(lines, shown[:min(h-1, len(shown))]...)
}

// message draws a message, on three lines at most.
func (f *framer) message(m message) []string {
	lead := f.color.str(sgrDim, clock(m.at, m.offset)) + " "
	if m.device != "" {
		id := string(m.device)
		lead += f.color.str(deviceColor(m.device), fit(id, min(max(len(id), 3), 12))) + " "
	}
	indent := min(width(lead), f.view.w/3)
	wrapped := strings.Split(ansi.Wrap(m.text, max(f.view.w-width(lead), 10), ""), "\n")
	if len(wrapped) > 3 {
		wrapped = append(wrapped[:2:2], strings.Join(wrapped[2:], " "))
	}
	for i, part := range wrapped {
		start := spaces(indent)
		if i == 0 {
			start = lead
		}
		wrapped[i] = start + f.color.str(m.severity.sgr(), part)
	}
	return wrapped
}

// footer is the prompt while it is open, what was wrong with the last key, or
// the keys.
func (f *framer) footer() string {
	l := f.l
	switch {
	case f.view.prompting:
		return f.promptLine()
	case f.view.problem != "":
		return f.color.str(sgrRed, cut(f.view.problem, f.view.w))
	}
	keys := [][2]string{{"q", l.Say("quit", "salir")}, {"?", l.Say("help", "ayuda")}}
	if r := f.data.rows[f.view.selected]; f.o.RequestChange != nil && r != nil {
		keys = append(keys, [2]string{l.Say("space", "espacio"), l.Say("switch ", "cambiar ") + f.view.chosenState(&r.board, f.o.States)})
	}
	keys = append(keys, [][2]string{
		{"↑↓", l.Say("move", "mover")},
		{"s", l.Say("sort: ", "orden: ") + f.view.sort.name(l)},
		{"e", l.Say("events", "eventos")},
		{"tab", l.Say("pane", "panel")},
		{"r", l.Say("reverse", "invertir")},
	}...)
	line := ""
	for _, k := range keys {
		part := f.color.str(sgrBold, k[0]) + " " + k[1]
		if width(line)+width(part)+2 > f.view.w {
			break
		}
		line += part + "  "
	}
	return strings.TrimRight(line, " ")
}

// promptLine shows the end of what is typed, and the keys while there is room.
func (f *framer) promptLine() string {
	lead := string(f.view.selected) + " › "
	if width(lead) > f.view.w/3 {
		lead = "› "
	}
	room := max(f.view.w-width(lead)-1, 1)
	input := f.view.input
	if over := width(input) - room; over > 0 {
		input = ansi.TruncateLeft(input, over, "")
	}
	line := f.color.str(sgrBold, lead) + input + f.color.str(sgrReverse, "_")
	if keys := f.l.Say("   Enter asks, Esc leaves", "   Enter lo pide, Esc sale"); width(line)+width(keys) <= f.view.w {
		line += f.color.str(sgrDim, keys)
	}
	return line
}

// age writes how long ago a moment was, in at most four columns.
func age(now time.Time, ms int64) string {
	d := max(now.Sub(time.UnixMilli(ms)), 0)
	switch {
	case d < 100*time.Second:
		return strconv.Itoa(int(d/time.Second)) + "s"
	case d < 100*time.Minute:
		return strconv.Itoa(int(d/time.Minute)) + "m"
	case d < 100*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	case d < 1000*24*time.Hour:
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return ">999"
}

// help is the page about keys and marks, on at most h lines.
func (f *framer) help(h int) []string {
	l := f.l
	lines := []string{f.color.str(sgrBold, l.Say("Keys", "Teclas"))}
	keys := [][2]string{
		{"↑ ↓  k j", l.Say("select a device, or scroll the pane", "elegir un dispositivo, o mover el panel")},
		{"PgUp PgDn", l.Say("a page up or down", "una página arriba o abajo")},
		{"Home End", l.Say("first and last", "el primero y el último")},
	}
	if f.o.RequestChange != nil {
		keys = append(keys, [][2]string{
			{l.Say("space  t", "espacio  t"), l.Say("switch the device's LED, or its chosen state", "cambiar su LED, o su estado elegido")},
			{"← →", l.Say("choose another state", "elegir otro estado")},
			{"=  :", l.Say("type a value: DIM=40, 101 LED=0, t RELAY", "escribir un valor: DIM=40, 101 LED=0, t RELAY")},
		}...)
	}
	if f.o.Approve != nil {
		keys = append(keys, [2]string{"a", l.Say("let the board in that waits longest", "admitir la placa que espera hace más")})
	}
	keys = append(keys, [][2]string{
		{"s", l.Say("sort by id, name, age, TEMP, rejected", "ordenar por id, nombre, tiempo, TEMP, rechazos")},
		{"r", l.Say("reverse the order", "invertir el orden")},
		{"e", l.Say("every event, or only what matters", "todos los eventos, o solo lo que importa")},
		{"tab", l.Say("between the table and the pane", "entre la tabla y el panel")},
		{"q  Ctrl-C", l.Say("quit", "salir")},
	}...)
	for _, k := range keys {
		lines = append(lines, "  "+f.color.str(sgrBold, fit(k[0], 10))+"  "+k[1])
	}
	lines = append(lines, "", f.color.str(sgrBold, l.Say("Marks", "Marcas")),
		"  ● "+l.Say("connected", "conectada")+"   ◐ "+l.Say("silent", "callada")+"   ○ "+l.Say("disconnected", "desconectada"),
		"  z "+l.Say("asleep", "dormida")+"   ! "+l.Say("two boards, one id", "dos placas, un id"),
		"  … "+l.Say("asked", "pedido")+"  → "+l.Say("sent", "enviado")+"  ✓ "+l.Say("confirmed", "confirmado")+
			"  ✗ "+l.Say("expired or refused", "vencido o rechazado"),
		"", l.Say("any key closes this", "cualquier tecla cierra esto"))
	return lines[:min(len(lines), max(h, 0))]
}
