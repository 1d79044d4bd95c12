// Command openapilint checks an OpenAPI 3.1 document, with a schema validator that
// the server does not use: the document's structure, its references and schemas,
// that operations say what they ought to, that every example fits its schema, and
// that the requests under x-requests are ones that the document allows.
package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: openapilint DOCUMENT.json")
		os.Exit(2)
	}
	found, err := lint(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "openapilint:", err)
		os.Exit(1)
	}
	for _, f := range found.problems {
		fmt.Println(f)
	}
	if len(found.problems) > 0 {
		os.Exit(1)
	}
	fmt.Printf("openapilint: %d operations, %d examples, %d requests: nothing found\n", found.operations, found.examples, found.requests)
}

// findings is what lint has looked at, and what was wrong.
type findings struct {
	problems                       []string
	operations, examples, requests int
}

func (f *findings) add(where, format string, args ...any) {
	f.problems = append(f.problems, where+": "+fmt.Sprintf(format, args...))
}

func lint(file string) (*findings, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	doc, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if version := str(doc, "openapi"); !strings.HasPrefix(version, "3.1") {
		return nil, fmt.Errorf("%s is OpenAPI %q, not 3.1", file, version)
	}
	l := &linter{findings: &findings{}, doc: doc, ids: map[string]string{}, tags: map[string]bool{}}
	if err := l.compile(); err != nil {
		return nil, err
	}
	l.references("", doc)
	if len(l.problems) == 0 { // what follows relies on the structure
		l.document()
		l.used(string(data))
	}
	return l.findings, nil
}

func read(data []byte) (object, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	doc, ok := v.(object)
	if !ok {
		return nil, fmt.Errorf("no JSON object")
	}
	return doc, nil
}

// object is a JSON object as the validator reads it.
type object = map[string]any

func str(o object, key string) string { s, _ := o[key].(string); return s }
func obj(o object, key string) object { v, _ := o[key].(object); return v }
func list(o object, key string) []any { v, _ := o[key].([]any); return v }

// keys are an object's, in order.
func keys(o object) []string {
	var all []string
	for k := range o {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// linter goes through a document.
type linter struct {
	*findings
	doc     object
	schemas *jsonschema.Compiler
	ids     map[string]string
	tags    map[string]bool
}

func (l *linter) document() {
	info := obj(l.doc, "info")
	if str(info, "title") == "" || str(info, "version") == "" || str(info, "description") == "" {
		l.add("info", "title, version and description are wanted")
	}
	for _, t := range list(l.doc, "tags") {
		tag, _ := t.(object)
		l.tags[str(tag, "name")] = true
		if str(tag, "description") == "" {
			l.add("tags", "%s says nothing", str(tag, "name"))
		}
	}
	for _, path := range keys(obj(l.doc, "paths")) {
		item := obj(obj(l.doc, "paths"), path)
		for _, method := range keys(item) {
			l.operations++
			l.operation(strings.ToUpper(method), path, pointer("paths", path, method), obj(item, method))
		}
	}
}

func (l *linter) operation(method, path, at string, op object) {
	where := method + " " + path
	id := str(op, "operationId")
	if id == "" {
		l.add(where, "no operationId")
	} else if other, there := l.ids[id]; there {
		l.add(where, "operationId %s is also that of %s", id, other)
	}
	l.ids[id] = where
	if str(op, "summary") == "" {
		l.add(where, "no summary")
	}
	if len(list(op, "tags")) == 0 {
		l.add(where, "no tag")
	}
	for _, t := range list(op, "tags") {
		if tag, _ := t.(string); !l.tags[tag] {
			l.add(where, "tag %s is not declared", tag)
		}
	}
	params := l.parameters(where, path, at, op)
	if body := obj(op, "requestBody"); body != nil {
		if method == http.MethodGet || method == http.MethodDelete {
			l.add(where, "has a body")
		}
		l.contents(where+" body", at+pointer("requestBody", "content"), obj(body, "content"))
	}
	l.responses(where, at, op)
	l.documented(where, method, path, at, op, params)
}

// parameter is one of an operation's, with its place in the document.
type parameter struct {
	object
	schema string // pointer
}

func (l *linter) parameters(where, path, at string, op object) (all []parameter) {
	seen := map[string]bool{}
	for i, v := range list(op, "parameters") {
		p, _ := v.(object)
		name := str(p, "in") + " " + str(p, "name")
		if seen[name] {
			l.add(where, "%s is there twice", name)
		}
		seen[name] = true
		if str(p, "description") == "" || p["schema"] == nil {
			l.add(where, "%s says nothing", name)
			continue
		}
		q := parameter{p, at + pointer("parameters", fmt.Sprint(i), "schema")}
		all = append(all, q)
		for _, e := range list(obj(p, "schema"), "examples") {
			l.fits(where+" "+name, q.schema, e)
		}
		if required, _ := p["required"].(bool); str(p, "in") == "path" && (!required || !strings.Contains(path, "{"+str(p, "name")+"}")) {
			l.add(where, "%s: not required, or not in the path", name)
		}
	}
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "{") && !seen["path "+strings.Trim(part, "{}")] {
			l.add(where, "%s of the path is not described", part)
		}
	}
	return all
}

func (l *linter) responses(where, at string, op object) {
	success, refusal := 0, 0
	answers := obj(op, "responses")
	for _, status := range keys(answers) {
		r := obj(answers, status)
		switch status[0] {
		case '1', '2': // 101 is how a WebSocket begins
			success++
		case '4':
			refusal++
		}
		if str(r, "description") == "" {
			l.add(where, "%s says nothing", status)
		}
		l.contents(where+" "+status, at+pointer("responses", status, "content"), obj(r, "content"))
	}
	if success == 0 || refusal == 0 {
		l.add(where, "wants answers 1xx or 2xx, and 4xx")
	}
}
