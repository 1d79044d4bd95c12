//go:build suites && linux

package prometheus

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The data's time: three hours from 2026-11-01T10:00:00Z. Samples stand 137 ms behind
// whole seconds, where no query looks: whether a window has its first moment is
// something that Prometheus 3 answers otherwise than 2.42.
const (
	dataBegin = 1793527200
	dataEnd   = dataBegin + 3*3600
)

// openMetrics is what the boards of a house measured, and two series that only a
// program would have, for what numbers can be.
func openMetrics() string {
	var b strings.Builder
	point := func(name, labels string, sec int, v float64) {
		num := fmt.Sprint(v)
		fmt.Fprintf(&b, "%s{%s} %s %d.137\n", name, labels, num, sec)
	}
	b.WriteString("# TYPE vaiven_reading gauge\n# HELP vaiven_reading What a device measured.\n")
	for _, dev := range []struct {
		id          string
		phase, step int
	}{{"101", 0, 10}, {"102", 3, 10}, {"sala-3", 1, 60}} {
		for _, m := range []string{"HUM", "TEMP"} {
			for t := dataBegin + dev.phase; t < dataEnd; t += dev.step {
				if dev.id == "102" && t > dataBegin+3600 && t < dataBegin+5400 {
					continue // half an hour without this board
				}
				x := float64(t-dataBegin) / 3600
				v := 50 + 10*math.Cos(x+float64(dev.phase))
				if m == "TEMP" {
					v = math.Round((24.5+3*math.Sin(x+float64(dev.phase)))*10) / 10
				}
				point("vaiven_reading", fmt.Sprintf(`device="%s",measurement="%s"`, dev.id, m), t, v)
			}
		}
	}
	b.WriteString("# TYPE vaiven_state gauge\n")
	for t := dataBegin; t < dataEnd; t += 30 {
		point("vaiven_state", `device="101",state="LED"`, t, float64(t/1800%2))
	}
	b.WriteString("# TYPE pulses counter\n")
	count := 1000.0
	for t := dataBegin; t < dataEnd; t += 10 {
		if count++; t == dataBegin+7200 {
			count = 0 // its board began again
		}
		point("pulses_total", `device="103"`, t, count)
	}
	b.WriteString("# TYPE odd gauge\n")
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1e-9, 1e21, 5e-324, math.MaxFloat64, 0.1} {
		for t := dataBegin; t < dataBegin+600; t += 60 {
			point("odd", fmt.Sprintf(`what="%d \"ñ\" \\"`, i), t, v)
		}
	}
	b.WriteString("# EOF\n")
	return b.String()
}

// blocks writes the data as a TSDB's folder, and a copy of it: two readers, each with
// its own.
func blocks(t *testing.T) (ours, theirs string) {
	t.Helper()
	text := filepath.Join(t.TempDir(), "data.om")
	if err := os.WriteFile(text, []byte(openMetrics()), 0o644); err != nil {
		t.Fatal(err)
	}
	ours, theirs = t.TempDir(), t.TempDir()
	promtool(t, "tsdb", "create-blocks-from", "openmetrics", text, ours)
	if err := os.CopyFS(theirs, os.DirFS(ours)); err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}
