package console

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"vaiven"
)

// Progress draws one line about long work (a replay at the start, a
// simulation, a verification), over itself, at most ten times a second. It
// draws on a terminal that can redraw, and is silent everywhere else. Several
// goroutines may use it; it starts none.
type Progress struct {
	t     Terminal
	l     vaiven.Lang
	label string
	now   func() time.Time

	mu    sync.Mutex
	total uint64
	began time.Time
	last  time.Time // of the last drawing
	drawn int       // columns of the line that stands there
	ended bool
}

// redrawEvery is the pace of Progress and of the full screen.
const redrawEvery = 100 * time.Millisecond

// NewProgress prepares a bar for total steps (0: not known); nothing is drawn
// before the first Set. now is the clock, time.Now when nil.
func NewProgress(t Terminal, l vaiven.Lang, label string, total uint64, now func() time.Time) *Progress {
	if now == nil {
		now = time.Now
	}
	return &Progress{t: t, l: l, label: label, now: now, total: total, began: now()}
}

// Set says that n steps are done. It may be called for every step.
func (p *Progress) Set(n uint64) {
	if !p.t.TTY || !p.t.Redraw {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if p.ended || !p.last.IsZero() && now.Sub(p.last) < redrawEvery {
		return
	}
	p.last = now
	p.draw(p.line(n, now.Sub(p.began)))
}

// Done removes the line: what comes next, a result or an error, says more.
// Safe twice; Set does nothing afterwards.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended && p.drawn > 0 {
		p.draw("")
		_, _ = p.t.W.Write([]byte{'\r'})
	}
	p.ended = true
}

// draw writes over what stands there, without any escape code. The write is
// short, and made while holding mu so that lines do not mix.
func (p *Progress) draw(line string) {
	line = cut(line, p.t.columns()-1)
	w := width(line)
	_, _ = p.t.W.Write([]byte("\r" + line + spaces(p.drawn-w)))
	p.drawn = w
}

func (p *Progress) line(n uint64, since time.Duration) string {
	var b strings.Builder
	b.WriteString(p.label + "  ")
	if p.total > 0 {
		fmt.Fprintf(&b, "%s %3d %%  %d/%d", bar(n, p.total, 24), percent(n, p.total), n, p.total)
	} else {
		b.WriteString(strconv.FormatUint(n, 10))
	}
	if since < time.Second {
		return b.String()
	}
	rate := float64(n) / since.Seconds()
	fmt.Fprintf(&b, "  %s/s", formatRate(rate))
	if p.total > n && rate > 0 {
		left := time.Duration(float64(p.total-n) / rate * float64(time.Second))
		b.WriteString("  " + p.l.Say("left: ", "faltan: ") + span(max(left.Round(time.Second), time.Second)))
	}
	return b.String()
}

func percent(n, total uint64) uint64 {
	return uint64(100 * min(float64(n)/float64(total), 1))
}

// bar is w columns of which n/total are full.
func bar(n, total uint64, w int) string {
	full := 0
	if total > 0 {
		full = int(float64(w) * min(float64(n)/float64(total), 1))
	}
	return strings.Repeat("█", full) + strings.Repeat("░", w-full)
}

// formatRate writes a rate with one decimal while that says something.
func formatRate(r float64) string {
	if r < 100 {
		return strconv.FormatFloat(r, 'f', 1, 64)
	}
	return strconv.FormatFloat(r, 'f', 0, 64)
}
