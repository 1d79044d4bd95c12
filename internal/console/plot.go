package console

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// PlotOptions say how curves are drawn.
type PlotOptions struct {
	Lang  vaiven.Lang
	Zone  *time.Location // of the times on the axis; nil: UTC
	ASCII bool           // no braille: for a file, a pipe or a terminal without UTF-8
	Rows  int            // of a picture; 0: 11. One more when there is no middle one
}

// plotRows is how high a picture is by itself.
const plotRows = 11

// axisWidth is the room for the numbers at the left.
const axisWidth = 8

// PlotPoints is how many points a curve should have at most to fill a terminal: one for
// each column of dots.
func PlotPoints(t Terminal, ascii bool) int {
	if ascii {
		return plotColumns(t)
	}
	return 2 * plotColumns(t)
}

func plotColumns(t Terminal) int { return min(max(t.lineWidth()-axisWidth-2, 20), 300) }

// WritePlot draws each curve as a picture of its own, with axes. A point that stands for
// several readings is a band from the lowest to the highest of them; between points
// there is a line, unless readings are missing there: gaps are gaps. A state has steps,
// from the left edge on if it was reported before.
func WritePlot(t Terminal, o PlotOptions, all vaiven.Curves) error {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Rows == 0 {
		o.Rows = plotRows
	}
	o.Rows |= 1
	var b strings.Builder
	for i, c := range all.Curves {
		if i > 0 {
			b.WriteByte('\n')
		}
		p := &picture{o: o, color: paint(t.Color), cols: plotColumns(t), from: all.From, to: all.To, width: all.Width, curve: c}
		p.draw(&b)
	}
	_, err := t.W.Write([]byte(b.String()))
	return err
}

// picture is the drawing of one curve.
type picture struct {
	o        PlotOptions
	color    paint
	cols     int // of characters
	from, to int64
	width    int64 // ms of a bucket
	curve    vaiven.Curve

	low, high float64
	grid      canvas
}

func (p *picture) draw(b *strings.Builder) {
	p.head(b)
	p.scale()
	if p.o.ASCII {
		p.grid = newASCII(p.cols, p.o.Rows)
	} else {
		p.grid = newBraille(p.cols, p.o.Rows)
	}
	p.drawCurve()
	labels := p.labels()
	left, corner, line := "│", "└", "─"
	if p.o.ASCII {
		left, corner, line = "|", "+", "-"
	}
	for row := range p.o.Rows {
		text := strings.TrimRight(p.grid.row(row), " ⠀")
		b.WriteString(strings.TrimRight(right(labels[row], axisWidth)+" "+left+p.color.str(deviceColor(p.curve.Device), text), " ") + "\n")
	}
	b.WriteString(spaces(axisWidth) + " " + corner + strings.Repeat(line, p.cols) + "\n")
	b.WriteString(p.timeAxis() + "\n")
}

// labels are the numbers of the highest, the middle and the lowest row.
func (p *picture) labels() map[int]string {
	digits := digitsFor(p.high - p.low)
	middle := plotNumber(p.low/2+p.high/2, digits)
	if p.curve.State { // nothing is between off and on
		middle = ""
		if p.low == math.Trunc(p.low) && p.high == math.Trunc(p.high) {
			digits = 0
		}
	}
	return map[int]string{0: plotNumber(p.high, digits), p.o.Rows / 2: middle, p.o.Rows - 1: plotNumber(p.low, digits)}
}

// head says what is drawn, and its numbers.
func (p *picture) head(b *strings.Builder) {
	name := p.curve.Name
	if u := unit(name); u != "" && !p.curve.State {
		if p.o.ASCII {
			u = strings.TrimPrefix(u, "°")
		}
		name += " (" + u + ")"
	}
	fmt.Fprintf(b, "%s  %s  ", p.color.str(deviceColor(p.curve.Device), clean(string(p.curve.Device), vaiven.MaxDevice)), p.color.str(sgrBold, clean(name, 2*vaiven.MaxName)))
	l := p.o.Lang
	if held := p.curve.Before; len(p.curve.Buckets) == 0 && held != nil {
		at := time.UnixMilli(held.At).In(p.o.Zone).Format("2006-01-02 15:04")
		fmt.Fprintf(b, l.Say("%s  (reported on %s)\n", "%s  (informado el %s)\n"), vaiven.FormatNumber(held.Num), at)
		return
	}
	low, high, sum, n := math.Inf(1), math.Inf(-1), 0.0, uint64(0)
	for _, v := range p.curve.Buckets {
		low, high = min(low, v.Min), max(high, v.Max)
		sum, n = sum+v.Mean*float64(v.Count), n+v.Count
	}
	digits := digitsFor(high - low)
	fmt.Fprintf(b, "%s %s  %s %s  %s %s  (%s)\n",
		l.Say("min", "min"), plotNumber(low, digits), l.Say("mean", "media"), plotNumber(sum/float64(n), digits+1),
		l.Say("max", "max"), plotNumber(high, digits), l.Readings(n))
}

