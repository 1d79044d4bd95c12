package console

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"vaiven"
)

// look is what a person chose with the keys.
type look struct {
	w, h    int
	sort    sortKey
	reverse bool
	sel     vaiven.Device // the selected row
	top     int           // first row shown
	all     bool          // the pane shows every event
	inPane  bool          // the arrow keys scroll the pane
	back    int           // lines that the pane is scrolled back
	help    bool

	stateName string // the chosen state, "": the main one
	typing    bool   // the prompt is open
	typed     string // what stands in it
	said      string // what was wrong with the last key or line
}

// frame draws the whole screen: exactly k.h lines of at most k.w columns. It
// may move k's scroll position to keep the selection visible.
func frame(s *state, k *look, o *TUIOptions, now time.Time) string {
	f := framer{s: s, k: k, o: o, now: now, l: o.Lang, color: paint(o.Color)}
	head := f.header()
	rest := max(k.h-len(head)-1, 0) // one for the footer
	var body []string
	if k.help {
		body = f.help(rest)
	} else {
		body = f.body(rest)
	}
	lines := append(head, body...)
	for len(lines) < k.h-1 {
		lines = append(lines, "")
	}
	if len(lines) >= k.h {
		lines = lines[:max(k.h-1, 0)]
	}
	lines = append(lines, f.footer())
	for i, line := range lines {
		lines[i] = cut(line, k.w)
	}
	return strings.Join(lines, "\n")
}

type framer struct {
	s     *state
	k     *look
	o     *TUIOptions
	now   time.Time
	l     vaiven.Lang
	color paint
}

// body shares the lines between the table and the pane below it, which gets a
// third and whatever the table does not need.
func (f *framer) body(h int) []string {
	pane := min(max(h/3, 4), 12)
	if h < 10 {
		pane = min(max(h-4, 0), 3)
	}
	pane = max(pane, h-len(f.s.order)-3)
	lines := f.table(h - pane)
	for len(lines) < h-pane {
		lines = append(lines, "")
	}
	return append(lines, f.pane(pane)...)
}

func (f *framer) header() []string {
	title := f.color.str(sgrBold, "vaiven")
	if f.o.Title != "" {
		title += " · " + f.o.Title
	}
	lines := []string{f.sides(title, f.now.Format("15:04:05 ")+f.zone())}
	if len(f.o.Addresses) > 0 {
		label := f.l.Say("boards connect to ", "las placas se conectan a ")
		if f.k.w < 72 {
			label = "→ "
		}
		lines = append(lines, label+f.color.str(sgrBold, strings.Join(f.o.Addresses, "  ")))
	}
	return append(lines, f.counts(), "")
}

func (f *framer) zone() string {
	if name := f.now.Location().String(); name != "" && name != "Local" && f.k.w >= 72 {
		return name
	}
	return f.now.Format("-07:00")
}

func (f *framer) counts() string {
	s, l := f.s, f.l
	parts := []string{
		fmt.Sprintf("%d/%d %s", s.connected, len(s.order), l.Say("connected", "conectadas")) + f.silent(),
		countReadings(l, s.readings),
		formatRate(s.rate.perSecond(f.now.Unix())) + "/s",
	}
	bad := count(s.rejected, l.Say("rejected", "rechazada"), l.Say("rejected", "rechazadas"))
	if s.rejected > 0 {
		bad = f.color.str(sgrRed, bad)
	}
	parts = append(parts, bad)
	if s.hidden {
		parts = append(parts, fmt.Sprintf(l.Say("first %d devices", "primeros %d dispositivos"), maxRows))
	}
	return strings.Join(parts, " · ")
}

