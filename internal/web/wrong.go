package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
	"vaiven/internal/web/api"
)

// problems makes the framework's own errors, of requests that it found wrong,
// problems like all others. Its texts are English, for its own readers: the words
// come from the status, and from what the document says of the part that is wrong.
func (s *server) problems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	op := ctx.Operation()
	p := api.NewProblem(m.Status, codeInvalid, s.invalidText(), "")
	switch m.Status {
	case http.StatusBadRequest:
		s.unreadable(p, m)
	case http.StatusRequestTimeout:
		p.Code, p.Detail = codeTimeout, s.o.Lang.Say("the body did not come in time", "el cuerpo no llegó a tiempo")
	case http.StatusRequestEntityTooLarge:
		p.Code, p.Detail = string(vaiven.CodeTooLarge), fmt.Sprintf(s.o.Lang.Say(
			"the body is too large: at most %d bytes", "el cuerpo es demasiado grande: como mucho %d bytes"), op.MaxBodyBytes-1)
	case http.StatusUnsupportedMediaType:
		p.Code, p.Hint = "media_type", s.o.Lang.Say("send JSON with the header Content-Type: application/json", "envía JSON con la cabecera Content-Type: application/json")
	case http.StatusNotAcceptable:
		p.Code, p.Detail = "media_type", s.o.Lang.Say("the answer is JSON: Accept: application/json", "la respuesta es JSON: Accept: application/json")
	case http.StatusUnprocessableEntity:
		for _, e := range m.Errors[:min(len(m.Errors), maxFields)] {
			p.Errors = append(p.Errors, api.Field{Location: e.Location, Message: s.wrong(op, e)})
		}
	default:
		p.Code, p.Detail = codeFailed, s.failedText()
	}
	return p, nil
}

// maxFields bounds how many wrong parts of a request are listed.
const maxFields = 20

// unreadable says what is wrong with a body that is none.
func (s *server) unreadable(p *api.Problem, m *huma.ErrorModel) {
	if len(m.Errors) == 0 {
		p.Code, p.Detail = codeNoBody, s.o.Lang.Say("the request has no body", "la petición no tiene cuerpo")
		p.Hint = s.o.Lang.Say("send JSON in it", "envía JSON en él")
		return
	}
	raw, _ := m.Errors[0].Value.(string)
	err := readJSON([]byte(raw), new(any))
	p.Code, p.Detail = string(vaiven.CodeNotJSON), s.o.Lang.Say("the body is not JSON", "el cuerpo no es JSON")
	field := api.Field{Location: "body"}
	var syntax *jsontext.SyntacticError
	var value *strict.SemanticError
	switch {
	case !utf8.ValidString(raw):
		field.Message = s.o.Lang.Say("it is not UTF-8", "no es UTF-8")
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		p.Detail = s.invalidText()
		field.Location += location(syntax.JSONPointer)
		field.Message = s.o.Lang.Say("it is there twice", "está dos veces")
	case errors.As(err, &syntax):
		field.Message = fmt.Sprintf(s.o.Lang.Say(
			"it stops being JSON at byte %d", "deja de ser JSON en el byte %d"), syntax.ByteOffset)
	case errors.As(err, &value):
		p.Code, p.Detail = string(vaiven.CodeOutOfRange), s.invalidText()
		field.Location += location(value.JSONPointer)
		field.Message = s.o.Lang.Say("the number is too large", "el número es demasiado grande")
	default:
		return
	}
	p.Errors = []api.Field{field}
}

// location writes the place of a part as the framework does: .states.LED, [3].
func location(p jsontext.Pointer) string {
	var b strings.Builder
	for step := range p.Tokens() {
		if _, err := strconv.Atoi(step); err == nil {
			b.WriteString("[" + step + "]")
		} else {
			b.WriteString("." + vaiven.Shorten(step))
		}
	}
	return b.String()
}

