package web

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
)

//go:embed docs.html
var docsHTML string

// docsPage writes the document as a page for people: plain HTML that needs no
// script, and nothing from elsewhere. Only its frame is translated.
func docsPage(doc *huma.OpenAPI, lang vaiven.Lang) ([]byte, error) {
	page, err := template.New("docs").Funcs(template.FuncMap{"say": lang.Say, "lower": strings.ToLower}).Parse(docsHTML)
	if err != nil {
		return nil, err
	}
	d := documenter{doc}
	var b bytes.Buffer
	err = page.Execute(&b, map[string]any{
		"Lang": string(lang), "Version": doc.Info.Version, "Intro": strings.Split(doc.Info.Description, "\n\n"),
		"Tags": d.tags(), "Schemas": d.schemas(), "JSON": prefix + "/openapi.json", "YAML": prefix + "/openapi.yaml",
	})
	return b.Bytes(), err
}

// documenter turns the document into what the page shows.
type documenter struct{ doc *huma.OpenAPI }

type docTag struct {
	Name, About string
	Operations  []docOperation
}

type docOperation struct {
	ID, Method, Path, Summary, About string
	Parameters                       []docField
	Body                             *docType
	Answers                          []docAnswer
	Examples                         []docExample
}

// docField is a parameter, or a member of an object.
type docField struct {
	Name, In, About, Example string
	Required                 bool
	Type                     docType
}

// docType says what a value is; Of is the schema that it links to.
type docType struct{ Before, Of, After string }

type docAnswer struct {
	Status, About string
	Type          docType
}

type docExample struct{ Title, Curl, Status, Answer string }

type docSchema struct {
	Name   string
	Fields []docField
}

func (d documenter) tags() []docTag {
	var out []docTag
	for _, t := range d.doc.Tags {
		tag := docTag{Name: t.Name, About: t.Description}
		for _, path := range slices.Sorted(maps.Keys(d.doc.Paths)) {
			for _, op := range operationsOf(d.doc.Paths[path]) {
				if slices.Contains(op.Tags, t.Name) {
					tag.Operations = append(tag.Operations, d.operation(op))
				}
			}
		}
		out = append(out, tag)
	}
	return out
}

// operationsOf lists what can be done with a path.
func operationsOf(p *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{p.Get, p.Put, p.Post, p.Patch, p.Delete}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

func (d documenter) operation(op *huma.Operation) docOperation {
	out := docOperation{ID: op.OperationID, Method: op.Method, Path: prefix + op.Path, Summary: op.Summary, About: op.Description}
	for _, p := range op.Parameters {
		f := docField{Name: p.Name, In: p.In, About: p.Description, Required: p.Required, Type: typeOf(p.Schema)}
		if len(p.Schema.Examples) > 0 {
			f.Example = fmt.Sprint(p.Schema.Examples[0])
		}
		out.Parameters = append(out.Parameters, f)
	}
	if op.RequestBody != nil {
		if m := op.RequestBody.Content["application/json"]; m != nil {
			t := typeOf(m.Schema)
			out.Body = &t
		}
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		out.Answers = append(out.Answers, answerOf(status, op.Responses[status]))
	}
	requests, _ := op.Extensions["x-requests"].([]request)
	for _, r := range requests {
		out.Examples = append(out.Examples, docExample{r.Title, curl(&r), fmt.Sprintf("%d %s", r.Status, http.StatusText(r.Status)), answerText(op, &r)})
	}
	return out
}

func answerOf(status string, r *huma.Response) docAnswer {
	a := docAnswer{Status: status, About: r.Description}
	for _, m := range r.Content {
		a.Type = typeOf(m.Schema)
	}
	return a
}

// answerText is the example's answer, if it has a body.
func answerText(op *huma.Operation, r *request) string {
	for _, m := range op.Responses[fmt.Sprint(r.Status)].Content {
		if e := m.Examples[r.Name]; e != nil {
			if raw, ok := e.Value.(json.RawMessage); ok {
				return string(raw)
			}
			return fmt.Sprint(e.Value)
		}
	}
	return ""
}

// curl is the line that sends the example.
func curl(r *request) string {
	b := []string{"curl"}
	if r.Method != http.MethodGet {
		b = append(b, "-X", r.Method)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		b = append(b, "-H", quoted(name+": "+r.Headers[name]))
	}
	if r.Body != "" {
		b = append(b, "-H", quoted("Content-Type: application/json"), "-d", quoted(r.Body))
	}
	return strings.Join(append(b, quoted("http://127.0.0.1:8080"+r.Path)), " ")
}

// quoted is a word for a shell.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func (d documenter) schemas() []docSchema {
	var out []docSchema
	all := d.doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := docSchema{Name: name}
		for field, f := range all[name].Properties {
			df := docField{Name: field, About: f.Description, Required: slices.Contains(all[name].Required, field), Type: typeOf(f)}
			if len(f.Examples) > 0 {
				if b, err := json.Marshal(f.Examples[0]); err == nil {
					df.Example = string(b)
				}
			}
			s.Fields = append(s.Fields, df)
		}
		sort.Slice(s.Fields, func(i, j int) bool {
			if s.Fields[i].Required != s.Fields[j].Required {
				return s.Fields[i].Required
			}
			return s.Fields[i].Name < s.Fields[j].Name
		})
		out = append(out, s)
	}
	return out
}

// typeOf says in a few words what a schema allows.
func typeOf(s *huma.Schema) docType {
	switch {
	case s == nil:
		return docType{}
	case s.Ref != "":
		return docType{Of: s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]}
	case s.Type == huma.TypeArray:
		t := typeOf(s.Items)
		return docType{"[ " + t.Before, t.Of, t.After + " ]"}
	case len(s.OneOf) > 0:
		var all []string
		for _, one := range s.OneOf {
			t := typeOf(one)
			all = append(all, t.Before+t.Of+t.After)
		}
		return docType{Before: strings.Join(all, " | ")}
	case len(s.Enum) > 0:
		var all []string
		for _, v := range s.Enum {
			all = append(all, fmt.Sprint(v))
		}
		return docType{Before: strings.Join(all, " | ")}
	}
	if of, ok := s.AdditionalProperties.(*huma.Schema); ok && s.Type == huma.TypeObject {
		t := typeOf(of)
		return docType{"{ NAME: " + t.Before, t.Of, t.After + " }"}
	}
	return docType{Before: strings.TrimSpace(s.Type + " " + s.Format)}
}
