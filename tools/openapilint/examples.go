package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/pb33f/libopenapi/orderedmap"
	"go.yaml.in/yaml/v4"
)

// contents checks the examples of a body.
func (l *linter) contents(where string, content *orderedmap.Map[string, *v3.MediaType]) {
	for media, m := range content.FromOldest() {
		if m.Schema == nil {
			l.add(where, "%s has no schema", media)
			continue
		}
		schema := m.Schema.Schema()
		if schema == nil {
			l.add(where, "%s: schema %s leads nowhere", media, m.Schema.GetReference())
			continue
		}
		for name, e := range m.Examples.FromOldest() {
			l.examples++
			l.fits(where+" "+media+" "+name, schema, e.Value)
		}
	}
}

// fits checks a value against a schema.
func (l *linter) fits(where string, schema *base.Schema, value *yaml.Node) {
	var v any
	if err := value.Decode(&v); err != nil {
		l.add(where, "%v", err)
		return
	}
	b, err := json.Marshal(v) // as JSON has it: dates stay text
	if err != nil {
		l.add(where, "%v", err)
		return
	}
	ok, wrong := l.schemas.ValidateSchemaString(schema, string(b))
	if ok {
		return
	}
	for _, w := range wrong {
		l.add(where, "%s", w.Reason)
		for _, s := range w.SchemaValidationErrors {
			l.add(where, "%s: %s", s.Location, s.Reason)
		}
	}
}

// request is an entry of x-requests.
type request struct {
	Name    string            `yaml:"name"`
	Method  string            `yaml:"method"`
	Path    string            `yaml:"path"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	Status  int               `yaml:"status"`
}

// documented checks an operation's requests: each has an answer with that
// status, and those that succeed are what the document allows.
func (l *linter) documented(where, method string, op *v3.Operation) {
	node, ok := op.Extensions.Get("x-requests")
	if !ok {
		l.add(where, "no x-requests")
		return
	}
	var list []request
	if err := node.Decode(&list); err != nil || len(list) == 0 {
		l.add(where, "x-requests: %v", err)
		return
	}
	for _, q := range list {
		l.requests++
		if op.Responses.FindResponseByCode(q.Status) == nil {
			l.add(where, "%s is answered %d, which is not described", q.Name, q.Status)
		}
		if q.Method != method {
			l.add(where, "%s is a %s", q.Name, q.Method)
		}
		if q.Status >= http.StatusBadRequest {
			continue
		}
		r := httptest.NewRequest(q.Method, q.Path, strings.NewReader(q.Body))
		for name, value := range q.Headers {
			r.Header.Set(name, value)
		}
		if q.Body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if ok, wrong := l.v.ValidateHttpRequest(r); !ok {
			for _, w := range wrong {
				l.add(where, "%s: %s: %s", q.Name, w.Message, w.Reason)
			}
		}
	}
}

// used finds schemas that nothing refers to.
func (l *linter) used(text string, d *v3.Document) {
	for name := range d.Components.Schemas.FromOldest() {
		if !strings.Contains(text, `"#/components/schemas/`+name+`"`) {
			l.add("schemas", "nothing refers to %s", name)
		}
	}
}
