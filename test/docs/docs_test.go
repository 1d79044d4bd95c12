//go:build suites && linux

package docs

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// TestMain lets every chapter run at once, whatever the number of processors:
// they wait most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(harness.MainWithoutRace(m))
}

// document is one language of the course.
type document struct{ name, locale string }

var documents = []document{{"CURSO.md", "es_CO.UTF-8"}, {"COURSE.md", "en_US.UTF-8"}}

func (d document) path() string { return filepath.Join(harness.Root(), "docs", d.name) }

// TestCommands types every command of both documents, each chapter in a folder
// and at a server of its own.
func TestCommands(t *testing.T) {
	for _, d := range documents {
		for _, steps := range chapters(read(t, d.path())) {
			t.Run(d.name+"/"+steps[0].chapter, func(t *testing.T) {
				t.Parallel()
				d.follow(t, steps)
			})
		}
	}
}

// follow does what a reader of one chapter does.
func (d document) follow(t *testing.T, steps []step) {
	r := newReader(t, d.locale)
	for _, s := range steps {
		start := time.Now()
		if err := r.do(t, s); err != nil {
			t.Fatalf("docs/%s:%d: %v", d.name, s.line, err)
		}
		if took := time.Since(start); took > time.Second {
			t.Logf("docs/%s:%d took %v", d.name, s.line, took.Round(100*time.Millisecond))
		}
	}
	if len(r.terminals) > 0 {
		t.Errorf("docs/%s leaves terminals open at the end of %q", d.name, steps[0].chapter)
	}
}

// words are what the same step is called in the two languages.
var words = strings.NewReplacer("taller --", "workshop --", "alumnos.csv", "students.csv", "binario.py", "binary.py",
	"puente.py", "bridge.py", "clave.pem", "key.pem", "segundo", "second", "errores", "mistakes", "corte", "outage",
	"antes.csv", "before.csv", "despues.csv", "after.csv", "esperó", "waited")

// TestTwins holds the two languages against each other: the same steps, typed
// alike, in the same order.
func TestTwins(t *testing.T) {
	var steps [2][]string
	for i, d := range documents {
		for _, s := range read(t, d.path()) {
			what := words.Replace(s.kind + " " + strings.Join(s.mark, " "))
			var commands []command
			if s.kind == "console" && !s.is("seen") {
				var err error
				if commands, err = s.commands(); err != nil {
					t.Fatalf("docs/%s: %v", d.name, err)
				}
			}
			for _, c := range commands {
				what += "\n$ " + words.Replace(c.text) + "\n> " + words.Replace(strings.Join(c.typed, "\n> "))
			}
			steps[i] = append(steps[i], what)
		}
	}
	for i := range max(len(steps[0]), len(steps[1])) {
		if i >= len(steps[0]) || i >= len(steps[1]) || steps[0][i] != steps[1][i] {
			t.Fatalf("step %d differs:\n%s: %q\n%s: %q", i+1, documents[0].name, steps[0][i:min(i+1, len(steps[0]))],
				documents[1].name, steps[1][i:min(i+1, len(steps[1]))])
		}
	}
}

var (
	verb   = regexp.MustCompile(`(?:^|[\s/])vaiven ([a-z]+)`)
	option = regexp.MustCompile(`\s(--[a-z-]+)`)
)

// TestOptions asks the program whether it knows what the blocks that are not run
// tell it to do.
func TestOptions(t *testing.T) {
	for _, d := range documents {
		for _, s := range read(t, d.path()) {
			if s.kind != "sh" {
				continue
			}
			for _, line := range s.lines {
				m := verb.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				help, _, code := harness.Vaiven(t, m[1], "--help")
				known := option.FindAllString(help, -1)
				for i := range known {
					known[i] = strings.TrimSpace(known[i])
				}
				if code != 0 {
					t.Errorf("docs/%s:%d: vaiven has no %q", d.name, s.line, m[1])
				}
				for _, o := range option.FindAllStringSubmatch(line, -1) {
					if !slices.Contains(known, o[1]) {
						t.Errorf("docs/%s:%d: vaiven %s has no %s", d.name, s.line, m[1], o[1])
					}
				}
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#]*)(?:#([^)]*))?\)`)

// TestLinks follows the links that stay in the repository, to the very heading.
func TestLinks(t *testing.T) {
	for _, d := range documents {
		text, err := os.ReadFile(d.path())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target := d.path()
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(d.path()), m[1])
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("docs/%s: %v", d.name, err)
			} else if m[2] != "" && !slices.Contains(anchors(t, target), m[2]) {
				t.Errorf("docs/%s: %s has no heading for #%s", d.name, filepath.Base(target), m[2])
			}
		}
	}
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// anchors are the fragments that a document's headings can be reached by.
func anchors(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if h := strings.TrimLeft(line, "#"); strings.HasPrefix(line, "##") {
			h = notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(h)), "")
			all = append(all, strings.ReplaceAll(h, " ", "-"))
		}
	}
	return all
}
