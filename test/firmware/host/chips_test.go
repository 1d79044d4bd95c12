//go:build suites && linux

package host

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vaiven/test/harness"
)

// facts are those of firmware/host/idf.txt.
type facts struct {
	headers map[string]bool
	chips   map[string]map[string]string // target, macro, value
}

func readFacts(t *testing.T) facts {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "firmware", "host", "idf.txt"))
	if err != nil {
		t.Fatal(err)
	}
	f := facts{map[string]bool{}, map[string]map[string]string{}}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(line, "#"):
		case words[0] == "header" && len(words) >= 4:
			f.headers[words[1]] = true
		case words[0] == "chip" && len(words) >= 3:
			if f.chips[words[1]] == nil {
				f.chips[words[1]] = map[string]string{}
			}
			for _, w := range words[2:] {
				name, value, _ := strings.Cut(w, "=")
				f.chips[words[1]][name] = value
			}
		default:
			t.Fatalf("idf.txt: %q", line)
		}
	}
	if len(f.headers) == 0 || len(f.chips) == 0 {
		t.Fatal("idf.txt holds nothing")
	}
	return f
}

// sources walks through every C++ file and sketch in a folder of the module.
func sources(t *testing.T, folder string, visit func(name, text string)) {
	t.Helper()
	root := filepath.Join(harness.Root(), folder)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains([]string{".h", ".cpp", ".ino"}, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		visit(strings.TrimPrefix(path, harness.Root()+"/"), string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

var (
	included = regexp.MustCompile(`(?m)^\s*#\s*include\s*<([^>]+)>`)
	macro    = regexp.MustCompile(`\bSOC_[A-Z0-9_]+\b`)
)

// TestNames: every stand-in is of something that exists, and what the sketches
// include and ask of a chip exists too.
func TestNames(t *testing.T) {
	t.Parallel()
	facts := readFacts(t)
	standIns := 0
	include := filepath.Join(harness.Root(), "firmware", "host", "include")
	err := filepath.WalkDir(include, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			standIns++
			if name, _ := filepath.Rel(include, path); !facts.headers[name] {
				t.Errorf("a stand-in for %s, which is not in idf.txt", name)
			}
		}
		return err
	})
	if err != nil || standIns == 0 {
		t.Fatal(standIns, err)
	}
	known := map[string]bool{}
	for _, macros := range facts.chips {
		for name := range macros {
			known[name] = true
		}
	}
	asked := 0
	for _, folder := range []string{"firmware/vaiven", "firmware/host/signatures", "firmware/host/include", "firmware/core/src", "course", "test/firmware/host/testdata"} {
		sources(t, folder, func(name, text string) {
			for _, m := range included.FindAllStringSubmatch(text, -1) {
				asked++
				ours := strings.HasPrefix(m[1], "vaiven") // the core's own
				if !facts.headers[m[1]] && !ours && !standard(m[1]) {
					t.Errorf("%s includes <%s>, which is not in idf.txt", name, m[1])
				}
			}
			for _, m := range macro.FindAllString(text, -1) {
				asked++
				if !known[m] {
					t.Errorf("%s asks for %s, which no chip of idf.txt has", name, m)
				}
			}
		})
	}
	if asked < 50 {
		t.Errorf("only %d names were found", asked)
	}
}

// standard headers are the language's, and POSIX's that newlib has.
func standard(header string) bool {
	return !strings.Contains(header, ".") || slices.Contains([]string{"stddef.h", "stdint.h", "string.h", "sys/time.h"}, header)
}

// TestChips: the stand-ins for each chip have what the chip has and nothing else, and
// the sketch compiles for it.
func TestChips(t *testing.T) {
	t.Parallel()
	for target, want := range readFacts(t).chips {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			said := compile(t, target, "-E", "-dM", "-include", "soc/soc_caps.h", "/dev/null")
			for _, m := range regexp.MustCompile(`(?m)^#define (SOC_\w+) (.*)$`).FindAllStringSubmatch(said, -1) {
				got[m[1]] = m[2]
			}
			if !maps.Equal(got, want) {
				t.Errorf("the stand-ins define\n%v\nwant\n%v", got, want)
			}
			for _, sketch := range []string{"firmware/vaiven/vaiven.ino", "firmware/host/signatures/signatures.ino"} {
				compile(t, target, "-fsyntax-only", "-include", "Arduino.h", sketch)
			}
		})
	}
}

// compile runs the compiler for one chip, and returns what it printed.
func compile(t *testing.T, target string, args ...string) string {
	t.Helper()
	flags := []string{
		"-std=c++17", "-Wall", "-Wextra", "-Werror", "-x", "c++", "-DCONFIG_IDF_TARGET_" + target + "=1",
		"-Ifirmware/host/include", "-Ifirmware/core/src", "-Ifirmware/vaiven",
	}
	return run(t, "g++", append(flags, args...)...)
}

// run runs a program from the module's root, which must succeed.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := command(t, name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func command(t *testing.T, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = harness.Root()
	return cmd
}

// TestXtensa links the sketch as for an ESP32: 32 bits, its memories, and literals
// where l32r reaches them. A function in a class body with IRAM_ATTR must show.
func TestXtensa(t *testing.T) {
	t.Parallel()
	link := filepath.Join(harness.Root(), "firmware", "host", "link-xtensa")
	for _, sketch := range []string{"firmware/vaiven", "firmware/host/signatures", "course/course"} {
		t.Run(sketch, func(t *testing.T) {
			t.Parallel()
			run(t, link, sketch, filepath.Join(t.TempDir(), "sketch.elf"), "-Ifirmware/core/src")
		})
	}
	t.Run("control", func(t *testing.T) {
		t.Parallel()
		out, err := command(t, link, "test/firmware/host/testdata/iram", filepath.Join(t.TempDir(), "sketch.elf")).CombinedOutput()
		if err == nil || !bytes.Contains(out, []byte("l32r: literal placed after use")) {
			t.Errorf("a function that cannot reach its literals was linked: %v\n%s", err, out)
		}
	})
}
