// Package picture draws curves into a PNG file, one plot for each name of a measurement or
// state, one colour for each device. Of a measurement the points' means are a line, their
// lowest and highest values a band behind it; of a state each device has steps of its own,
// above each other, that hold until the next one or the end.
//
// It owns the drawing alone: what the points are was computed by the server. It holds
// nothing between calls, and may be called from any goroutine.
package picture

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"vaiven"
)

// Options say how a picture is drawn. The zero value has a useful size, in UTC.
type Options struct {
	Zone          *time.Location           // of the times on the axis
	Width, Height vg.Length                // of each plot; 24 by 9 cm. States may need less
	Unit          func(name string) string // of a measurement; may be nil
	// Gap returns how far apart the beginnings of two points may be, in ms, and still be
	// joined; nil: always.
	Gap func(buckets []vaiven.Bucket, width int64) int64
}

const margin = 0.5 * vg.Centimeter

// MaxPlots bounds how many plots stand below each other.
const MaxPlots = 12

// WritePNG writes the curves as a PNG, the plots in the order of their names' first
// curves. The error says that there is nothing to draw, or too much, or is w's.
func WritePNG(w io.Writer, o Options, all vaiven.Curves) error {
	o.Width, o.Height = cmp.Or(o.Width, 24*vg.Centimeter), cmp.Or(o.Height, 9*vg.Centimeter)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	d := &drawing{Options: o, all: all, pens: map[vaiven.Device]draw.LineStyle{}}
	if err := d.plan(); err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	if _, err := (vgimg.PngCanvas{Canvas: d.draw()}).WriteTo(w); err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	return nil
}

// drawing is one picture.
type drawing struct {
	Options
	all     vaiven.Curves
	devices []vaiven.Device // in the order of the legend
	pens    map[vaiven.Device]draw.LineStyle
	panels  []panel
}

// panel is one of the plots.
type panel struct {
	name   string
	curves []vaiven.Curve
	height vg.Length
	plot   *plot.Plot
}

// colors are told apart by most eyes (Okabe and Ito), on white.
var colors = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff},
}

// dashes tell those apart that have the same colour.
var dashes = [][]vg.Length{nil, {6, 2}, {2, 2}, {6, 2, 2, 2}}

// plan sorts the curves by their names, gives every device its pen, and makes the plots.
func (d *drawing) plan() error {
	type title struct {
		name  string
		state bool
	}
	places := map[title]int{}
	for _, c := range d.all.Curves {
		if _, ok := d.pens[c.Device]; !ok {
			n := len(d.devices)
			d.pens[c.Device] = draw.LineStyle{Color: colors[n%len(colors)], Width: vg.Points(1.2), Dashes: dashes[n/len(colors)%len(dashes)]}
			d.devices = append(d.devices, c.Device)
		}
		i, ok := places[title{c.Name, c.State}]
		if !ok {
			i = len(d.panels)
			places[title{c.Name, c.State}] = i
			d.panels = append(d.panels, panel{name: c.Name, height: d.Height})
		}
		d.panels[i].curves = append(d.panels[i].curves, c)
	}
	if len(d.panels) == 0 || len(d.panels) > MaxPlots {
		return fmt.Errorf("%d measurements: want 1 to %d", len(d.panels), MaxPlots)
	}
	for i := range d.panels {
		if err := d.fill(&d.panels[i]); err != nil {
			return err
		}
	}
	return nil
}

// draw puts the legend above, and below it the plots with their edges in line.
func (d *drawing) draw() *vgimg.Canvas {
	entries := d.legend()
	height := vg.Length(len(entries))*legendRow + 2*margin
	for _, p := range d.panels {
		height += p.height
	}
	img := vgimg.New(d.Width, height)
	canvas := draw.New(img)
	top := canvas.Max.Y - margin
	for _, row := range entries {
		x := canvas.Min.X + margin
		for _, e := range row {
			canvas.StrokeLine2(e.pen, x, top-legendRow/2, x+legendPen, top-legendRow/2)
			canvas.FillText(e.style, vg.Point{X: x + legendPen + legendGap, Y: top - legendRow/2}, e.text)
			x += e.width
		}
		top -= legendRow
	}
	left, right := vg.Length(0), vg.Length(0)
	canvases := make([]draw.Canvas, len(d.panels))
	for i, p := range d.panels {
		canvases[i] = draw.Canvas{Canvas: canvas.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: canvas.Min.X + margin, Y: top - p.height}, Max: vg.Point{X: canvas.Max.X - margin, Y: top - margin},
		}}
		top -= p.height
		inner := p.plot.DataCanvas(canvases[i])
		left, right = max(left, inner.Min.X-canvases[i].Min.X), max(right, canvases[i].Max.X-inner.Max.X)
	}
	for i, p := range d.panels {
		c := canvases[i]
		inner := p.plot.DataCanvas(c)
		p.plot.Draw(draw.Crop(c, left-(inner.Min.X-c.Min.X), (c.Max.X-inner.Max.X)-right, 0, 0))
	}
	return img
}

// Sizes in the legend.
const (
	legendRow = 0.6 * vg.Centimeter
	legendPen = 0.8 * vg.Centimeter
	legendGap = 0.15 * vg.Centimeter
)

// maxLegend bounds the rows of the legend; the devices behind them have none.
const maxLegend = 8

// entry is one device in the legend.
type entry struct {
	text  string
	pen   draw.LineStyle
	style draw.TextStyle
	width vg.Length
}

// legend lays out which pen is which device's, in rows.
func (d *drawing) legend() [][]entry {
	style := plot.New().Legend.TextStyle
	style.YAlign = draw.YCenter
	var rows [][]entry
	room := vg.Length(0)
	for _, device := range d.devices {
		e := entry{text: string(device), pen: d.pens[device], style: style}
		e.width = legendPen + legendGap + style.Width(e.text) + 4*legendGap
		if len(rows) == 0 || e.width > room {
			if len(rows) == maxLegend {
				break
			}
			rows, room = append(rows, nil), d.Width-2*margin
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], e)
		room -= e.width
	}
	return rows
}