// silent counts the connected boards from which nothing comes.
func (f *framer) silent() string {
	n := uint64(0)
	for _, r := range f.s.order {
		if r.info.Silent {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return " (" + count(n, f.l.Say("silent", "callada"), f.l.Say("silent", "calladas")) + ")"
}

// sides puts one text to the left and one to the right.
func (f *framer) sides(a, b string) string {
	gap := f.k.w - width(a) - width(b)
	if gap < 1 {
		return cut(a, f.k.w)
	}
	return a + spaces(gap) + b
}

func (f *framer) pane(h int) []string {
	if h < 2 {
		return nil
	}
	list, title := &f.s.problems, f.l.Say("Rejected, and why", "Rechazado, y por qué")
	if f.s.changed {
		title = f.l.Say("Rejected, and what became of changes", "Rechazado, y qué fue de los cambios")
	}
	if f.k.all {
		list, title = &f.s.all, f.l.Say("Everything that happened", "Todo lo que pasó")
	}
	f.k.back = min(f.k.back, max(len(list.items)-1, 0))
	if f.k.back > 0 {
		title += fmt.Sprintf(" (-%d)", f.k.back)
	}
	if f.k.inPane {
		title = "▸ " + title
	}
	rule := "── " + title + " "
	lines := []string{f.color.str(sgrDim, rule+strings.Repeat("─", max(f.k.w-width(rule), 0)))}
	if len(list.items) == 0 {
		return append(lines, f.color.str(sgrDim, f.l.Say("nothing so far", "nada por ahora")))
	}
	return append(lines, f.messages(list.last(h-1+f.k.back), h-1)...)
}

// messages draws the newest messages that fit in h lines, except those that
// the pane is scrolled back over; a long one takes several lines, at most
// three.
func (f *framer) messages(list []message, h int) []string {
	var lines []string
	for i := len(list) - 1 - f.k.back; i >= 0; i-- {
		m := f.message(list[i])
		if len(lines)+len(m) > h && len(lines) > 0 {
			break
		}
		lines = append(m, lines...)
	}
	return lines[:min(h, len(lines))]
}

func (f *framer) message(m message) []string {
	lead := f.color.str(sgrDim, clock(m.at, m.offset)) + " "
	if m.device != "" {
		id := string(m.device)
		lead += f.color.str(deviceColor(m.device), fit(id, min(max(len(id), 3), 12))) + " "
	}
	indent := min(width(lead), f.k.w/3)
	wrapped := strings.Split(ansi.Wrap(m.text, max(f.k.w-width(lead), 10), ""), "\n")
	if len(wrapped) > 3 {
		wrapped = append(wrapped[:2:2], strings.Join(wrapped[2:], " "))
	}
	for i, part := range wrapped {
		start := spaces(indent)
		if i == 0 {
			start = lead
		}
		wrapped[i] = start + f.color.str(m.mark.sgr(), part)
	}
	return wrapped
}

// footer is the prompt while it is open, what was wrong with the last key, or
// the keys.
func (f *framer) footer() string {
	switch {
	case f.k.typing:
		return f.promptLine()
	case f.k.said != "":
		return f.color.str(sgrRed, cut(f.k.said, f.k.w))
	}
	keys := [][2]string{
		{"q", f.l.Say("quit", "salir")},
		{"?", f.l.Say("help", "ayuda")},
	}
	if r := f.s.rows[f.k.sel]; f.o.Ask != nil && r != nil {
		keys = append(keys, [2]string{f.l.Say("space", "espacio"), f.l.Say("switch ", "cambiar ") + f.k.stateOf(&r.board, f.o.States)})
	}
	keys = append(keys, [][2]string{
		{"↑↓", f.l.Say("move", "mover")},
		{"s", f.l.Say("sort: ", "orden: ") + f.k.sort.name(f.l)},
		{"e", f.l.Say("events", "eventos")},
		{"tab", f.l.Say("pane", "panel")},
		{"r", f.l.Say("reverse", "invertir")},
	}...)
	line := ""
	for _, k := range keys {
		part := f.color.str(sgrBold, k[0]) + " " + k[1]
		if width(line)+width(part)+2 > f.k.w {
			break
		}
		line += part + "  "
	}
	return strings.TrimRight(line, " ")
}

// promptLine shows the end of what is typed, and the keys while there is room.
func (f *framer) promptLine() string {
	lead := string(f.k.sel) + " › "
	if width(lead) > f.k.w/3 {
		lead = "› "
	}
	room := max(f.k.w-width(lead)-1, 1)
	typed := f.k.typed
	if over := width(typed) - room; over > 0 {
		typed = ansi.TruncateLeft(typed, over, "")
	}
	line := f.color.str(sgrBold, lead) + typed + f.color.str(sgrReverse, "_")
	if keys := f.l.Say("   Enter asks, Esc leaves", "   Enter lo pide, Esc sale"); width(line)+width(keys) <= f.k.w {
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
	return ">999d"[:4]
}