// scale chooses what the highest and the lowest row stand for.
func (p *picture) scale() {
	p.low, p.high = math.Inf(1), math.Inf(-1)
	for _, v := range p.curve.Buckets {
		p.low, p.high = min(p.low, v.Min), max(p.high, v.Max)
	}
	if held := p.curve.Before; held != nil {
		p.low, p.high = min(p.low, held.Num), max(p.high, held.Num)
	}
	if p.curve.State { // off and on have their places, whatever there was
		p.low, p.high = min(p.low, 0), max(p.high, 1)
	}
	if p.high-p.low < 1e-9*max(1, math.Abs(p.high)) {
		p.low, p.high = p.low-0.5, p.high+0.5
	}
}

// drawCurve draws bands and lines, in dots from the lower left corner.
func (p *picture) drawCurve() {
	w, h := p.grid.size()
	x := func(at int64) int {
		return min(max(int(float64(at-p.from)/float64(p.to-p.from)*float64(w)), 0), w-1)
	}
	y := func(v float64) int {
		return min(max(int(math.Round((v-p.low)/(p.high-p.low)*float64(h-1))), 0), h-1)
	}
	if p.curve.State {
		p.drawSteps(x, y, w)
		return
	}
	gap := p.gap()
	for i, v := range p.curve.Buckets {
		at := x(v.Start + p.width/2)
		p.drawBand(v, at, y)
		if i > 0 {
			if before := p.curve.Buckets[i-1]; v.Start-before.Start <= gap {
				p.line(x(before.Start+p.width/2), y(before.Mean), at, y(v.Mean))
			}
		}
		p.grid.dot(at, y(v.Mean))
	}
}

// drawBand draws what is between the lowest and the highest value of a bucket.
func (p *picture) drawBand(v vaiven.Bucket, at int, y func(float64) int) {
	if v.Count > 1 {
		for d := y(v.Min); d <= y(v.Max); d++ {
			p.grid.band(at, d)
		}
	}
}

// drawSteps draws a state, up to the right edge: it stays until the board says another.
func (p *picture) drawSteps(x func(int64) int, y func(float64) int, w int) {
	x0, y0, begun := 0, 0, false
	if held := p.curve.Before; held != nil {
		y0, begun = y(held.Num), true
		p.grid.dot(x0, y0)
	}
	for _, v := range p.curve.Buckets {
		at := x(v.Start + p.width/2)
		p.drawBand(v, at, y)
		if begun {
			p.line(x0, y0, at, y0)
			p.grid.dot(at, y0)
			p.line(at, y0, at, y(v.Mean))
		}
		x0, y0, begun = at, y(v.Mean), true
		p.grid.dot(x0, y0)
	}
	p.line(x0, y0, w, y0)
}

// line draws dots between two, without the ends.
func (p *picture) line(x0, y0, x1, y1 int) {
	steps := max(x1-x0, y1-y0, y0-y1) // x1 is not less than x0
	for i := 1; i < steps; i++ {
		part := float64(i) / float64(steps)
		p.grid.dot(x0+int(math.Round(float64(x1-x0)*part)), y0+int(math.Round(float64(y1-y0)*part)))
	}
}

// gap is how far apart two points may be and still be joined: three of their usual
// distances, and two widths.
func (p *picture) gap() int64 { return PlotGap(p.curve.Buckets, p.width) }

// PlotGap returns how far apart the beginnings of two buckets of a curve may be, in ms,
// and still be joined by a line: three of the usual distances, and two widths at least.
func PlotGap(buckets []vaiven.Bucket, width int64) int64 {
	var between []int64
	for i := 1; i < len(buckets); i++ {
		between = append(between, buckets[i].Start-buckets[i-1].Start)
	}
	if len(between) == 0 {
		return 0
	}
	slices.Sort(between)
	return max(3*between[len(between)/2], 2*width)
}

