package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// journeys bound the ways that docs/journeys lists: functions that lead on, and the
// files that they are in. They may shrink; what makes one longer has to be worth it.
var journeys = map[string]struct{ functions, files int }{
	"reading": {70, 28},  // with each message: who may speak for the device, and what its connection, its address and it may take
	"press":   {176, 53}, // the journal that makes a commit one page of the disk; who asks; and the report as a reading
}

// TestJourneysAreInTheCode holds the lists against the code: every function is in the
// file that is named, and the way is not longer than it was. Whether a reading really
// passes them is counted by scripts/journey, which takes longer.
func TestJourneysAreInTheCode(t *testing.T) {
	root := filepath.Join("..", "..")
	declared := map[string]map[string]bool{}
	for name, bound := range journeys {
		text, err := os.ReadFile(filepath.Join(root, "docs", "journeys", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		heading, functions, files := "", 0, map[string]bool{}
		for line := range strings.Lines(string(text)) {
			file, fn, ok := strings.Cut(strings.TrimSpace(line), " ")
			switch {
			case strings.HasPrefix(line, "## "):
				heading = strings.TrimSpace(line)
			case ok && heading != "":
				if declared[file] == nil {
					declared[file] = functionsIn(t, filepath.Join(root, file))
				}
				if !declared[file][fn] {
					t.Errorf("%s: %s has no %s: scripts/journey -write", name, file, fn)
				}
				if heading == "## the way" {
					functions++
					files[file] = true
				}
			}
		}
		if functions == 0 || functions > bound.functions || len(files) > bound.files {
			t.Errorf("%s: the way is %d functions in %d files, it was %d in %d", name, functions, len(files), bound.functions, bound.files)
		}
	}
}

func functionsIn(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := fn.Name.Name
		if fn.Recv != nil {
			e := fn.Recv.List[0].Type
			if star, ok := e.(*ast.StarExpr); ok {
				e = star.X
			}
			if generic, ok := e.(*ast.IndexExpr); ok {
				e = generic.X
			}
			if id, ok := e.(*ast.Ident); ok {
				name = id.Name + "." + name
			}
		}
		names[name] = true
	}
	return names
}
