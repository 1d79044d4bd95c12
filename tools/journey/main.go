// Command journey counts the functions that one reading, or one press of a button,
// passes in the server. It runs a server that counts its calls, sends it a hundred
// readings and then three hundred, and takes every function that was called so much
// more often. What it finds is held against the lists in docs/journeys, which say of
// each function whether it lies on the way or behind it.
//
// Usage: journey [-write] ROOT
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A function is on the way when it was called at least often times for each of what
// was sent between the short run and the long one. What is called nearly as often is
// listed, too; what is called now and then depends on what meets whom, and may be.
const (
	shortRun = 100
	longRun  = 300
	often    = 0.95
	nearly   = 0.75
	seldom   = 0.2
)

// patience bounds every wait.
const patience = 2 * time.Minute

// journeys are the ways that are counted: what sends n of them to a server.
var journeys = []struct {
	name   string
	send   func(ctx context.Context, b *build, addr string, n int) error
	behind []string // beginnings of files and functions that show or keep what has happened
}{
	{"reading", sendReadings, append(screens, "internal/views/", "internal/twin/", "internal/stream/read.go", "internal/stream/record.go codec.", "internal/stream/record.go openEnvelope", "internal/stream/nats.go store.checkSubject",
		"cmd/vaiven/", "internal/server/", "deviceinfo.go", "devicestate.go", "reportedstates.go", "summary.go", "intervals.go", "kind.go")},
	{"press", sendPresses, screens},
}

var screens = []string{"internal/console/", "internal/csvfile/", "internal/csvform/", "internal/event/", "internal/history/", "internal/web/live/", "internal/registry/", "internal/views/logtime.go", "internal/views/named.go", "series.go"}

func main() {
	write := flag.Bool("write", false, "write the lists anew; what is new comes at the end of its section")
	flag.Parse()
	if err := run(context.Background(), flag.Arg(0), *write); err != nil {
		fmt.Fprintln(os.Stderr, "journey:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, write bool) error {
	b, err := compile(ctx, root)
	if err != nil {
		return err
	}
	wrong := false
	for _, j := range journeys {
		var counts [2]map[string]uint64
		for i, n := range []int{shortRun, longRun} {
			if counts[i], err = b.count(ctx, n, j.send); err != nil {
				return fmt.Errorf("%s: %w", j.name, err)
			}
		}
		path := filepath.Join(root, "docs", "journeys", j.name+".txt")
		l, err := readList(path)
		if err != nil {
			return err
		}
		passed, listed := map[string]bool{}, l.all()
		for fn, n := range counts[1] {
			times := float64(n-min(n, counts[0][fn])) / (longRun - shortRun)
			if times >= often || times >= nearly && write || times >= seldom && listed[fn] {
				passed[fn] = true
			}
		}
		section := func(fn string) string { return b.section(fn, j.behind, passed) }
		if write {
			if err := l.write(path, passed, section); err != nil {
				return err
			}
			continue
		}
		wrong = l.compare(j.name, passed, section) || wrong
		fmt.Println(l.summary(j.name))
	}
	if wrong {
		return errors.New("the lists in docs/journeys are not what the code does: scripts/journey -write, and look at what is new")
	}
	return nil
}

// build is a server that counts its calls.
type build struct {
	root, program string
	functions     map[string][]function // by file
}

type function struct {
	name     string
	from, to int             // lines
	calls    map[string]bool // names that it calls
}

func compile(ctx context.Context, root string) (*build, error) {
	b := &build{root: root, program: filepath.Join(root, ".work", "journey-server"), functions: map[string][]function{}}
	cmd := exec.CommandContext(ctx, "go", "build", "-cover", "-covermode=atomic", "-coverpkg=vaiven/...", "-o", b.program, "./cmd/vaiven")
	cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return b, nil
}

// count runs a server, sends it n of something, and returns how often each function
// was called, by "file name".
func (b *build) count(ctx context.Context, n int, send func(context.Context, *build, string, int) error) (map[string]uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	work, err := os.MkdirTemp("", "journey-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	counters := filepath.Join(work, "counters")
	if err := os.Mkdir(counters, 0o755); err != nil {
		return nil, err
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, err
	}
	server := exec.CommandContext(ctx, b.program, "serve", "--commit-every", "0", "--listen", addr, "--data", filepath.Join(work, "data"), "--session-rate", "0", "--open")
	server.Env = append(os.Environ(), "GOCOVERDIR="+counters, "VAIVEN_API_TOKEN="+apiToken)
	if err := server.Start(); err != nil {
		return nil, err
	}
	err = ready(ctx, addr)
	if err == nil {
		err = send(ctx, b, addr, n)
	}
	_ = server.Process.Signal(os.Interrupt)
	if ended := server.Wait(); err == nil {
		err = ended
	}
	if err != nil {
		return nil, err
	}
	profile := filepath.Join(work, "profile")
	if out, err := exec.CommandContext(ctx, "go", "tool", "covdata", "textfmt", "-i="+counters, "-o="+profile).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("covdata: %w\n%s", err, out)
	}
	return b.calls(profile)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func ready(ctx context.Context, addr string) error {
	for {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the server does not come up: %w", ctx.Err())
		}
	}
}

// sendReadings lets one board send n readings, each on its own.
func sendReadings(ctx context.Context, b *build, addr string, n int) error {
	return b.simulate(ctx, addr, "--readings", strconv.Itoa(n), "--interval", "4ms")
}

// simulate runs a board to its end.
func (b *build) simulate(ctx context.Context, addr string, args ...string) error {
	dir, err := os.MkdirTemp("", "journey-board-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.CommandContext(ctx, b.program, append([]string{"simulate", "--url", "ws://" + addr}, args...)...)
	cmd.Env = append(os.Environ(), "GOCOVERDIR="+dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("simulate: %w\n%s", err, out)
	}
	return nil
}

// apiToken is the server's own, for whoever presses.
const apiToken = "whoever presses a key"

// sendPresses changes a board's LED n times, and waits for each confirmation.
func sendPresses(ctx context.Context, b *build, addr string, n int) error {
	board, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- b.simulate(board, addr, "--interval", "1h") }()
	defer func() { stop(); <-ended }()
	url := "http://" + addr + "/api/v1/devices/101/state?wait=30s"
	for i := 0; i < n; {
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(fmt.Sprintf(`{"LED":%d}`, (i+1)%2)))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+apiToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusNotFound && i == 0: // it has not come yet
			time.Sleep(50 * time.Millisecond)
		case resp.StatusCode != http.StatusOK:
			return fmt.Errorf("press %d: %s: %s", i+1, resp.Status, body)
		default:
			i++
		}
	}
	return nil
}

