package picture

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"vaiven"
)

// fill makes the plot of a panel.
func (d *drawing) fill(p *panel) error {
	p.plot = plot.New()
	p.plot.Title.Text = p.name
	state := p.curves[0].State
	if d.Unit != nil && d.Unit(p.name) != "" && !state {
		p.plot.Title.Text += " (" + d.Unit(p.name) + ")"
	}
	p.plot.X.Tick.Marker = times{d.Zone}
	p.plot.Add(plotter.NewGrid())
	var err error
	if state {
		err = d.addStates(p)
	} else {
		err = d.addMeasurements(p)
	}
	from, to := seconds(d.all.From), seconds(d.all.To)
	edge := max(to-from, 1e-3) / 100
	p.plot.X.Min, p.plot.X.Max = from-edge, to+edge
	return err
}

// addMeasurements draws the curves over each other, on an axis that has room for every
// value.
func (d *drawing) addMeasurements(p *panel) error {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range p.curves {
		for _, b := range c.Buckets {
			low, high = min(low, b.Min), max(high, b.Max)
		}
	}
	for _, add := range []func(*plot.Plot, []vaiven.Bucket, draw.LineStyle) error{d.addBand, d.addMeans} { // no band is above a line
		for _, c := range p.curves {
			for _, run := range d.runs(c) {
				if err := add(p.plot, run, d.pens[c.Device]); err != nil {
					return err
				}
			}
		}
	}
	edge := (high - low) / 20
	switch {
	case high-low < 1e-9*max(1, math.Abs(high)):
		edge = 0.5
	case math.IsInf(edge, 0):
		edge = 0
	}
	p.plot.Y.Min, p.plot.Y.Max = low-edge, high+edge
	p.plot.Y.Tick.Marker = numbers{}
	return nil
}

// runs cuts a curve where readings are missing.
func (d *drawing) runs(c vaiven.Curve) [][]vaiven.Bucket {
	if d.Gap == nil {
		return [][]vaiven.Bucket{c.Buckets}
	}
	var out [][]vaiven.Bucket
	gap, from := d.Gap(c.Buckets, d.all.Width), 0
	for i := 1; i < len(c.Buckets); i++ {
		if c.Buckets[i].Start-c.Buckets[i-1].Start > gap {
			out, from = append(out, c.Buckets[from:i]), i
		}
	}
	return append(out, c.Buckets[from:])
}

// middle is where a point stands: in the middle of what of its stretch was asked for.
func (d *drawing) middle(b vaiven.Bucket) float64 {
	return seconds(max(b.Start, d.all.From)+min(b.Start+d.all.Width, d.all.To)) / 2
}

// addBand adds what is between the lowest and the highest values of a run; a bar, where
// there is one point only.
func (d *drawing) addBand(p *plot.Plot, run []vaiven.Bucket, pen draw.LineStyle) error {
	var edge plotter.XYs
	for _, b := range run {
		edge = append(edge, plotter.XY{X: d.middle(b), Y: b.Max})
	}
	for _, b := range slices.Backward(run) {
		edge = append(edge, plotter.XY{X: d.middle(b), Y: b.Min})
	}
	band := faint(pen.Color)
	if len(run) == 1 {
		return addLine(p, edge, draw.LineStyle{Color: band, Width: vg.Points(4)})
	}
	area, err := plotter.NewPolygon(edge)
	if err != nil {
		return err
	}
	area.Color, area.LineStyle.Width = band, 0
	p.Add(area)
	return nil
}

// addMeans adds the line of a run, or a dot.
func (d *drawing) addMeans(p *plot.Plot, run []vaiven.Bucket, pen draw.LineStyle) error {
	var mean plotter.XYs
	for _, b := range run {
		mean = append(mean, plotter.XY{X: d.middle(b), Y: b.Mean})
	}
	if len(run) == 1 {
		return addDot(p, mean[0], pen)
	}
	return addLine(p, mean, pen)
}

func addLine(p *plot.Plot, points plotter.XYs, pen draw.LineStyle) error {
	l, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	l.LineStyle = pen
	p.Add(l)
	return nil
}

func addDot(p *plot.Plot, at plotter.XY, pen draw.LineStyle) error {
	dot, err := plotter.NewScatter(plotter.XYs{at})
	if err != nil {
		return err
	}
	dot.GlyphStyle = draw.GlyphStyle{Color: pen.Color, Radius: vg.Points(2), Shape: draw.CircleGlyph{}}
	p.Add(dot)
	return nil
}

// faint is a colour for what stands behind a line.
func faint(c color.Color) color.Color {
	n := color.NRGBAModel.Convert(c).(color.NRGBA)
	n.A = 0x40
	return n
}

// Of a panel with states: how much of a device's lane its steps use, how high a lane is,
// and how many lanes have room for numbers.
const (
	laneUse      = 0.65
	laneHeight   = 1.2 * vg.Centimeter
	numberedLane = 6
)

// addStates draws the curves above each other, the first one uppermost, so that those
// which are alike do not hide each other.
func (d *drawing) addStates(p *panel) error {
	lanes := len(p.curves)
	p.height = min(d.Height, vg.Length(lanes)*laneHeight+2.5*vg.Centimeter)
	var ticks plot.ConstantTicks
	for i, c := range p.curves {
		base, low, high := float64(lanes-1-i), 0.0, 1.0
		for _, b := range c.Buckets {
			low, high = min(low, b.Min), max(high, b.Max)
		}
		if c.Before != nil {
			low, high = min(low, c.Before.Num), max(high, c.Before.Num)
		}
		place := func(v float64) float64 { return base + laneUse*(v/(high-low)-low/(high-low)) }
		if err := d.addSteps(p.plot, c, place); err != nil {
			return err
		}
		if lanes <= numberedLane {
			ticks = append(ticks, plot.Tick{Value: place(low), Label: number(low)}, plot.Tick{Value: place(high), Label: number(high)})
		} else {
			ticks = append(ticks, plot.Tick{Value: base + laneUse/2, Label: string(c.Device)})
		}
	}
	p.plot.Y.Tick.Marker = ticks
	p.plot.Y.Min, p.plot.Y.Max = laneUse-1, float64(lanes)
	return nil
}

// addSteps draws a state: each value holds until the next one, the last one until the
// end, and what held before from the beginning on. Where it changed within one point, a bar shows from where to where.
func (d *drawing) addSteps(p *plot.Plot, c vaiven.Curve, place func(float64) float64) error {
	var steps plotter.XYs
	pen := d.pens[c.Device]
	if c.Before != nil {
		steps = append(steps, plotter.XY{X: seconds(d.all.From), Y: place(c.Before.Num)})
	}
	for _, b := range c.Buckets {
		x, y := d.middle(b), place(b.Mean)
		if n := len(steps); n > 0 {
			steps = append(steps, plotter.XY{X: x, Y: steps[n-1].Y})
		}
		steps = append(steps, plotter.XY{X: x, Y: y})
		if b.Min < b.Max {
			bar := plotter.XYs{{X: x, Y: place(b.Min)}, {X: x, Y: place(b.Max)}}
			if err := addLine(p, bar, draw.LineStyle{Color: faint(pen.Color), Width: vg.Points(4)}); err != nil {
				return err
			}
		}
	}
	steps = append(steps, plotter.XY{X: seconds(d.all.To), Y: steps[len(steps)-1].Y})
	if err := addDot(p, steps[0], pen); err != nil { // there may be no room for a line
		return err
	}
	return addLine(p, steps, pen)
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }
