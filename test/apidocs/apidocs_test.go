//go:build suites && linux

// Package apidocs does what the guide to the HTTP API tells its readers to do:
// every command of docs/API.md and docs/API.es.md, in their order, in one shell,
// against a real server with simulated boards, and the program in Go too. What a
// command prints must be what the guide shows, but for what differs from run to
// run: times, ids, ports, measurements, counts.
package apidocs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// patience is how long one block may take.
const patience = 2 * time.Minute

// TestMain: the guide starts the program many times, which the race detector
// makes slow.
func TestMain(m *testing.M) { os.Exit(harness.MainWithoutRace(m)) }

// block is a fenced piece of the guide.
type block struct {
	line int // in the file, of its fence
	lang string
	text string
	said *block // of a command: what the guide shows of its output, nil: nothing
}

func TestGuide(t *testing.T) {
	commands := map[string][]string{}
	for _, lang := range []string{"en", "es"} {
		t.Run(lang, func(t *testing.T) {
			name := map[string]string{"en": "API.md", "es": "API.es.md"}[lang]
			blocks := read(t, filepath.Join(harness.Root(), "docs", name))
			server := start(t, lang)
			shell := newShell(t, server)
			for _, b := range blocks {
				switch b.lang {
				case "sh":
					commands[lang] = append(commands[lang], withoutComments(b.text))
					compare(t, name, b, shell.run(b))
				case "go":
					compare(t, name, b, runGo(t, server, b))
				}
			}
			server.Stop()
		})
	}
	en, es := commands["en"], commands["es"]
	if len(en) < 20 || len(en) != len(es) {
		t.Fatalf("%d blocks of commands in English, %d in Spanish: want as many, and 20 or more", len(en), len(es))
	}
	for i := range en {
		if en[i] != es[i] {
			t.Errorf("the commands differ:\n%s\n%s", en[i], es[i])
		}
	}
}

// start is the server that the guide begins with; its boards are quicker.
func start(t *testing.T, lang string) *harness.Server {
	t.Helper()
	s := harness.NewServer(t, "serve", t.TempDir(), "--open=false", "--simulate", "3", "--readings", "500", "--interval", "200ms")
	for i, a := range s.Args {
		if a == "--lang" {
			s.Args[i+1] = lang
		}
	}
	s.Env = append(s.Env, "VAIVEN_API_TOKEN=open-sesame-please", "TZ=UTC")
	s.StartReady()
	awaitReadings(t, s)
	return s
}

// awaitReadings waits until every simulated board has measured something: a
// person who pastes the guide's commands is not quicker than that.
func awaitReadings(t *testing.T, s *harness.Server) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := harness.Get("http://" + s.Addr + "/api/v1/devices")
		if err != nil {
			continue
		}
		list, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil && bytes.Count(list, []byte(`"last_reading"`)) == 3 {
			return
		}
	}
	t.Fatalf("the boards have measured nothing:\n%s", s.Stderr())
}

// fence is a line that begins a block, or ends it.
var fence = regexp.MustCompile("^```([a-z]*)$")

// read returns the blocks of a guide, each command with its output: the block
// behind it, before anything else is asked and before the next heading.
func read(t *testing.T, path string) []*block {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []*block
	var open, last *block // last: the command whose output may follow
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimSuffix(line, "\n")
		m := fence.FindStringSubmatch(line)
		switch {
		case m != nil && open != nil:
			all, open = append(all, open), nil
		case m != nil:
			open = &block{line: n, lang: m[1]}
			if open.lang == "sh" || open.lang == "go" {
				last = open
			} else if last != nil {
				last.said, last = open, nil
			}
		case open != nil:
			open.text += line + "\n"
		case strings.HasPrefix(line, "#"):
			last = nil
		}
	}
	if open != nil {
		t.Fatalf("%s:%d: the block does not end", path, open.line)
	}
	return all
}

func withoutComments(text string) string {
	return regexp.MustCompile(`(?m)(^|\s+)#.*$`).ReplaceAllString(text, "")
}

// prelude makes a shell in which the guide's addresses lead to the server of the
// test: 127.0.0.1:8080, and 192.168.1.20:8080, which is the same server asked
// under another name, as from another computer.
const prelude = `
set -e
exec 2>&1
PATH=$PWD/bin:$PATH
vaiven() { "$VAIVEN" "${@//192.168.1.20:8080/$REAL}"; }
python3() { /usr/bin/python3 "${@//127.0.0.1:8080/$REAL}"; }
`

