package vaiven

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A new kind of event touches its declaration and KindOf here, the codec of the log,
// the public JSON (internal/event) and the screens that show it (internal/console).
// Each of these rooms has a test that walks KindNames.
func TestEveryEventHasAKind(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var declared, known []string
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			switch {
			case !ok || strings.HasSuffix(name, "_test.go"):
			case fn.Name.Name == "Of" && fn.Recv != nil:
				declared = append(declared, fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name)
			case fn.Name.Name == "KindOf":
				ast.Inspect(fn, func(n ast.Node) bool {
					if c, ok := n.(*ast.CaseClause); ok {
						known = append(known, c.List[0].(*ast.StarExpr).X.(*ast.Ident).Name)
					}
					return true
				})
			}
		}
	}
	slices.Sort(declared)
	slices.Sort(known)
	if len(declared) == 0 || !slices.Equal(declared, known) || len(known) != len(KindNames()) {
		t.Errorf("events are %v, KindOf knows %v, and there are %d names", declared, known, len(KindNames()))
	}
}

func TestEveryKindHasItsName(t *testing.T) {
	events := []Event{
		&Reading{}, &Refusal{}, &Gap{}, &Rejected{}, &SessionStart{}, &SessionEnd{}, &Presence{}, &Report{}, &Hello{},
		&Conflict{}, &LogStart{}, &Change{}, &Sent{}, &ChangeEnd{}, &Described{}, &Forgotten{},
		&Admitted{}, &Granted{}, &Verified{}, &Revoked{}, &Opened{}, &Denied{},
	}
	if len(events) != len(KindNames()) {
		t.Fatalf("%d events, %d names", len(events), len(KindNames()))
	}
	all := Kinds(0)
	for i, ev := range events {
		k := KindOf(ev)
		if name := KindNames()[i]; k.String() != name || KindsNamed(name) != k || all&k != 0 {
			t.Errorf("%T is called %q, want %q", ev, k, name)
		}
		all |= k
	}
	if KindsNamed("state") != KindsNamed("change")|KindsNamed("sent")|KindsNamed("change_end")|KindsNamed("report") ||
		KindsNamed("session") != KindsNamed("session_start")|KindsNamed("session_end") {
		t.Error("a group is another")
	}
	if KindsNamed("access") != KindsNamed("admitted")|KindsNamed("granted")|KindsNamed("verified")|KindsNamed("revoked")|KindsNamed("opened")|KindsNamed("denied") {
		t.Error("the kinds of access are others")
	}
	if KindsNamed("moonrise") != 0 || KindOf(nil) != 0 || all.String() != "unknown" || Kinds(0).String() != "unknown" {
		t.Error("what is no kind has a name")
	}
}
