package console

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"vaiven"
)

// wave is a curve of an hour with a gap of ten minutes, in buckets of 30 s with 15
// readings each.
func wave() vaiven.Curve {
	c := vaiven.Curve{Device: "101", Name: "TEMP"}
	for i := range int64(120) {
		if i >= 70 && i < 90 {
			continue
		}
		mean := 22 + 3*math.Sin(float64(i)/19)
		c.Buckets = append(c.Buckets, vaiven.Bucket{Start: start + i*30_000, Count: 15, Min: mean - 0.4, Max: mean + 0.3, Mean: mean})
	}
	return c
}

func TestPlot(t *testing.T) {
	zone := time.FixedZone("", int(bogota))
	one := vaiven.Curve{Device: "kitchen.1", Name: "LED", State: true}
	for i := range int64(4) {
		one.Buckets = append(one.Buckets, vaiven.Bucket{Start: start + i*600_000, Count: 1, Min: float64(i % 2), Max: float64(i % 2), Mean: float64(i % 2)})
	}
	flat := vaiven.Curve{Device: "102", Name: "CO2", Buckets: []vaiven.Bucket{{Start: start + 1_800_000, Count: 1, Min: 417, Max: 417, Mean: 417}}}
	all := vaiven.Curves{From: start, To: start + 3_600_000, Width: 30_000, Curves: []vaiven.Curve{wave(), one, flat}}
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		for _, ascii := range []bool{false, true} {
			var out bytes.Buffer
			if err := WritePlot(Terminal{W: &out, Width: 72}, PlotOptions{Lang: l, Zone: zone, ASCII: ascii, Rows: 8}, all); err != nil {
				t.Fatal(err)
			}
			name := "plot-" + string(l)
			if ascii {
				name += "-ascii"
				if strings.ContainsFunc(out.String(), func(r rune) bool { return r > 126 }) {
					t.Error("there is more than ASCII")
				}
			}
			noEscape(t, out.String())
			for line := range strings.Lines(out.String()) {
				if width(strings.TrimSuffix(line, "\n")) > 72 {
					t.Errorf("too wide: %q", line)
				}
			}
			golden(t, name+".golden", out.String())
		}
	}
}

// TestAStateFromBefore is a line from the left edge on: up to the first report, or up to
// the right one.
func TestAStateFromBefore(t *testing.T) {
	held := vaiven.Curve{Device: "101", Name: "LED", State: true, Before: &vaiven.Held{At: start - 7_200_000, Num: 1}}
	off := held
	off.Buckets = []vaiven.Bucket{{Start: start + 1_800_000, Count: 1}}
	for want, c := range map[string]vaiven.Curve{strings.Repeat("*", 62): held, strings.Repeat("*", 32): off} {
		for _, ascii := range []bool{true, false} {
			var out bytes.Buffer
			all := vaiven.Curves{From: start, To: start + 3_600_000, Width: 30_000, Curves: []vaiven.Curve{c}}
			if err := WritePlot(Terminal{W: &out, Width: 72}, PlotOptions{Lang: vaiven.Spanish, ASCII: ascii}, all); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(out.String(), "\n")
			if !ascii {
				want = strings.Repeat("⠉", len(want)-1) // a dot high in each column, but for the step
			}
			_, row, _ := strings.Cut(lines[1], map[bool]string{true: "|", false: "│"}[ascii])
			if !strings.HasPrefix(row, want) || len(c.Buckets) == 0 && lines[0] != "101  LED  1  (informado el "+time.UnixMilli(held.Before.At).UTC().Format("2006-01-02 15:04")+")" {
				t.Errorf("want %q in\n%s", want, out.String())
			}
		}
	}
}

