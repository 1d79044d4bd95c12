// Package picture draws curves into a PNG file: the points' means as a line, their
// lowest and highest values as a band behind it, one plot for each name of a
// measurement, one colour for each device.
//
// It owns the drawing alone: what the points are was computed by the server. It holds
// nothing between calls, and may be called from any goroutine.
package picture

import (
	"cmp"
	"fmt"
	"image/color"
	"io"
	"math"
	"slices"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"vaiven"
)

// Options say how a picture is drawn. The zero value has a useful size, in UTC.
type Options struct {
	Zone          *time.Location           // of the times on the axis
	Width, Height vg.Length                // of each plot; 24 by 9 cm
	Unit          func(name string) string // of a measurement; may be nil
	// Gap returns how far apart the beginnings of two points may be, in ms, and still be
	// joined; nil: always.
	Gap func(buckets []vaiven.Bucket, width int64) int64
}

const margin = 0.5 * vg.Centimeter

// maxPlots bounds how many plots stand below each other.
const maxPlots = 12

// WritePNG writes the curves as a PNG. The error says that there is nothing to draw, or
// too much, or is w's.
func WritePNG(w io.Writer, o Options, all vaiven.Curves) error {
	o.Width, o.Height = cmp.Or(o.Width, 24*vg.Centimeter), cmp.Or(o.Height, 9*vg.Centimeter)
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	var names []string
	groups := map[string][]vaiven.Curve{}
	for _, c := range all.Curves {
		if groups[c.Name] == nil {
			names = append(names, c.Name)
		}
		groups[c.Name] = append(groups[c.Name], c)
	}
	if len(names) == 0 || len(names) > maxPlots {
		return fmt.Errorf("picture: %d measurements: want 1 to %d", len(names), maxPlots)
	}
	img := vgimg.New(o.Width, o.Height*vg.Length(len(names)))
	canvas := draw.New(img)
	for i, name := range names {
		p, err := o.plot(name, groups[name], all)
		if err != nil {
			return fmt.Errorf("picture: %w", err)
		}
		top := canvas.Max.Y - o.Height*vg.Length(i)
		p.Draw(draw.Canvas{Canvas: canvas.Canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: canvas.Min.X + margin, Y: top - o.Height}, Max: vg.Point{X: canvas.Max.X - margin, Y: top - margin},
		}})
	}
	if _, err := (vgimg.PngCanvas{Canvas: img}).WriteTo(w); err != nil {
		return fmt.Errorf("picture: %w", err)
	}
	return nil
}

// colors are told apart by most eyes (Okabe and Ito), on white.
var colors = []color.NRGBA{
	{0x00, 0x72, 0xb2, 0xff}, {0xd5, 0x5e, 0x00, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff},
}

// plot makes the plot of one name.
func (o *Options) plot(name string, curves []vaiven.Curve, all vaiven.Curves) (*plot.Plot, error) {
	p := plot.New()
	p.Title.Text = name
	if o.Unit != nil && o.Unit(name) != "" && !curves[0].State {
		p.Y.Label.Text = o.Unit(name)
	}
	p.X.Tick.Marker = times{o.Zone}
	p.Add(plotter.NewGrid())
	for i, c := range curves {
		line := colors[i%len(colors)]
		band := line
		band.A = 0x40
		for j, run := range o.runs(c, all.Width) {
			if err := addRun(p, run, all.Width, c.State, line, band, j == 0, string(c.Device)); err != nil {
				return nil, err
			}
		}
	}
	p.X.Min, p.X.Max = seconds(all.From), seconds(all.To)
	if p.Y.Max-p.Y.Min < 1e-9*max(1, math.Abs(p.Y.Max)) {
		p.Y.Min, p.Y.Max = p.Y.Min-0.5, p.Y.Max+0.5
	}
	p.Legend.Top = true
	return p, nil
}

// runs cuts a curve where readings are missing; a state stays until there is another.
func (o *Options) runs(c vaiven.Curve, width int64) [][]vaiven.Bucket {
	if o.Gap == nil || c.State {
		return [][]vaiven.Bucket{c.Buckets}
	}
	var out [][]vaiven.Bucket
	gap, from := o.Gap(c.Buckets, width), 0
	for i := 1; i < len(c.Buckets); i++ {
		if c.Buckets[i].Start-c.Buckets[i-1].Start > gap {
			out, from = append(out, c.Buckets[from:i]), i
		}
	}
	return append(out, c.Buckets[from:])
}

// addRun adds a band and a line, or a dot where there is one point only.
func addRun(p *plot.Plot, run []vaiven.Bucket, width int64, steps bool, line, band color.NRGBA, named bool, device string) error {
	var mean, edge plotter.XYs
	for _, b := range run {
		x := seconds(b.Start + width/2)
		mean, edge = append(mean, plotter.XY{X: x, Y: b.Mean}), append(edge, plotter.XY{X: x, Y: b.Max})
	}
	for _, b := range slices.Backward(run) {
		edge = append(edge, plotter.XY{X: seconds(b.Start + width/2), Y: b.Min})
	}
	if len(run) == 1 {
		dot, err := plotter.NewScatter(mean)
		if err != nil {
			return err
		}
		dot.GlyphStyle = draw.GlyphStyle{Color: line, Radius: vg.Points(1.5), Shape: draw.CircleGlyph{}}
		p.Add(dot)
		if named {
			p.Legend.Add(device, dot)
		}
		return nil
	}
	if !steps {
		area, err := plotter.NewPolygon(edge)
		if err != nil {
			return err
		}
		area.Color, area.LineStyle.Width = band, 0
		p.Add(area)
	}
	l, err := plotter.NewLine(mean)
	if err != nil {
		return err
	}
	l.Color, l.Width = line, vg.Points(1.2)
	if steps {
		l.StepStyle = plotter.PostStep
	}
	p.Add(l)
	if named {
		p.Legend.Add(device, l)
	}
	return nil
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

// times puts ticks at round times of a zone.
type times struct{ zone *time.Location }

// steps are the distances that ticks may have.
var steps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour,
	vaiven.Day, 2 * vaiven.Day, vaiven.Week, 4 * vaiven.Week, 13 * vaiven.Week, vaiven.Year, 5 * vaiven.Year, 25 * vaiven.Year,
}

// Ticks implements [plot.Ticker].
func (t times) Ticks(low, high float64) []plot.Tick {
	span := time.Duration(min(high-low, (200*vaiven.Year).Seconds()) * float64(time.Second))
	i := 0
	for i < len(steps)-1 && span/steps[i] > 8 {
		i++
	}
	step, layout := steps[i], "15:04"
	switch {
	case step < time.Minute:
		layout = time.TimeOnly
	case step >= vaiven.Day:
		layout = time.DateOnly
	case span > vaiven.Day:
		layout = "01-02 15:04"
	}
	at := time.UnixMilli(int64(low * 1000)).In(t.zone)
	_, offset := at.Zone()
	first := at.Add(time.Duration(offset) * time.Second).Truncate(step).Add(-time.Duration(offset) * time.Second)
	var out []plot.Tick
	for ; seconds(first.UnixMilli()) <= high; first = first.Add(step) {
		if x := seconds(first.UnixMilli()); x >= low {
			out = append(out, plot.Tick{Value: x, Label: first.Format(layout)})
		}
	}
	return out
}
