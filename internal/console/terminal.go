package console

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"golang.org/x/term"

	"vaiven"
)

// Terminal is a place to write to, and what is known of it. The zero values of
// TTY, Color and Redraw are a pipe or a file: text without escape codes.
type Terminal struct {
	W      io.Writer
	TTY    bool // a person looks at it
	Color  bool // escape codes for colour are welcome
	Redraw bool // a line can be drawn again over itself
	Width  int  // columns; 0: unknown, taken as 80
	Height int  // lines; 0: unknown, taken as 24
}

// Detect looks at a file of the process (stdout, stderr). NO_COLOR, when it is
// not empty, turns colour off (no-color.org); TERM=dumb, and outside Windows a
// TERM that is not set, turns off colour and redrawing.
func Detect(f *os.File, getenv func(string) string) Terminal {
	t := Terminal{W: f, TTY: term.IsTerminal(int(f.Fd()))}
	if !t.TTY {
		return t
	}
	lipgloss.EnableLegacyWindowsANSI(f)
	if w, h, err := term.GetSize(int(f.Fd())); err == nil {
		t.Width, t.Height = w, h
	}
	t.Redraw, t.Color = abilities(getenv, runtime.GOOS)
	return t
}

// abilities says what the environment lets a terminal do.
func abilities(getenv func(string) string, goos string) (redraw, color bool) {
	name := getenv("TERM")
	redraw = name != "dumb" && (name != "" || goos == "windows")
	return redraw, redraw && getenv("NO_COLOR") == ""
}

// FullScreen reports whether the full-screen view can be shown: both the input
// and the output are terminals that can redraw.
func FullScreen(in *os.File, out Terminal) bool {
	return out.TTY && out.Redraw && term.IsTerminal(int(in.Fd()))
}

// saveTerminalMode remembers how a terminal takes keys; the returned function gives
// it back to the shell, and Ctrl-C its meaning, without writing to it.
func saveTerminalMode(in io.Reader) (restore func()) {
	if f, ok := in.(*os.File); ok {
		if mode, err := term.GetState(int(f.Fd())); err == nil {
			return func() { _ = term.Restore(int(f.Fd()), mode) }
		}
	}
	return func() {}
}

func (t Terminal) lineWidth() int {
	if t.Width <= 0 {
		return 80
	}
	return t.Width
}

// ChooseLang decides the language of everything that a person reads: flag (the
// value of --lang) if it is not empty, else the first of LC_ALL, LC_MESSAGES
// and LANG that is set (the order of POSIX), else English. A language of the
// environment that vaiven does not speak is English; one of the flag is an
// error.
func ChooseLang(flag string, getenv func(string) string) (vaiven.Lang, error) {
	if flag != "" {
		l, ok := vaiven.ParseLang(flag)
		if !ok {
			return vaiven.English, fmt.Errorf("language %q: want es or en", vaiven.Shorten(flag))
		}
		return l, nil
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			l, _ := vaiven.ParseLang(v)
			return l, nil
		}
	}
	return vaiven.English, nil
}

// Notice tells a person something that is not an error, with what to do about
// it in hint (may be empty). It belongs on stderr.
func Notice(t Terminal, l vaiven.Lang, text, hint string) {
	writeNotice(t, l, sgrYellow, l.Say("notice", "aviso"), text, hint)
}

// Fail tells a person why a command gives up, and what to try:
//
//	error: port 8080 is taken
//	  hint: another vaiven may be running; or try --listen :8081
func Fail(t Terminal, l vaiven.Lang, text, hint string) {
	writeNotice(t, l, sgrRed, "error", text, hint)
}

// notice makes a text of Notice or Fail fit for a terminal. What another server says
// may stand in it: that must not be able to draw, nor to begin a line of its own that
// looks as if it were ours. Several errors in one have a line each.
func notice(s string) string {
	return clean(strings.ReplaceAll(strings.TrimSpace(s), "\n", "; "), maxNotice)
}

// writeNotice makes one write. Its own failure has nowhere to be told.
func writeNotice(t Terminal, l vaiven.Lang, sgr, word, text, hint string) {
	text, hint = notice(text), notice(hint)
	color := paint(t.Color)
	b := append(color.append(nil, sgr, word+":"), " "+text+"\n"...)
	if hint != "" {
		b = append(color.append(append(b, "  "...), sgrDim, l.Say("hint:", "pista:")), " "+hint+"\n"...)
	}
	_, _ = t.W.Write(b)
}

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
	line = cut(line, p.t.lineWidth()-1)
	w := width(line)
	_, _ = p.t.W.Write([]byte("\r" + line + spaces(p.drawn-w)))
	p.drawn = w
}