// timeAxis writes the times of the beginning, the middle and the end below the picture,
// and the day where it is another one than before; less, where there is no room.
func (p *picture) timeAxis() string {
	moment := func(at int64) time.Time { return time.UnixMilli(at).In(p.o.Zone) }
	first, middle, last := moment(p.from), moment(p.from+(p.to-p.from)/2), moment(p.to)
	days := func(t, _ time.Time) string { return t.Format(time.DateOnly) }
	clock, span := "15:04", last.Sub(first)
	if span <= 15*time.Minute {
		clock = time.TimeOnly
	}
	label := func(t, before time.Time) string {
		if t.Format(time.DateOnly) == before.Format(time.DateOnly) {
			return t.Format(clock)
		}
		return t.Format(time.DateOnly + " " + clock)
	}
	if span > 60*vaiven.Day {
		label = days
	}
	a, b, c := label(first, time.Time{}), label(middle, first), label(last, middle)
	if len(a)+len(c)+1 > p.cols {
		label = days
		if span <= vaiven.Day {
			label = func(t, _ time.Time) string { return t.Format(clock) }
		}
		a, b, c = label(first, first), "", label(last, last)
	}
	line := spaces(axisWidth+2) + a
	if at := axisWidth + 2 + p.cols/2 - len(b)/2; at > len(line) && at+len(b) < axisWidth+2+p.cols-len(c) {
		line += spaces(at-len(line)) + b
	}
	return line + spaces(max(axisWidth+2+p.cols-len(c)-len(line), 1)) + c
}

// digitsFor is how many decimals tell numbers in a range apart.
func digitsFor(size float64) int {
	if !(size > 0) || math.IsInf(size, 0) {
		return 1
	}
	return min(max(1-int(math.Floor(math.Log10(size))), 0), 6)
}

// plotNumber writes a number that fits in front of an axis.
func plotNumber(v float64, digits int) string {
	text := fmt.Sprintf("%.*f", max(digits, 0), v)
	if len(text) > axisWidth {
		text = fmt.Sprintf("%.2g", v)
	}
	return text
}

// canvas takes dots; 0, 0 is the lower left one.
type canvas interface {
	size() (w, h int) // in dots
	dot(x, y int)
	band(x, y int)
	row(i int) string // of characters, from the top
}

// braille has two by four dots in each character.
type braille struct {
	cols, rows int
	cells      []rune
}

func newBraille(cols, rows int) *braille { return &braille{cols, rows, make([]rune, cols*rows)} }

func (c *braille) size() (w, h int) { return 2 * c.cols, 4 * c.rows }

// dotBits are the bits of a character's dots (Unicode 15, block Braille Patterns), by
// column and by row from the top.
var dotBits = [2][4]rune{{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}

func (c *braille) dot(x, y int) {
	top := 4*c.rows - 1 - y
	c.cells[top/4*c.cols+x/2] |= dotBits[x%2][top%4]
}

func (c *braille) band(x, y int) { c.dot(x, y) }

func (c *braille) row(i int) string {
	var b strings.Builder
	for _, bits := range c.cells[i*c.cols : (i+1)*c.cols] {
		b.WriteRune(0x2800 + bits)
	}
	return b.String()
}

// ascii has one dot in each character.
type ascii struct {
	cols, rows int
	cells      []byte
}

func newASCII(cols, rows int) *ascii {
	return &ascii{cols, rows, []byte(strings.Repeat(" ", cols*rows))}
}

func (c *ascii) size() (w, h int) { return c.cols, c.rows }
func (c *ascii) at(x, y int) *byte {
	return &c.cells[(c.rows-1-y)*c.cols+x]
}
func (c *ascii) dot(x, y int) { *c.at(x, y) = '*' }
func (c *ascii) band(x, y int) {
	if at := c.at(x, y); *at == ' ' {
		*at = ':'
	}
}
func (c *ascii) row(i int) string { return string(c.cells[i*c.cols : (i+1)*c.cols]) }

// HasUTF8 reports whether the environment says that text is UTF-8, in the order of
// POSIX; Windows' console takes it.
func HasUTF8(getenv func(string) string, goos string) bool {
	if goos == "windows" {
		return true
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToUpper(getenv(name)); v != "" {
			return strings.Contains(v, "UTF-8") || strings.Contains(v, "UTF8")
		}
	}
	return false
}