// wrong says of one part of a request what it should have been.
func (s *server) wrong(op *huma.Operation, e *huma.ErrorDetail) string {
	kind, rest, _ := strings.Cut(e.Location, ".")
	if kind != "body" {
		var names []string
		for _, p := range op.Parameters {
			if p.In == kind && p.Name == rest {
				return s.want(p.Schema, e.Value)
			}
			if p.In == kind {
				names = append(names, p.Name)
			}
		}
		return s.unknown(names)
	}
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return s.o.Lang.Say("this takes no body", "esto no lleva cuerpo")
	}
	schema := s.resolve(op.RequestBody.Content["application/json"].Schema)
	for _, step := range steps(rest) {
		next := s.inside(schema, step)
		if next == nil {
			return s.unknown(fieldsOf(schema))
		}
		schema = next
	}
	return s.want(schema, e.Value)
}

// steps are the names and places of a location: states, [3].
func steps(location string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(location, "[", ".["), func(r rune) bool { return r == '.' })
}

// inside is the schema of a part, nil when there is none.
func (s *server) inside(schema *huma.Schema, step string) *huma.Schema {
	if strings.HasPrefix(step, "[") {
		return s.resolve(schema.Items)
	}
	if p := schema.Properties[step]; p != nil {
		return s.resolve(p)
	}
	any, _ := schema.AdditionalProperties.(*huma.Schema)
	return s.resolve(any)
}

func (s *server) resolve(schema *huma.Schema) *huma.Schema {
	if schema != nil && schema.Ref != "" {
		return s.api.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

func fieldsOf(schema *huma.Schema) (names []string) {
	for name := range schema.Properties {
		if !strings.HasPrefix(name, "$") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *server) unknown(names []string) string {
	if len(names) == 0 {
		return s.o.Lang.Say("there is no such thing here", "aquí no hay tal cosa")
	}
	return s.o.Lang.Say("there is no such thing; there are: ", "no hay tal cosa; hay: ") + strings.Join(names, ", ")
}

// want says what a value should have been.
func (s *server) want(schema *huma.Schema, value any) string {
	say := s.o.Lang.Say
	if given, ok := value.(map[string]any); ok && schema.Type == huma.TypeObject {
		for _, name := range schema.Required {
			if _, there := given[name]; !there {
				return name + say(" is missing", " falta")
			}
		}
		return say("it has too many or too few parts", "tiene partes de más o de menos")
	}
	switch {
	case len(schema.Enum) > 0:
		words := make([]string, len(schema.Enum))
		for i, w := range schema.Enum {
			words[i] = fmt.Sprint(w)
		}
		return say("want one of ", "se espera uno de ") + strings.Join(words, ", ")
	case len(schema.OneOf) > 0: // a state; see api.States
		return say("a state is 1 (on) or 0 (off), without quotes", "un estado es 1 (encendido) o 0 (apagado), sin comillas")
	case schema.Format == "date-time":
		return say("want a time as 2026-11-22T14:03:00Z", "se espera un momento como 2026-11-22T14:03:00Z")
	}
	switch schema.Type {
	case huma.TypeInteger, huma.TypeNumber:
		return say("want a number", "se espera un número") + s.between(schema)
	case huma.TypeBoolean:
		return say("want true or false", "se espera true o false")
	case huma.TypeArray:
		if schema.MaxItems != nil {
			return fmt.Sprintf(say("want a list of at most %d", "se espera una lista de %d como mucho"), *schema.MaxItems)
		}
		return say("want a list", "se espera una lista")
	case huma.TypeString:
		if schema.MaxLength != nil {
			return fmt.Sprintf(say("want a text of at most %d characters", "se espera un texto de %d caracteres como mucho"), *schema.MaxLength)
		}
		return say("want a text", "se espera un texto")
	}
	return say("want an object", "se espera un objeto")
}

func (s *server) between(schema *huma.Schema) string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case schema.Minimum != nil && schema.Maximum != nil:
		return s.o.Lang.Say(" from ", " de ") + number(schema.Minimum) + s.o.Lang.Say(" to ", " a ") + number(schema.Maximum)
	case schema.Minimum != nil:
		return s.o.Lang.Say(" from ", " desde ") + number(schema.Minimum)
	}
	return ""
}
