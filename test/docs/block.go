//go:build suites && linux

package docs

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// step is one block of a document, or a mark that stands alone.
type step struct {
	chapter string   // the heading that it is under
	line    int      // in the document, from 1
	mark    []string // the words after "check:", nil for none
	kind    string   // of the fence: console, sh, python; "" for a mark alone
	lines   []string
}

func (s step) is(mark string) bool { return len(s.mark) > 0 && s.mark[0] == mark }

// alone says that the mark needs no block.
func (s step) alone() bool { return s.is("stop") || s.is("ended") }

// command is one line typed at the prompt.
type command struct {
	text   string
	typed  []string // lines typed into it while it runs
	output []string // lines that it must print
}

var markLine = regexp.MustCompile(`^<!-- check: (.*) -->$`)

// read splits a document into its steps.
func read(t *testing.T, path string) []step {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	var mark []string
	chapter := ""
	var open *step
	for i, line := range strings.Split(string(text), "\n") {
		fence, fenced := strings.CutPrefix(line, "```")
		switch {
		case open != nil && fenced:
			steps, open = append(steps, *open), nil
		case open != nil:
			open.lines = append(open.lines, line)
		case fenced:
			open, mark = &step{chapter: chapter, line: i + 1, mark: mark, kind: fence}, nil
		case markLine.MatchString(line):
			s := step{chapter: chapter, line: i + 1, mark: strings.Fields(markLine.FindStringSubmatch(line)[1])}
			if mark = s.mark; s.alone() {
				steps, mark = append(steps, s), nil
			}
		case mark != nil && line != "":
			t.Fatalf("%s:%d: the mark %q has no block", path, i+1, mark)
		case strings.HasPrefix(line, "## "):
			chapter = strings.TrimPrefix(line, "## ")
		}
	}
	if open != nil || mark != nil {
		t.Fatalf("%s: a block or a mark has no end", path)
	}
	return steps
}

// chapters groups steps that follow one another under the same heading.
func chapters(steps []step) [][]step {
	var all [][]step
	for i, s := range steps {
		if i == 0 || s.chapter != steps[i-1].chapter {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], s)
	}
	return all
}

// commands splits a console block at its prompts.
func (s step) commands() ([]command, error) {
	var all []command
	more := false
	for _, line := range s.lines {
		text, prompt := strings.CutPrefix(line, "$ ")
		switch {
		case more:
			c := &all[len(all)-1]
			c.text += "\n" + line
		case prompt:
			all = append(all, command{text: text})
		case len(all) == 0:
			return nil, fmt.Errorf("line %d: a console block begins with a command", s.line)
		default:
			c := &all[len(all)-1]
			if typed, ok := strings.CutPrefix(line, "> "); ok {
				c.typed = append(c.typed, typed)
			} else {
				c.output = append(c.output, line)
			}
		}
		more = (more || prompt) && strings.HasSuffix(line, `\`)
	}
	return all, nil
}
