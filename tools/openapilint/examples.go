package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contents checks the examples of a body.
func (l *linter) contents(where, at string, content object) {
	for _, media := range keys(content) {
		m := obj(content, media)
		if m["schema"] == nil {
			l.add(where, "%s has no schema", media)
			continue
		}
		examples := obj(m, "examples")
		for _, name := range keys(examples) {
			l.examples++
			l.fits(where+" "+media+" "+name, at+pointer(media, "schema"), obj(examples, name)["value"])
		}
	}
}

// request is an entry of x-requests.
type request struct {
	Name    string            `json:"name"`
	Method  string            `json:"method"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Status  int               `json:"status"`
}

// documented checks an operation's requests: each has an answer with that
// status, and those that succeed are what the document allows.
func (l *linter) documented(where, method, path, at string, op object, params []parameter) {
	text, err := json.Marshal(op["x-requests"])
	var all []request
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil || len(all) == 0 {
		l.add(where, "no x-requests (%v)", err)
		return
	}
	for _, q := range all {
		l.requests++
		if obj(obj(op, "responses"), fmt.Sprint(q.Status)) == nil {
			l.add(where, "%s is answered %d, which is not described", q.Name, q.Status)
		}
		if q.Method != method {
			l.add(where, "%s is a %s", q.Name, q.Method)
		}
		if q.Status >= http.StatusBadRequest {
			continue
		}
		l.allowed(where+" "+q.Name, q, path, params)
		l.body(where+" "+q.Name, q, at, op)
	}
}

// allowed checks a request's path, its query and its headers.
func (l *linter) allowed(where string, q request, path string, params []parameter) {
	u, err := url.Parse(q.Path)
	if err != nil {
		l.add(where, "%v", err)
		return
	}
	server, _ := list(l.doc, "servers")[0].(object)
	given, ok := match(str(server, "url")+path, u.Path)
	if !ok {
		l.add(where, "%s is not %s%s", u.Path, str(server, "url"), path)
		return
	}
	header := http.Header{}
	for name, value := range q.Headers {
		header.Set(name, value)
	}
	query := u.Query()
	for _, p := range params {
		name := str(p.object, "name")
		var values []string
		switch str(p.object, "in") {
		case "path":
			values = given[name]
		case "query":
			values = query[name]
			delete(query, name)
		case "header":
			values = header.Values(name)
		}
		l.parameter(where, p, values)
	}
	for name := range query {
		l.add(where, "%s of the query is not described", name)
	}
}

// match reads a path by a template.
func match(template, path string) (map[string][]string, bool) {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(have) {
		return nil, false
	}
	given := map[string][]string{}
	for i, part := range want {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			given[strings.TrimSuffix(name, "}")] = []string{have[i]}
		} else if part != have[i] {
			return nil, false
		}
	}
	return given, true
}

// parameter checks what is given for one.
func (l *linter) parameter(where string, p parameter, values []string) {
	where += " " + str(p.object, "name")
	if len(values) == 0 {
		if required, _ := p.object["required"].(bool); required {
			l.add(where, "is required")
		}
		return
	}
	if str(obj(p.object, "schema"), "type") == "array" {
		if explode, said := p.object["explode"].(bool); said && !explode { // with commas
			values = strings.Split(strings.Join(values, ","), ",")
		}
		var all []any
		for _, v := range values {
			all = append(all, typed(v, str(obj(obj(p.object, "schema"), "items"), "type")))
		}
		l.fits(where, p.schema, all)
		return
	}
	for _, v := range values {
		l.fits(where, p.schema, typed(v, str(obj(p.object, "schema"), "type")))
	}
}

// typed is the value that text stands for where a schema wants another type.
func typed(text, kind string) any {
	switch kind {
	case "integer", "number", "boolean":
		if v, err := jsonschema.UnmarshalJSON(strings.NewReader(text)); err == nil {
			return v
		}
	}
	return text
}

// body checks a request's body.
func (l *linter) body(where string, q request, at string, op object) {
	described := obj(op, "requestBody")
	required, _ := described["required"].(bool)
	switch {
	case q.Body == "" && required:
		l.add(where, "a body is required")
		return
	case q.Body == "":
		return
	case obj(obj(described, "content"), "application/json") == nil:
		l.add(where, "no JSON body is described")
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(q.Body))
	if err != nil {
		l.add(where, "%v", err)
		return
	}
	l.fits(where, at+pointer("requestBody", "content", "application/json", "schema"), v)
}