// calls reads how often the first block of each function ran.
func (b *build) calls(profile string) (map[string]uint64, error) {
	text, err := os.ReadFile(profile)
	if err != nil {
		return nil, err
	}
	type first struct {
		line, column int
		count        uint64
	}
	found := map[string]first{}
	for line := range strings.Lines(string(text)) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || name == "mode" {
			continue
		}
		var from, column, to, end, statements int
		var count uint64
		if _, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &from, &column, &to, &end, &statements, &count); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		file := strings.TrimPrefix(name, "vaiven/")
		fns, err := b.inFile(file)
		if err != nil {
			return nil, err
		}
		for _, fn := range fns {
			key := file + " " + fn.name
			f, seen := found[key]
			if from >= fn.from && to <= fn.to && (!seen || from < f.line || from == f.line && column < f.column) {
				found[key] = first{from, column, count}
			}
		}
	}
	calls := map[string]uint64{}
	for key, f := range found {
		calls[key] = f.count
	}
	return calls, nil
}

// inFile lists the functions that a file declares.
func (b *build) inFile(file string) ([]function, error) {
	if fns, ok := b.functions[file]; ok {
		return fns, nil
	}
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, filepath.Join(b.root, file), nil, 0)
	if err != nil {
		return nil, err
	}
	var fns []function
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Body != nil {
			name := fn.Name.Name
			if fn.Recv != nil {
				name = receiver(fn.Recv.List[0].Type) + "." + name
			}
			fns = append(fns, function{name, set.Position(fn.Pos()).Line, set.Position(fn.End()).Line, calledIn(fn.Body)})
		}
	}
	b.functions[file] = fns
	return fns, nil
}

// calledIn are the names of the functions and methods that a body calls or hands on.
func calledIn(body ast.Node) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		c, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		for _, e := range append([]ast.Expr{c.Fun}, c.Args...) {
			switch f := e.(type) {
			case *ast.Ident:
				if types.Universe.Lookup(f.Name) == nil { // append, close and the like are no method of that name
					names[f.Name] = true
				}
			case *ast.SelectorExpr:
				names[f.Sel.Name] = true
			}
		}
		return true
	})
	return names
}