// mark ends what a block prints.
const mark = "-- end of the block --"

// shell runs the blocks of a guide one after the other, as a person pastes them.
type shell struct {
	t   *testing.T
	dir string
	in  io.WriteCloser
	out *bufio.Reader
	cmd *exec.Cmd
}

func newShell(t *testing.T, s *harness.Server) *shell {
	t.Helper()
	sh := &shell{t: t, dir: t.TempDir(), cmd: exec.Command("bash", "--noprofile", "--norc")}
	sh.cmd.Dir = sh.dir
	sh.cmd.Env = append(os.Environ(), "REAL="+s.Addr, "VAIVEN="+harness.Binary(t), "VAIVEN_SERVER=http://"+s.Addr,
		"LANG="+map[string]string{"en": "en_US.UTF-8", "es": "es_CO.UTF-8"}[langOf(s)], "LC_ALL=", "TZ=UTC")
	sh.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := sh.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := sh.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	sh.in, sh.out = in, bufio.NewReader(out)
	if err := sh.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		sh.kill()
		_ = sh.cmd.Wait()
	})
	// A program, since the guide makes a function of that name.
	curl := "#!/bin/sh\nexec /usr/bin/curl --connect-to 127.0.0.1:8080:$REAL --connect-to 192.168.1.20:8080:$REAL \"$@\"\n"
	if err := os.Mkdir(filepath.Join(sh.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(sh.dir, "bin", "curl"), []byte(curl), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(sh.in, prelude); err != nil {
		t.Fatal(err)
	}
	return sh
}

func langOf(s *harness.Server) string {
	for i, a := range s.Args {
		if a == "--lang" {
			return s.Args[i+1]
		}
	}
	return ""
}

// kill ends the shell and what it started.
func (sh *shell) kill() { _ = syscall.Kill(-sh.cmd.Process.Pid, syscall.SIGKILL) }

// run pastes a block, and returns what it printed. A command that fails ends the
// shell, and the test.
func (sh *shell) run(b *block) string {
	sh.t.Helper()
	file := filepath.Join(sh.dir, "block.sh")
	if err := os.WriteFile(file, []byte(b.text), 0o644); err != nil {
		sh.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(sh.in, ". ./block.sh </dev/null\necho '\n%s'\n", mark); err != nil {
		sh.t.Fatal(err)
	}
	late := time.AfterFunc(patience, sh.kill)
	defer late.Stop()
	var said strings.Builder
	for {
		line, err := sh.out.ReadString('\n')
		if strings.TrimSpace(line) == mark {
			return said.String()
		}
		said.WriteString(line)
		if err != nil {
			sh.t.Fatalf("line %d: failed, or took more than %v:\n%s\n%s", b.line, patience, b.text, said.String())
		}
	}
}

// runGo builds the guide's program as if it stood in this module, since the
// client is the module's own, and runs it.
func runGo(t *testing.T, s *harness.Server, b *block) string {
	t.Helper()
	dir := t.TempDir()
	source, overlay, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "guide")
	place := map[string]map[string]string{"Replace": {filepath.Join(harness.Root(), "cmd", "guide", "main.go"): source}}
	list, err := json.Marshal(place)
	if err == nil {
		err = os.WriteFile(overlay, list, 0o644)
	}
	if err == nil {
		err = os.WriteFile(source, []byte(b.text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-overlay", overlay, "-o", program, "./cmd/guide")
	build.Dir = harness.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("line %d: %v\n%s", b.line, err, out)
	}
	run := exec.Command(program)
	run.Env = append(os.Environ(), "VAIVEN_SERVER="+s.Addr, "VAIVEN_TOKEN=open-sesame-please")
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	late := time.AfterFunc(patience, func() { _ = run.Process.Kill() })
	defer late.Stop()
	if err := run.Run(); err != nil {
		t.Fatalf("line %d: %v\n%s", b.line, err, out.String())
	}
	return out.String()
}

// compare requires that a command printed what the guide shows.
func compare(t *testing.T, name string, b *block, said string) {
	t.Helper()
	t.Logf("%s:%d\n%s\n%s", name, b.line, b.text, said)
	if b.said != nil && !shows(b.said.text, said) {
		t.Errorf("%s:%d: the guide shows\n%s\nand this was printed:\n%s", name, b.said.line, b.said.text, said)
	}
}

// varies are the things that differ from run to run, as they stand in the guide
// and in what is printed, both without spaces.
var varies = []*regexp.Regexp{
	regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)`), // a moment
	regexp.MustCompile(`\d+,\d{3},\d{12},[\d.]+,[\d.]+`),                          // a row of the CSV
	regexp.MustCompile(`\d\d:\d\d:\d\d`),
	regexp.MustCompile(`"phase":"(asked|sent)"`), // a board may be that quick
	regexp.MustCompile(`"synced":(true|false)`),
	regexp.MustCompile(`"[a-z_0-9]*_ms":[\d.]+`),
	regexp.MustCompile(`"(seq|readings|count|NOW|n|intervals|mean|min|max|deviation|events)":[\d.]+`),
	regexp.MustCompile(`"name":"(TEMP|HUM)","value":[\d.]+`),
	regexp.MustCompile(`"TEMP":[\d.]+,"HUM":[\d.]+`),
	regexp.MustCompile(`TEMP[\d.]+°CHUM[\d.]+%`),
	regexp.MustCompile(`(since|desde)\d\d:\d\d:\d\d\d+TEMP=[\d.]+HUM=[\d.]+`), // of a board in a list
	regexp.MustCompile(`"[0-9a-f]{16}(-\d+)?"`),                               // a key, a BOOT, an ETag of the CSV
	regexp.MustCompile(`"\d+\.\d+"|id:\d+\.\d+`),                              // the id of an event
	regexp.MustCompile(`127\.0\.0\.1:\d+`),                                    // who is connected
	regexp.MustCompile(`(in|en)[\d.]+(ms|s)`),                                 // how long it took
	regexp.MustCompile(`bytes\d+-\d+/\d+|\d+r\.csv`),                          // how much there is of the CSV
}

// shows reports whether said is what the guide shows. Spaces and line ends do not
// count, "…" stands for anything, and what varies for its like.
func shows(guide, said string) bool {
	guide, said = squeeze(guide), squeeze(said)
	var pattern strings.Builder
	pattern.WriteString(`(?s)^`)
	for guide != "" {
		first, end, like := len(guide), len(guide), ""
		if i := strings.Index(guide, "…"); i >= 0 {
			first, end, like = i, i+len("…"), `.*`
		}
		for _, v := range varies {
			if at := v.FindStringIndex(guide); at != nil && at[0] < first {
				first, end, like = at[0], at[1], `(?:`+v.String()+`)`
			}
		}
		pattern.WriteString(regexp.QuoteMeta(guide[:first]) + like)
		guide = guide[end:]
	}
	pattern.WriteString(`$`)
	return regexp.MustCompile(pattern.String()).MatchString(said)
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), "") }

// TestShows proves that a guide which shows something else is found out.
func TestShows(t *testing.T) {
	for _, c := range []struct {
		guide, said string
		want        bool
	}{
		{`{"rev":1,"at":"2026-11-22T10:00:00Z","took_ms":2}`, `{"rev":1,"at":"2027-01-02T03:04:05.678+01:00","took_ms":17}`, true},
		{`{"rev":1,…}`, `{"rev":1,"phase":"asked"}`, true},
		{`{"rev":1,…}`, `{"rev":2,"phase":"asked"}`, false},
		{`{"phase":"confirmed",…}`, `{"phase":"asked","states":{}}`, false},
		{`{"id":"12.0"}`, `{"id":"3.1"}`, true},
		{`{"id":"12.0"}`, `{"id":"x"}`, false},
		{"a\n b", "a b\n", true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`"name":"LED","value":1`, `"name":"LED","value":0`, false},
	} {
		if got := shows(c.guide, c.said); got != c.want {
			t.Errorf("guide %q, printed %q: %v", c.guide, c.said, got)
		}
	}
}

// TestElsewhere proves that where one asks from lets nobody in: it is what the guide's
// part about access rests on.
func TestElsewhere(t *testing.T) {
	server := start(t, "en")
	shell := newShell(t, server)
	ask := "curl -s -o /dev/null -o /dev/null -w '%{http_code} ' http://127.0.0.1:8080/api/v1/server http://192.168.1.20:8080/api/v1/server"
	said := shell.run(&block{text: ask + "\n" + ask + " -H 'Authorization: Bearer open-sesame-please'\n"})
	if got := strings.Fields(said); strings.Join(got, " ") != "401 401 200 200" {
		t.Errorf("here and from elsewhere, without and with the token: %q", said)
	}
	server.Stop()
}
