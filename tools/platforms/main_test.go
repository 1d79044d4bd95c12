package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheck has a module that is right on Linux alone: a name that one system
// lacks, a constant too large for 32 bits, and a type that differs.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":          "module example\n\ngo 1.26.0\n",
		"main.go":         "package main\n\nfunc main() { say() }\n",
		"say_linux.go":    "package main\n\nvar big = 1 << 40\n\nfunc say() { _ = big }\n",
		"say_darwin.go":   "package main\n\nfunc say() {}\n",
		"other_darwin.go": "package main\n\nimport \"syscall\"\n\nvar where syscall.Handle\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for platform, want := range map[string]string{
		"linux/amd64":   "",
		"linux/arm/6":   "overflows",
		"windows/amd64": "undefined: say",
		"darwin/arm64":  "undefined: syscall.Handle",
		"plan10/amd64":  "plan10",
	} {
		n, problems, err := check(dir, platform)
		if err != nil {
			problems = append(problems, err.Error())
		}
		if said := strings.Join(problems, "\n"); (want == "") != (said == "") || !strings.Contains(said, want) {
			t.Errorf("%s: %d packages, %q, want %q", platform, n, said, want)
		}
	}
}
