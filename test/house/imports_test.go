package house

import (
	"maps"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// pkg is one package and what it imports, tests left out.
type pkg struct {
	path, name string
	imports    []string
}

// list asks the go command for every package of ours that the program and the
// libraries are made of, on one system.
func list(t *testing.T, goos string) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{.Name}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if ours(f[0]) && !strings.HasPrefix(f[0], module+"/test/") {
			all = append(all, pkg{path: f[0], name: f[1], imports: f[2:]})
		}
	}
	return all
}

func ours(p string) bool { return p == module || strings.HasPrefix(p, module+"/") }

func TestImports(t *testing.T) {
	for _, goos := range []string{"linux", "windows", "darwin"} {
		t.Run(goos, func(t *testing.T) {
			for _, p := range list(t, goos) {
				from, ok := room(p.path)
				if !ok {
					t.Errorf("%s is in no room: give it a row in test/house/table_test.go and in the architecture", p.path)
					continue
				}
				for _, imp := range p.imports {
					checkEdge(t, p.path, from, imp)
				}
			}
		})
	}
}

func checkEdge(t *testing.T, importer, from, imp string) {
	t.Helper()
	if !ours(imp) {
		checkLibrary(t, importer, from, imp)
		return
	}
	to, ok := room(imp)
	if ok && !allowed(from, to) {
		t.Errorf("%s imports %s: %s", importer, imp, why(from, to))
	}
}

func checkLibrary(t *testing.T, importer, from, imp string) {
	t.Helper()
	if from == "" && strings.Contains(strings.Split(imp, "/")[0], ".") {
		t.Errorf("%s imports %s: the domain uses the standard library alone", importer, imp)
	}
	if from == "" && (imp == "os" || imp == "net" || strings.HasPrefix(imp, "net/") || strings.HasPrefix(imp, "os/")) {
		t.Errorf("%s imports %s: the domain does no I/O", importer, imp)
	}
	for _, l := range libraries {
		if strings.HasPrefix(imp, l.prefix) && !slices.Contains(l.rooms, from) {
			t.Errorf("%s imports %s: %s", importer, imp, l.why)
		}
	}
}

func allowed(from, to string) bool {
	return from == to || slices.Contains(rooms[from], to)
}

func why(from, to string) string {
	for _, r := range reasons {
		if matches(r.from, from) && matches(r.to, to) {
			return r.why
		}
	}
	return ""
}

func matches(pattern, room string) bool {
	return pattern == "*" || pattern == room || pattern == "sibling" && slices.Contains(siblings, room)
}

// TestEveryForbiddenEdgeHasAReason keeps the table honest: a rule that nobody
// can explain is one that nobody will keep.
func TestEveryForbiddenEdgeHasAReason(t *testing.T) {
	for _, from := range slices.Sorted(maps.Keys(rooms)) {
		for _, to := range slices.Sorted(maps.Keys(rooms)) {
			if !allowed(from, to) && why(from, to) == "" {
				t.Errorf("%q may not import %q, and the table does not say why", from, to)
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range list(t, "linux") {
		if slices.Contains(forbiddenNames, p.name) || slices.Contains(forbiddenNames, path.Base(p.path)) {
			t.Errorf("%s (package %s): a name that owns nothing; say what is in it", p.path, p.name)
		}
	}
}