func (p *Progress) line(n uint64, since time.Duration) string {
	text := p.label + "  "
	if p.total > 0 {
		percent := uint64(100 * min(float64(n)/float64(p.total), 1))
		text += fmt.Sprintf("%s %3d %%  %d/%d", bar(n, p.total, 24), percent, n, p.total)
	} else {
		text += strconv.FormatUint(n, 10)
	}
	if since < time.Second {
		return text
	}
	rate := float64(n) / since.Seconds()
	text += "  " + formatRate(rate) + "/s"
	if p.total > n && rate > 0 {
		left := time.Duration(float64(p.total-n) / rate * float64(time.Second))
		text += "  " + p.l.Say("left: ", "faltan: ") + span(max(left.Round(time.Second), time.Second))
	}
	return text
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

// clean makes text of a board, a network peer or a file fit for a terminal:
// control characters (which could move the cursor or recolour the screen),
// invisible format characters (which could turn text round) and broken UTF-8
// become U+FFFD, and at most limit characters are kept.
func clean(s string, limit int) string {
	if len(s) <= limit && plainASCII(s) {
		return s
	}
	var b strings.Builder
	n := 0
	for _, r := range s {
		if n == limit {
			b.WriteRune('…')
			break
		}
		if r == '\t' || r == '\n' {
			r = ' '
		} else if !unicode.IsPrint(r) && r != ' ' {
			r = utf8.RuneError
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// cleanAll writes several texts of others, such as addresses, with sep between them.
func cleanAll(texts []string, sep string) string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = clean(t, maxRemote)
	}
	return strings.Join(out, sep)
}

func plainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Longest texts of others that are shown, in characters.
const (
	maxText   = 300
	maxRemote = 64
	maxNotice = 4000
)

// width is the columns that s takes on a terminal.
func width(s string) int { return ansi.StringWidth(s) }

// fit cuts s to w columns, with an ellipsis, and fills it up with spaces.
func fit(s string, w int) string {
	s = cut(s, w)
	return s + spaces(w-width(s))
}

// right is fit with the spaces on the left.
func right(s string, w int) string {
	s = cut(s, w)
	return spaces(w-width(s)) + s
}

func cut(s string, w int) string {
	if w <= 0 {
		return ""
	}
	return ansi.Truncate(s, w, "…")
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }

// unit is what stands behind a measurement's number: the protocol fixes it for
// TEMP and HUM, and for no other.
func unit(name string) string {
	switch name {
	case "TEMP":
		return "°C"
	case "HUM":
		return "%"
	}
	return ""
}

// Unit is what stands behind a measurement's number, "" where nothing is known.
func Unit(name string) string { return unit(name) }

// clock writes HH:MM:SS in the zone of a stamp.
func clock(ms int64, offset int32) string {
	return time.UnixMilli(ms + int64(offset)*1000).UTC().Format(time.TimeOnly)
}

// span writes a duration for people: 250 ms, 2.5 s, 1 min 38 s, 2 h 5 min.
func span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		return pair(d, time.Minute, " min", time.Second, " s")
	case d < 48*time.Hour:
		return pair(d, time.Hour, " h", time.Minute, " min")
	}
	return pair(d, 24*time.Hour, " d", time.Hour, " h")
}

func pair(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	d = d.Truncate(small)
	s := strconv.FormatInt(int64(d/big), 10) + bigName
	if rest := d % big / small; rest != 0 {
		s += " " + strconv.FormatInt(int64(rest), 10) + smallName
	}
	return s
}

// SGR parameters (ECMA-48, 8.3.117). Only the sixteen colours that every
// terminal maps to its own theme are used.
const (
	sgrBold    = "1"
	sgrDim     = "2"
	sgrReverse = "7"
	sgrRed     = "31"
	sgrGreen   = "32"
	sgrYellow  = "33"
	sgrCyan    = "36"
)

// deviceColors are told apart on dark and on light backgrounds; red is kept
// for what is wrong.
var deviceColors = [...]string{"36", "32", "35", "94", "33", "96", "92", "95"}

// paint writes escape codes, or none at all when it is off.
type paint bool

func (p paint) append(b []byte, sgr, text string) []byte {
	if !p || sgr == "" {
		return append(b, text...)
	}
	b = append(b, "\x1b["...)
	b = append(b, sgr...)
	b = append(b, 'm')
	b = append(b, text...)
	return append(b, "\x1b[0m"...)
}

func (p paint) str(sgr, text string) string { return string(p.append(nil, sgr, text)) }

// deviceColor gives every device the same colour on every screen and in every
// run; consecutive numbers, the usual case in a classroom, get different ones.
func deviceColor(d vaiven.Device) string {
	var h uint32
	for i := range len(d) {
		if c := d[i]; c >= '0' && c <= '9' {
			h = h*10 + uint32(c-'0')
		} else {
			h = h*31 + uint32(c)
		}
	}
	return deviceColors[h%uint32(len(deviceColors))]
}

// severity is how much attention an event asks for.
type severity uint8

const (
	severityInfo severity = iota
	severityGood
	severityWarn
	severityBad
)

func (s severity) sgr() string { return [...]string{"", sgrGreen, sgrYellow, sgrRed}[s] }
