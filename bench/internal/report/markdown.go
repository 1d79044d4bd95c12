package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"vaiven/bench/internal/machine"
)

// Markdown writes the results as tables whose columns also line up where
// Markdown is read as plain text.
func (r *Results) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# vaiven beside its peers, %s\n\n", r.Date)
	r.facts(&b)
	if r.Smoke {
		b.WriteString("**A smoke run**: it proves that the bench works; its figures prove nothing.\n\n")
	} else {
		r.disturbed(&b)
		r.targets(&b)
	}
	for _, s := range sections {
		r.section(&b, s)
	}
	r.ratios(&b)
	list(&b, "What was done", r.Method)
	list(&b, "Stored data, checked", r.Verified)
	list(&b, "Failures", r.Failures)
	_, err := io.WriteString(w, b.String())
	return err
}

// disturbed warns of measurements during which the machine did other things.
func (r *Results) disturbed(b *strings.Builder) {
	worst := 0.0
	for _, m := range []string{SaturatedOthers, WindowOthers, PacedOthers, ChangeOthers, FollowOthers, StalledOthers} {
		for _, values := range r.Samples[m] {
			worst = max(worst, slices.Max(values))
		}
	}
	if worst > quietLimit {
		fmt.Fprintf(b, "**The machine was not quiet**: other programs took up to %.0f %% of its CPU during a measurement. Figures of such rounds compare nothing.\n\n", worst)
	}
}

func (r *Results) facts(b *strings.Builder) {
	machineFacts(b, r.Machine)
	for _, p := range r.Peers {
		fmt.Fprintf(b, "- **%s**: %s (%s)\n", p.Key, p.Title, p.Version)
	}
	b.WriteString("\n")
}

func machineFacts(b *strings.Builder, m machine.Facts) {
	fmt.Fprintf(b, "%s, %d cores, %d MB; %s; %s; %s.\n", m.CPU, m.Cores, m.MemoryMB, m.System, m.Kernel, m.Go)
	fmt.Fprintf(b, "Data on %s: appending 4 KiB + fsync takes %.0f µs (p50), %.0f µs (p99).\n\n", m.FileSystem, m.Fsync.P50us, m.Fsync.P99us)
}

func (r *Results) targets(b *strings.Builder) {
	rows := [][]string{{"target", "measured", ""}}
	for _, t := range targets {
		line, reached, ok := t.outcome(r.Samples)
		if !ok {
			continue
		}
		verdict := "**missed**"
		if reached {
			verdict = "reached"
		}
		rows = append(rows, []string{t.says, line, verdict})
	}
	if len(rows) > 1 {
		b.WriteString("## Targets\n\n")
		table(b, rows)
	}
}

func (r *Results) section(b *strings.Builder, s section) {
	columns := s.columns
	if columns == nil {
		columns = keys(r.Peers)
	}
	rows := [][]string{append([]string{"median (lowest to highest round)"}, columns...)}
	for _, m := range s.metrics {
		if row, any := r.row(m, columns); any {
			rows = append(rows, row)
		}
	}
	if len(rows) > 1 {
		fmt.Fprintf(b, "## %s\n\n", s.title)
		table(b, rows)
	}
}

func keys(peers []Peer) (k []string) {
	for _, p := range peers {
		k = append(k, p.Key)
	}
	return k
}

func (r *Results) row(m metric, columns []string) (cells []string, any bool) {
	cells = []string{m.name}
	for _, column := range columns {
		v, ok := r.Samples.Of(m.key, column)
		any = any || ok
		switch {
		case !ok:
			cells = append(cells, "")
		case len(r.Samples[m.key][column]) == 1:
			cells = append(cells, number(v.Median, m.digits))
		default:
			cells = append(cells, fmt.Sprintf("%s (%s to %s)", number(v.Median, m.digits), number(v.Min, m.digits), number(v.Max, m.digits)))
		}
	}
	return cells, any
}

// ratios shows vaiven's figures divided by those of each peer.
func (r *Results) ratios(b *strings.Builder) {
	others := slices.DeleteFunc(slices.Clone(r.Peers), func(p Peer) bool { return p.Key == subject })
	rows := [][]string{append([]string{"vaiven's figure divided by that of"}, keys(others)...)}
	for _, s := range sections {
		for _, m := range s.metrics {
			if row, any := r.ratio(m, others); any && m.name[0] != '(' {
				row[0] = s.short + ": " + row[0]
				rows = append(rows, row)
			}
		}
	}
	if len(rows) > 1 {
		b.WriteString("## Ratios\n\n")
		table(b, rows)
	}
}

func (r *Results) ratio(m metric, others []Peer) (cells []string, any bool) {
	cells = []string{m.name}
	mine, ok := r.Samples.Of(m.key, subject)
	for _, p := range others {
		v, measured := r.Samples.Of(m.key, p.Key)
		if !ok || !measured || v.Median == 0 {
			cells = append(cells, "")
			continue
		}
		any = true
		cells = append(cells, number(mine.Median/v.Median, 2))
	}
	return cells, any
}

func table(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			width[i] = max(width[i], len([]rune(c)))
		}
	}
	for i, row := range rows {
		for j, c := range row {
			pad := strings.Repeat(" ", width[j]-len([]rune(c)))
			if j == 0 {
				fmt.Fprintf(b, "| %s%s |", c, pad)
			} else {
				fmt.Fprintf(b, " %s%s |", pad, c)
			}
		}
		b.WriteString("\n")
		if i == 0 {
			rule(b, width)
		}
	}
	b.WriteString("\n")
}

func rule(b *strings.Builder, width []int) {
	for j, n := range width {
		if j == 0 {
			b.WriteString("|" + strings.Repeat("-", n+2) + "|")
		} else {
			b.WriteString(strings.Repeat("-", n+1) + ":|")
		}
	}
	b.WriteString("\n")
}

func list(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(b, "## %s\n\n", title)
	for _, l := range lines {
		fmt.Fprintf(b, "- %s\n", l)
	}
	b.WriteString("\n")
}

// number writes v with a comma for thousands.
func number(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	whole, rest, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}
