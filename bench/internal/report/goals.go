package report

import (
	"fmt"
	"io"
	"strings"

	"vaiven/bench/internal/machine"
)

// Goals are figures with what is asked of them.
type Goals struct {
	Title   string        `json:"title"`
	Date    string        `json:"date"`
	Version string        `json:"version"` // of the program
	Machine machine.Facts `json:"machine"`
	Rows    []Goal        `json:"rows"`
}

// Goal is a figure that is to be at most Limit.
type Goal struct {
	Says  string  `json:"says"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Limit float64 `json:"limit"`
}

// Add takes a figure in.
func (g *Goals) Add(says string, value float64, unit string, limit float64) {
	g.Rows = append(g.Rows, Goal{says, value, unit, limit})
}

// AddBenchmark takes in a value of a Go benchmark, times factor. The error says that
// the benchmark did not print it.
func (g *Goals) AddBenchmark(found map[string]map[string]float64, name, metric, says, unit string, factor, limit float64) error {
	v, ok := found[name][metric]
	if !ok {
		return fmt.Errorf("%s printed no %s", name, metric)
	}
	g.Add(says, v*factor, unit, limit)
	return nil
}

// Markdown writes the table.
func (g *Goals) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, %s\n\n%s. ", g.Title, g.Date, g.Version)
	machineFacts(&b, g.Machine)
	rows := [][]string{{"what", "measured", "at most", ""}}
	for _, r := range g.Rows {
		verdict := "**missed**"
		if r.Value <= r.Limit {
			verdict = "reached"
		}
		rows = append(rows, []string{r.Says, number(r.Value, 1) + " " + r.Unit, number(r.Limit, 0) + " " + r.Unit, verdict})
	}
	table(&b, rows)
	_, err := io.WriteString(w, b.String())
	return err
}

// Keep writes DATE-NAME.md and DATE-NAME.json into dir, and returns the path of the
// first.
func (g *Goals) Keep(dir, name string) (string, error) {
	return keep(dir, g.Date+"-"+name, g, g.Markdown)
}
