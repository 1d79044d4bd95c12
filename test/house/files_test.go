package house

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// rule is something that no file may contain. The patterns are written so that
// they do not match themselves.
type rule struct {
	pattern *regexp.Regexp
	only    string // suffix of the files concerned, "" for all
	why     string
}

var rules = []rule{
	{regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b`), "", "finish it, or open an issue"},
	{regexp.MustCompile(`\.Sk` + `ip(f|Now)?\(`), ".go", "a test that may be skipped proves nothing where it matters"},
	{regexp.MustCompile(`(^|[\s"'` + "`" + `=(:,])/(work|root|home/[a-z]+|Users/[a-z]+)` + `(/|["']|$)`), "", "a path of one person's machine"},
}

// TestFiles reads every file that git knows or would add.
func TestFiles(t *testing.T) {
	root := filepath.Join("..", "..")
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) || bytes.IndexByte(data, 0) >= 0 {
			continue // deleted but not yet committed, or not a text
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		check(t, name, string(data))
	}
}

func check(t *testing.T, name, text string) {
	t.Helper()
	n := 0
	for line := range strings.Lines(text) {
		n++
		for _, r := range rules {
			if strings.HasSuffix(name, r.only) && r.pattern.MatchString(strings.TrimRight(line, "\n")) {
				t.Errorf("%s:%d: %q: %s", name, n, r.pattern.FindString(line), r.why)
			}
		}
	}
}

// TestRulesMatch shows that each rule catches what it is for.
func TestRulesMatch(t *testing.T) {
	bad := []string{
		"// TO" + "DO: later", "t.Skip" + `("no")`, `open("/ro` + `ot/x")`,
	}
	for i, text := range bad {
		if !rules[i].pattern.MatchString(text) {
			t.Errorf("rule %d does not match %q", i, text)
		}
	}
	for _, good := range []string{"todo va bien", "/proc/1/ro" + "ot/x", "the wo" + "rk/life", "TODOS"} {
		for i, r := range rules {
			if r.pattern.MatchString(good) {
				t.Errorf("rule %d matches %q", i, good)
			}
		}
	}
}
