package console

import (
	"io"
	"os"
	"runtime"

	"charm.land/lipgloss/v2"
	"golang.org/x/term"
)

// Terminal is a place to write to, and what is known of it. The zero values of
// TTY, Color and Redraw are a pipe or a file: text without escape codes.
type Terminal struct {
	W      io.Writer
	TTY    bool // a person looks at it
	Color  bool // escape codes for colour are welcome
	Redraw bool // a line can be drawn again over itself
	Width  int  // columns; 0: unknown, taken as 80
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
	if w, _, err := term.GetSize(int(f.Fd())); err == nil {
		t.Width = w
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

func (t Terminal) columns() int {
	if t.Width <= 0 {
		return 80
	}
	return t.Width
}
