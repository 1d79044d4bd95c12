// Command openapilint checks an OpenAPI 3.1 document, with a reader and a schema
// validator that the server does not use: the document's structure, its
// references, that operations say what they ought to, that every example fits
// its schema, and that the requests under x-requests are ones that the document
// allows.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
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
	doc, err := libopenapi.NewDocument(data)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(doc.GetVersion(), "3.1") {
		return nil, fmt.Errorf("%s is OpenAPI %s, not 3.1", file, doc.GetVersion())
	}
	f := &findings{}
	if ok, wrong := schema_validation.ValidateOpenAPIDocument(doc); !ok {
		for _, w := range wrong {
			f.add("structure", "%s: %s", w.Message, w.Reason)
			for _, s := range w.SchemaValidationErrors {
				f.add("structure", "%s: %s", s.Location, s.Reason)
			}
		}
	}
	model, err := doc.BuildV3Model()
	if err != nil {
		return nil, fmt.Errorf("references: %w", err)
	}
	v, wrong := validator.NewValidator(doc)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	l := &linter{findings: f, v: v, schemas: schema_validation.NewSchemaValidator(), ids: map[string]string{}, tags: map[string]bool{}, server: model.Model.Servers[0].URL}
	l.document(&model.Model)
	l.used(string(data), &model.Model)
	return f, nil
}

// linter goes through a document.
type linter struct {
	*findings
	v       validator.Validator
	schemas schema_validation.SchemaValidator
	ids     map[string]string
	tags    map[string]bool
	server  string
}

func (l *linter) document(d *v3.Document) {
	if d.Info == nil || d.Info.Title == "" || d.Info.Version == "" || d.Info.Description == "" {
		l.add("info", "title, version and description are wanted")
	}
	for _, t := range d.Tags {
		l.tags[t.Name] = true
		if t.Description == "" {
			l.add("tags", "%s says nothing", t.Name)
		}
	}
	for path, item := range d.Paths.PathItems.FromOldest() {
		for method, op := range item.GetOperations().FromOldest() {
			l.operations++
			l.operation(strings.ToUpper(method), path, op)
		}
	}
}

func (l *linter) operation(method, path string, op *v3.Operation) {
	where := method + " " + path
	if op.OperationId == "" {
		l.add(where, "no operationId")
	} else if other, there := l.ids[op.OperationId]; there {
		l.add(where, "operationId %s is also that of %s", op.OperationId, other)
	}
	l.ids[op.OperationId] = where
	if op.Summary == "" {
		l.add(where, "no summary")
	}
	if len(op.Tags) == 0 {
		l.add(where, "no tag")
	}
	for _, t := range op.Tags {
		if !l.tags[t] {
			l.add(where, "tag %s is not declared", t)
		}
	}
	l.parameters(where, path, op)
	if op.RequestBody != nil {
		if method == http.MethodGet || method == http.MethodDelete {
			l.add(where, "has a body")
		}
		l.contents(where+" body", op.RequestBody.Content)
	}
	l.responses(where, op)
	l.documented(where, method, op)
}

func (l *linter) parameters(where, path string, op *v3.Operation) {
	seen := map[string]bool{}
	for _, p := range op.Parameters {
		name := p.In + " " + p.Name
		if seen[name] {
			l.add(where, "%s is there twice", name)
		}
		seen[name] = true
		if p.Description == "" || p.Schema == nil {
			l.add(where, "%s says nothing", name)
			continue
		}
		for _, e := range p.Schema.Schema().Examples {
			l.fits(where+" "+name, p.Schema.Schema(), e)
		}
		if p.In == "path" && (p.Required == nil || !*p.Required || !strings.Contains(path, "{"+p.Name+"}")) {
			l.add(where, "%s: not required, or not in the path", name)
		}
	}
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, "{") && !seen["path "+strings.Trim(part, "{}")] {
			l.add(where, "%s of the path is not described", part)
		}
	}
}

func (l *linter) responses(where string, op *v3.Operation) {
	success, refusal := 0, 0
	for status, r := range op.Responses.Codes.FromOldest() {
		switch status[0] {
		case '1', '2': // 101 is how a WebSocket begins
			success++
		case '4':
			refusal++
		}
		if r.Description == "" {
			l.add(where, "%s says nothing", status)
		}
		l.contents(where+" "+status, r.Content)
	}
	if success == 0 || refusal == 0 {
		l.add(where, "wants answers 1xx or 2xx, and 4xx")
	}
}