// leads reports whether a function that was passed calls another one that was: it is
// a step of the way, and not a helper that a step ends in.
func (b *build) leads(key string, passed map[string]bool) bool {
	file, name, _ := strings.Cut(key, " ")
	for _, fn := range b.functions[file] {
		if fn.name != name {
			continue
		}
		for other := range passed {
			if fn.calls[lastName(other)] && lastName(other) != lastName(key) {
				return true
			}
		}
	}
	return false
}

// lastName is a function's name without its file and its type.
func lastName(key string) string { return key[strings.LastIndexAny(key, " .")+1:] }

func receiver(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return "?"
}

// The headings of a list. What leads on is the way; what calls nothing of it is a
// helper; what shows or keeps what has happened lies behind it.
const (
	theWay  = "## the way"
	helpers = "## helpers that it ends in"
	behind  = "## behind it"
)

func (b *build) section(fn string, after []string, passed map[string]bool) string {
	for _, start := range after {
		if strings.HasPrefix(fn, start) {
			return behind
		}
	}
	if b.leads(fn, passed) {
		return theWay
	}
	return helpers
}

// list is a file of docs/journeys: headings, and functions as "file name" under them.
type list struct {
	intro    []string // lines in front of the first heading
	headings []string
	under    [][]string
}

func readList(path string) (*list, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return &list{}, nil
	}
	if err != nil {
		return nil, err
	}
	l := &list{}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		switch {
		case strings.HasPrefix(line, "## "):
			l.headings, l.under = append(l.headings, line), append(l.under, nil)
		case len(l.headings) == 0:
			l.intro = append(l.intro, s.Text())
		case line != "":
			l.under[len(l.under)-1] = append(l.under[len(l.under)-1], line)
		}
	}
	return l, nil
}

func (l *list) all() map[string]bool {
	all := map[string]bool{}
	for _, fns := range l.under {
		for _, fn := range fns {
			all[fn] = true
		}
	}
	return all
}

// compare prints what the list and the code do not agree about.
func (l *list) compare(name string, passed map[string]bool, section func(string) string) (differs bool) {
	all := l.all()
	for _, fn := range slices.Sorted(maps.Keys(passed)) {
		if !all[fn] {
			fmt.Printf("%s: passed, and not in the list: %s\n", name, fn)
			differs = true
		}
	}
	for _, fn := range slices.Sorted(maps.Keys(all)) {
		if !passed[fn] {
			fmt.Printf("%s: in the list, and not passed: %s\n", name, fn)
			differs = true
		}
	}
	for i, h := range l.headings {
		for _, fn := range l.under[i] {
			if passed[fn] && section(fn) != h {
				fmt.Printf("%s: %s stands under %q, and belongs under %q\n", name, fn, h, section(fn))
				differs = true
			}
		}
	}
	return differs
}

// summary counts the way under each heading.
func (l *list) summary(name string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:", name)
	for i, h := range l.headings {
		files := map[string]bool{}
		for _, fn := range l.under[i] {
			file, _, _ := strings.Cut(fn, " ")
			files[file] = true
		}
		fmt.Fprintf(&b, " %s: %d functions in %d files;", strings.TrimPrefix(h, "## "), len(l.under[i]), len(files))
	}
	return strings.TrimSuffix(b.String(), ";")
}

// write keeps the list's order, takes out what is passed no more, and puts what is
// new, or belongs elsewhere now, at the end of its section.
func (l *list) write(path string, passed map[string]bool, section func(string) string) error {
	for _, h := range []string{theWay, helpers, behind} {
		if !slices.Contains(l.headings, h) {
			l.headings, l.under = append(l.headings, h), append(l.under, nil)
		}
	}
	for i, h := range l.headings {
		l.under[i] = slices.DeleteFunc(l.under[i], func(fn string) bool { return passed[fn] && section(fn) != h })
	}
	all := l.all()
	for _, fn := range slices.Sorted(maps.Keys(passed)) {
		if !all[fn] {
			i := slices.Index(l.headings, section(fn))
			l.under[i] = append(l.under[i], fn)
		}
	}
	var b strings.Builder
	for _, line := range l.intro {
		b.WriteString(line + "\n")
	}
	for i, h := range l.headings {
		b.WriteString(h + "\n\n")
		for _, fn := range l.under[i] {
			if passed[fn] {
				b.WriteString(fn + "\n")
			}
		}
		b.WriteString("\n")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.TrimRight(b.String(), "\n")+"\n"), 0o644)
}