// TestTimeAxis says the day wherever it is another one, and never breaks the line.
func TestTimeAxis(t *testing.T) {
	zone := time.FixedZone("", int(bogota))
	midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, zone)
	for _, c := range []struct {
		span time.Duration
		cols int
		want string
	}{
		{2 * time.Minute, 62, "2026-11-22 00:00:00 00:01:00 00:02:00"},
		{24 * time.Hour, 62, "2026-11-22 00:00 12:00 2026-11-23 00:00"},
		{7 * vaiven.Day, 62, "2026-11-22 00:00 2026-11-25 12:00 2026-11-29 00:00"},
		{vaiven.Year, 62, "2026-11-22 2027-05-23 2027-11-22"},
		{24 * time.Hour, 36, "2026-11-22 00:00 2026-11-23 00:00"},
		{24 * time.Hour, 20, "00:00 00:00"},
		{7 * vaiven.Day, 22, "2026-11-22 2026-11-29"},
	} {
		p := &picture{o: PlotOptions{Zone: zone}, cols: c.cols, from: midnight.UnixMilli(), to: midnight.Add(c.span).UnixMilli()}
		line := p.timeAxis()
		if got := strings.Join(strings.Fields(line), " "); got != c.want || len(line) > axisWidth+2+c.cols {
			t.Errorf("%v in %d columns: %q, want %q", c.span, c.cols, line, c.want)
		}
	}
}

// TestLabelsAreOfTheirRows has a line go through each row that has a number, at that
// number.
func TestLabelsAreOfTheirRows(t *testing.T) {
	for _, values := range [][2]float64{{0, 1}, {70, 70}, {-40, 85}} {
		low, high := values[0], values[1]
		c := vaiven.Curve{Device: "101", Name: "X"}
		for i, v := range []float64{low, low/2 + high/2, high} {
			c.Buckets = append(c.Buckets, vaiven.Bucket{Start: start + int64(i)*60_000, Count: 1, Min: v, Max: v, Mean: v})
		}
		var out bytes.Buffer
		all := vaiven.Curves{From: start, To: start + 180_000, Width: 1000, Curves: []vaiven.Curve{c}}
		if err := WritePlot(Terminal{W: &out, Width: 72}, PlotOptions{ASCII: true, Rows: 8}, all); err != nil {
			t.Fatal(err)
		}
		rows := strings.Split(out.String(), "\n")[1:10]
		middle := strings.Fields(rows[4])
		if want := plotNumber(low/2+high/2, digitsFor(high-low)); middle[0] != want || !strings.Contains(rows[4], "*") {
			t.Errorf("%v: the middle row is %q, want %s\n%s", values, rows[4], want, out.String())
		}
	}
}

// TestPlotOfAnything draws numbers and times of every size without a hitch.
func TestPlotOfAnything(t *testing.T) {
	for _, v := range []float64{0, -1e-9, 1e300, -math.MaxFloat64, 12345678} {
		for _, days := range []int64{0, 1, 100, 4000} {
			c := vaiven.Curve{Device: "101", Name: "X", Buckets: []vaiven.Bucket{{Start: start, Count: 2, Min: v, Max: v, Mean: v}, {Start: start + 1, Count: 1, Min: 1, Max: 1, Mean: 1}}}
			for _, columns := range []int{0, 1, 40, 1000} {
				var out bytes.Buffer
				all := vaiven.Curves{From: start, To: start + days*86_400_000 + 2, Width: 1, Curves: []vaiven.Curve{c}}
				if err := WritePlot(Terminal{W: &out, Width: columns, Color: true}, PlotOptions{}, all); err != nil || strings.Count(out.String(), "\n") != plotRows+3 {
					t.Errorf("%v over %d days: %v\n%s", v, days, err, out.String())
				}
			}
		}
	}
}

func TestUTF8OfTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		all, ctype, lang string
		want             bool
	}{{"", "", "es_CO.UTF-8", true}, {"", "", "C.utf8", true}, {"C", "", "es_CO.UTF-8", false}, {"", "POSIX", "es_CO.UTF-8", false}, {"", "", "", false}} {
		got := HasUTF8(func(name string) string {
			return map[string]string{"LC_ALL": c.all, "LC_CTYPE": c.ctype, "LANG": c.lang}[name]
		}, "linux")
		if got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}
