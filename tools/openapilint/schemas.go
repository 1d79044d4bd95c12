package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pb33f/libopenapi/datamodel" // OpenAPI's own schema, as data
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Where the validator finds the document, and OpenAPI's schema.
const (
	documentURL  = "file:///openapi.json"
	structureURL = "https://spec.openapis.org/oas/3.1/schema/2022-10-07"
)

// pointer is a JSON pointer, RFC 6901, of path.
func pointer(path ...string) (p string) {
	for _, s := range path {
		p += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(s)
	}
	return p
}

// compile holds the document against OpenAPI's schema, and makes its own schemas
// ready.
func (l *linter) compile() error {
	l.schemas = jsonschema.NewCompiler()
	l.schemas.AssertFormat()
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(datamodel.OpenAPI31SchemaData))
	if err != nil {
		return err
	}
	if err := errors.Join(l.schemas.AddResource(structureURL, schema), l.schemas.AddResource(documentURL, l.doc)); err != nil {
		return err
	}
	whole, err := l.schemas.Compile(structureURL)
	if err != nil {
		return err
	}
	l.wrong("structure", whole.Validate(l.doc))
	for _, name := range keys(obj(obj(l.doc, "components"), "schemas")) {
		if _, err := l.schema(pointer("components", "schemas", name)); err != nil {
			l.add("schemas", "%s: %v", name, err)
		}
	}
	return nil
}

// schema compiles the one at a place of the document.
func (l *linter) schema(at string) (*jsonschema.Schema, error) {
	// Of a URL's fragment, RFC 3986 forbids what templates of paths have.
	return l.schemas.Compile(documentURL + "#" + strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", " ", "%20").Replace(at))
}

// fits checks a value against the schema at a place.
func (l *linter) fits(where, at string, value any) {
	s, err := l.schema(at)
	if err != nil {
		l.add(where, "%v", err)
		return
	}
	l.wrong(where, s.Validate(value))
}

// wrong adds what a validation has found.
func (l *linter) wrong(where string, err error) {
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		if err != nil {
			l.add(where, "%v", err)
		}
		return
	}
	for _, unit := range found.BasicOutput().Errors {
		if unit.Error != nil {
			l.add(where, "%s: %s", unit.InstanceLocation, unit.Error)
		}
	}
}

// references looks where each $ref below v leads to.
func (l *linter) references(at string, v any) {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			l.references(fmt.Sprintf("%s/%d", at, i), e)
		}
	case object:
		for _, k := range keys(v) {
			ref, ok := v[k].(string)
			if k != "$ref" || !ok {
				l.references(at+pointer(k), v[k])
			} else if !l.leads(ref) {
				l.add("references", "%s: %s leads nowhere", at, ref)
			}
		}
	}
}

// leads reports whether a reference within the document has something at its end.
func (l *linter) leads(ref string) bool {
	path, ok := strings.CutPrefix(ref, "#/")
	var v any = l.doc
	for _, part := range strings.Split(path, "/") {
		o, _ := v.(object)
		if v = o[strings.NewReplacer("~1", "/", "~0", "~").Replace(part)]; v == nil {
			return false
		}
	}
	return ok
}

// used finds schemas that nothing refers to.
func (l *linter) used(text string) {
	for _, name := range keys(obj(obj(l.doc, "components"), "schemas")) {
		if !strings.Contains(text, `"#/components/schemas/`+name+`"`) {
			l.add("schemas", "nothing refers to %s", name)
		}
	}
}
