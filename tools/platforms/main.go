// Command platforms checks that the packages of a module are right for other
// systems: it reads their source, and that of what they import, as the compiler for
// that system would, and reports what does not fit. Nothing is compiled, which takes
// a twentieth of the time; what only a compiler and a linker find is for CI, which
// builds them all.
//
// Usage: platforms DIR GOOS/GOARCH[/GOARM]...
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: platforms DIR GOOS/GOARCH[/GOARM]...")
		os.Exit(2)
	}
	wrong := false
	for _, platform := range os.Args[2:] {
		n, problems, err := check(os.Args[1], platform)
		if err != nil {
			problems = append(problems, err.Error())
		}
		for _, p := range problems {
			fmt.Fprintf(os.Stderr, "platforms: %s: %s\n", platform, p)
		}
		wrong = wrong || len(problems) > 0
		if len(problems) == 0 {
			fmt.Printf("platforms: %s: %d packages fit\n", platform, n)
		}
	}
	if wrong {
		os.Exit(1)
	}
}

// check reads the packages of the module in dir for a platform.
func check(dir, platform string) (n int, problems []string, err error) {
	p := strings.Split(platform, "/") // GOARM is no matter of the source
	if len(p) < 2 {
		return 0, nil, fmt.Errorf("%q is not GOOS/GOARCH", platform)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return 0, nil, err
	}
	cfg := &packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedDeps |
			packages.NeedTypes | packages.NeedTypesSizes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedModule,
		Dir: dir,
		Env: append(os.Environ(), "GOOS="+p[0], "GOARCH="+p[1], "CGO_ENABLED=0"),
		ParseFile: func(fset *token.FileSet, name string, src []byte) (*ast.File, error) {
			f, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
			if err == nil && !strings.HasPrefix(name, dir+string(filepath.Separator)) {
				dropBodies(f)
			}
			return f, err
		},
	}
	all, err := packages.Load(cfg, "./...")
	if err != nil {
		return 0, nil, err
	}
	for _, p := range all {
		for _, e := range p.Errors {
			problems = append(problems, e.Error())
		}
	}
	if len(all) == 0 {
		problems = append(problems, "there are no packages")
	}
	return len(all), problems, nil
}

// dropBodies forgets how a file of somebody else's does what it does: only what it
// declares matters to those who import it.
func dropBodies(f *ast.File) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			fn.Body = nil
		}
	}
}
