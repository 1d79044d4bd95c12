package console

import (
	"bytes"
	"strings"
	"testing"

	"vaiven"
)

// TestWhatIsReadOnATerminalDrawsNothing: lines of others go to a file as they are.
func TestWhatIsReadOnATerminalDrawsNothing(t *testing.T) {
	const wild = "a;1,5\r\n\x1b[2Jb\tñ\u202e\n"
	for tty, want := range map[bool]string{false: wild, true: "a;1,5\n\ufffd[2Jb\tñ\ufffd\n"} {
		var b bytes.Buffer
		n, err := Terminal{W: &b, TTY: tty}.Readable().Write([]byte(wild))
		if n != len(wild) || err != nil || b.String() != want {
			t.Errorf("terminal %v: %q, %d, %v", tty, b.String(), n, err)
		}
	}
}

// TestNoticesDrawNothing: a store's answer, or that of whatever a command asked, stands
// in a notice.
func TestNoticesDrawNothing(t *testing.T) {
	wild := "db: 503 \x1b[2J\x1b]0;title\x07\u009b31m\u202eno\r\nerror: port 8080 is taken\n  hint: run it as root"
	for name, tell := range map[string]func(Terminal, vaiven.Lang, string, string){"notice": Notice, "error": Fail} {
		var b bytes.Buffer
		tell(Terminal{W: &b}, vaiven.English, wild, wild+strings.Repeat("x", 5000))
		noEscape(t, b.String())
		lines := strings.Split(b.String(), "\n")
		if len(lines) != 3 || !strings.HasPrefix(lines[0], name+": db: 503 ") || !strings.HasPrefix(lines[1], "  hint: db: 503 ") || lines[2] != "" {
			t.Errorf("%s: %q", name, lines)
		}
		if strings.ContainsAny(b.String(), "\u202e\u009b") || !strings.HasSuffix(lines[1], "…") || len(lines[1]) > 2*maxNotice {
			t.Errorf("%s: %q", name, b.String())
		}
	}
	var b bytes.Buffer
	Notice(Terminal{W: &b}, vaiven.Spanish, "no se guardó «año» → 24,5 °C ✓", "mira el disco — y espera…")
	if b.String() != "aviso: no se guardó «año» → 24,5 °C ✓\n  pista: mira el disco — y espera…\n" {
		t.Errorf("our own words: %q", b.String())
	}
}
