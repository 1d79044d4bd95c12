//go:build suites && linux

package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vaiven/test/harness"
)

// reader follows one document: a folder, ports, and the terminals left open.
type reader struct {
	dir, bin  string
	env       []string
	ports     map[string]string // in the document: here
	terminals map[string]*terminal
}

// newReader prepares a folder for somebody whose language is locale.
func newReader(t *testing.T, locale string) *reader {
	t.Helper()
	r := &reader{dir: t.TempDir(), bin: t.TempDir(), ports: map[string]string{}, terminals: map[string]*terminal{}}
	for _, p := range []string{"8080", "8081", "8443", "8444"} {
		r.ports[p] = strconv.Itoa(harness.Port(t))
	}
	r.link(t, harness.Binary(t), filepath.Join(r.bin, "vaiven"))
	r.link(t, filepath.Join(harness.Root(), "course"), filepath.Join(r.dir, "course"))
	r.env = append(withoutLocale(),
		"PATH="+r.bin+":/usr/local/bin:/usr/sbin:/usr/bin:/bin", "LANG="+locale, "PYTHONUTF8=1", "PYTHONUNBUFFERED=1", "TZ=UTC",
		"VAIVEN_LISTEN=127.0.0.1:"+r.ports["8080"], "VAIVEN_TLS_LISTEN=127.0.0.1:"+r.ports["8443"],
		"VAIVEN_SERVER=http://127.0.0.1:"+r.ports["8080"])
	return r
}

// lan is the address that the documents give to the server's computer.
const lan = "192.168.1.20"

var (
	listen   = regexp.MustCompile(`(--(?:tls-)?listen) :(\d+)`)
	servidor = regexp.MustCompile(`(servidor\.py \w+ \d+ \S+)`)
)

// slower gives a busy machine three times as long as the document has it, where a
// command counts on being quick enough.
var slower = strings.NewReplacer("timeout -s KILL 4 ", "timeout -s KILL 12 ",
	"--readings 30 --interval 200ms", "--readings 30 --interval 600ms", "--max-time 1 ", "--max-time 3 ")

// localise turns a command of the document into one that stays on this machine.
func (r *reader) localise(text string) string {
	text = slower.Replace(strings.ReplaceAll(text, lan, "127.0.0.1"))
	// On another port than 8080 there is no TLS by itself, which the environment asks for.
	if strings.Contains(text, "--listen :") && !strings.Contains(text, "--tls-listen") {
		text = strings.Replace(text, "--listen :", "--tls-listen off --listen :", 1)
	}
	text = listen.ReplaceAllString(text, "$1 127.0.0.1:$2")
	text = servidor.ReplaceAllString(text, "$1 127.0.0.1")
	for there, here := range r.ports {
		text = regexp.MustCompile(`\b`+there+`\b`).ReplaceAllString(text, here)
	}
	return text
}

// printed is what a terminal shows, with the document's ports.
func (r *reader) printed(term *terminal) string {
	text := term.out.String() + "\n" + term.err.String()
	for there, here := range r.ports {
		text = strings.ReplaceAll(text, here, there)
	}
	return text
}

// tail is the end of what a terminal shows, for people who look for a mistake.
func (r *reader) tail(term *terminal) string {
	lines := strings.Split(r.printed(term), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}

// expected is what the document shows, for this machine.
func (r *reader) expected(lines []string) []string {
	return strings.Split(strings.ReplaceAll(strings.Join(lines, "\n"), lan, "127.0.0.1"), "\n")
}

// do carries out one step, and says what was not as the document has it.
func (r *reader) do(t *testing.T, s step) error {
	t.Helper()
	switch {
	case s.is("stop"), s.is("ended"):
		return r.close(s.mark[1], s.is("stop"))
	case s.is("file"):
		text := r.localise(strings.Join(s.lines, "\n") + "\n")
		return os.WriteFile(filepath.Join(r.dir, s.mark[1]), []byte(text), 0o644)
	case s.is("seen"):
		term, ok := r.terminals[s.mark[1]]
		if !ok {
			return fmt.Errorf("terminal %s is not open", s.mark[1])
		}
		return r.compare(term, s.lines)
	case s.kind == "console":
		return r.run(t, s)
	case s.mark != nil:
		return fmt.Errorf("unknown mark %q", s.mark)
	}
	return nil
}

// run runs a block's commands one after the other; the mark concerns the last.
func (r *reader) run(t *testing.T, s step) error {
	t.Helper()
	commands, err := s.commands()
	if err != nil {
		return err
	}
	for i, c := range commands {
		last := i == len(commands)-1
		term := r.open(t, c)
		switch {
		case last && s.is("leave"):
			r.terminals[s.mark[1]] = term
			err = r.compare(term, c.output)
		case last && s.is("until"):
			err = r.compare(term, c.output)
			term.signal(syscall.SIGINT)
			term.ended()
		default:
			err = r.finish(term, c, last, s)
		}
		if err != nil {
			return fmt.Errorf("$ %s\n%w", c.text, err)
		}
	}
	return nil
}

// finish waits for a command that ends by itself.
func (r *reader) finish(term *terminal, c command, last bool, s step) error {
	if len(c.typed) > 0 {
		r.shows(term, c.output) // the answers come before the reader hangs up
		term.hangUp()
	}
	code, ok := term.ended()
	if !ok {
		return fmt.Errorf("still running; it printed:\n%s", r.tail(term))
	}
	want := "0"
	if last && s.is("exit") {
		want = s.mark[1]
	}
	if strconv.Itoa(code) != want {
		return fmt.Errorf("exit %d, want %s; it printed:\n%s", code, want, r.tail(term))
	}
	return r.compare(term, c.output)
}

func (r *reader) compare(term *terminal, lines []string) error {
	if line := r.shows(term, lines); line != "" {
		return fmt.Errorf("it never printed\n\t%s\nbut\n%s", line, r.tail(term))
	}
	return nil
}

// close ends a terminal by Ctrl-C, or waits for one that kills itself.
func (r *reader) close(name string, interrupt bool) error {
	term, ok := r.terminals[name]
	if !ok {
		return fmt.Errorf("terminal %s is not open", name)
	}
	delete(r.terminals, name)
	if interrupt {
		term.signal(syscall.SIGINT)
	}
	if _, ok := term.ended(); !ok {
		return fmt.Errorf("terminal %s does not end; it printed:\n%s", name, r.tail(term))
	}
	return nil
}
