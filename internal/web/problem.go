package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	strict "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"vaiven"
	"vaiven/internal/web/api"
)

// Codes of problems that are no device's.
const (
	codeNotFound      = "not_found"
	codeUnknownDevice = "unknown_device"
	codeUnknownState  = "unknown_state"
	codeConnected     = "connected"
	codeNoSessions    = "no_sessions"
	codeNotNow        = "not_now"
	codeNoBody        = "no_body"
	codeTimeout       = "timeout"
	codeFailed        = "failed" // on the server's side
)

// errNotOffered is what a part that the server was not given answers.
var errNotOffered = errors.New("not offered by this server")

// fail translates an error of the parts that were asked into the answer. It is
// the one place that does.
func (s *server) fail(err error) error {
	var known *api.Problem
	var refused *vaiven.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &refused):
		return s.refusalProblem(refused)
	case errors.Is(err, errNotOffered):
		return api.NewProblem(http.StatusNotFound, codeNotFound,
			s.o.Lang.Say("this server does not offer that", "este servidor no ofrece eso"), "")
	case errors.Is(err, errNoHistory):
		return noHistory(s.o.Lang)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return s.busyProblem(time.Second)
	}
	s.o.Logger.Error("request not answered", "err", err)
	return api.NewProblem(http.StatusInternalServerError, codeFailed, s.failedText(), "")
}

func (s *server) failedText() string {
	return s.o.Lang.Say("the server could not do it: its log says why", "el servidor no pudo hacerlo: su registro dice por qué")
}

// busyProblem says that the log takes nothing now.
func (s *server) busyProblem(retry time.Duration) error {
	p := api.NewProblem(http.StatusServiceUnavailable, string(vaiven.CodeBusy),
		s.o.Lang.Say("the log takes nothing now", "el registro no acepta nada ahora"),
		s.o.Lang.Say("try again in a moment", "inténtalo otra vez en un momento"))
	return withRetryAfter(p, retry)
}

// lateProblem is the answer to what did not get its turn, or no answer, in time: text and
// hint say what was busy. Other errors are answered as always.
func (s *server) lateProblem(err error, retry time.Duration, text, hint string) error {
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return s.fail(err)
	}
	return withRetryAfter(api.NewProblem(http.StatusServiceUnavailable, string(vaiven.CodeBusy), text, hint), retry)
}

// readingFailed is the answer to a question about the past that came to nothing.
func (s *server) readingFailed(err error) error {
	return s.lateProblem(err, time.Second,
		s.o.Lang.Say("too much is being read just now, or this takes too long", "ahora mismo se está leyendo demasiado, o esto tarda demasiado"),
		s.o.Lang.Say("try again in a moment, or ask for less", "inténtalo otra vez en un momento, o pide menos"))
}

// tableFailed is the answer to a look at the whole table of devices that came to nothing.
func (s *server) tableFailed(err error) error {
	return s.lateProblem(err, time.Second,
		s.o.Lang.Say("too many are reading the table of devices just now", "ahora mismo demasiados leen la tabla de dispositivos"),
		s.o.Lang.Say("try again in a moment", "inténtalo otra vez en un momento"))
}

// backupBusy says that a backup is being written.
func (s *server) backupBusy() error {
	p := api.NewProblem(http.StatusServiceUnavailable, string(vaiven.CodeBusy),
		s.o.Lang.Say("a backup is being written just now", "ahora mismo se está haciendo otra copia de seguridad"),
		s.o.Lang.Say("try again when it is done", "inténtalo otra vez cuando termine"))
	return withRetryAfter(p, backupRetry)
}

// exportsBusy says that an export did not get its turn.
func (s *server) exportsBusy(err error) error {
	return s.lateProblem(err, backupRetry,
		s.o.Lang.Say("other exports are being written just now", "ahora mismo se están escribiendo otras exportaciones"),
		s.o.Lang.Say("try again when one is done; an address gets one at a time", "inténtalo otra vez cuando termine alguna; cada dirección recibe una a la vez"))
}

// downloadsBusy says that a CSV file did not get its turn.
func (s *server) downloadsBusy(err error) error {
	return s.lateProblem(err, backupRetry,
		s.o.Lang.Say("many CSV files are on their way just now", "ahora mismo se están enviando muchos archivos CSV"),
		fmt.Sprintf(s.o.Lang.Say("try again when one is there; an address gets %d at a time", "inténtalo otra vez cuando llegue alguno; cada dirección recibe %d a la vez"), maxDownloadingEach))
}

// withRetryAfter adds how long to wait, for machines and for proxies.
func withRetryAfter(p *api.Problem, d time.Duration) error {
	if d <= 0 {
		d = time.Second
	}
	p.RetryMS = d.Milliseconds()
	seconds := strconv.Itoa(int(math.Ceil(d.Seconds())))
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {seconds}})
}

// refusalProblem is the answer to a refusal of the domain.
func (s *server) refusalProblem(e *vaiven.Error) error {
	p := api.NewProblem(refusalStatus(e.Code), string(e.Code), s.o.Explain(e), "")
	switch e.Code {
	case vaiven.CodeBusy:
		return s.busyProblem(e.Retry)
	case vaiven.CodeTooFast:
		return withRetryAfter(p, e.Retry)
	case vaiven.CodeMissingDevice, vaiven.CodeBadDevice:
		p.Hint = s.idHint()
	}
	return p
}

func (s *server) idHint() string {
	return s.o.Lang.Say("an id is a number as 101, or letters, digits, . _ -", "un id es un número como 101, o letras, cifras, . _ -")
}

// refusalStatus is the HTTP status of a refusal.
func refusalStatus(c vaiven.Code) int {
	switch c {
	case vaiven.CodeNotJSON, vaiven.CodeMissingDevice, vaiven.CodeBadDevice:
		return http.StatusBadRequest
	case vaiven.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case vaiven.CodeTooFast:
		return http.StatusTooManyRequests
	case vaiven.CodeBusy:
		return http.StatusServiceUnavailable
	case vaiven.CodeDeviceInUse, vaiven.CodeBadBoot:
		return http.StatusConflict
	case vaiven.CodeBadToken, vaiven.CodeNotAuthorised:
		return http.StatusUnauthorized
	case vaiven.CodeNotApproved:
		return http.StatusForbidden
	}
	return http.StatusUnprocessableEntity
}

// invalid refuses a part of the request.
func (s *server) invalid(location, message string) *api.Problem {
	return api.InvalidProblem(s.o.Lang, api.Field{Location: location, Message: message})
}

// badCursor refuses a cursor that no page has given.
func (s *server) badCursor() *api.Problem {
	return s.invalid("query.cursor", s.o.Lang.Say("this is no next of a page with the same sort", "no es el next de una página con el mismo orden"))
}

// parseDevice reads the id of a path.
func (s *server) parseDevice(id string) (vaiven.Device, error) {
	d, err := vaiven.ParseDevice(id)
	if err != nil {
		return "", api.NewProblem(http.StatusBadRequest, string(vaiven.CodeBadDevice), fmt.Sprintf(
			s.o.Lang.Say("%q cannot be a device's id", "%q no puede ser el id de un dispositivo"), vaiven.Shorten(id)), s.idHint())
	}
	return d, nil
}

func (s *server) unknownDevice(d vaiven.Device) *api.Problem {
	return api.NewProblem(http.StatusNotFound, codeUnknownDevice,
		s.o.Lang.Say("no device "+string(d)+" is known", "no se conoce ningún dispositivo "+string(d)),
		s.o.Lang.Say("GET /api/v1/devices lists those that are", "GET /api/v1/devices dice cuáles hay"))
}

// problems makes the framework's own errors, of requests that it found wrong,
// problems like all others. Its texts are English, for its own readers: the words
// come from the status, and from what the document says of the part that is wrong.
func (s *server) problems(ctx huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	op := ctx.Operation()
	p := api.InvalidProblem(s.o.Lang)
	p.Status, p.Title = m.Status, http.StatusText(m.Status)
	switch m.Status {
	case http.StatusBadRequest:
		s.describeUnreadable(p, m)
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
			p.Errors = append(p.Errors, api.Field{Location: e.Location, Message: s.describeInvalid(op, e)})
		}
	default:
		p.Code, p.Detail = codeFailed, s.failedText()
	}
	return p, nil
}

// maxFields bounds how many wrong parts of a request are listed.
const maxFields = 20

// describeUnreadable says what is wrong with a body that is none.
func (s *server) describeUnreadable(p *api.Problem, m *huma.ErrorModel) {
	if len(m.Errors) == 0 {
		p.Code, p.Detail = codeNoBody, s.o.Lang.Say("the request has no body", "la petición no tiene cuerpo")
		p.Hint = s.o.Lang.Say("send JSON in it", "envía JSON en él")
		return
	}
	raw, _ := m.Errors[0].Value.(string)
	err := readJSON([]byte(raw), new(any))
	notJSON := func(message string) *api.Field {
		p.Code, p.Detail = string(vaiven.CodeNotJSON), s.o.Lang.Say("the body is not JSON", "el cuerpo no es JSON")
		return &api.Field{Location: "body", Message: message}
	}
	var field *api.Field
	var syntax *jsontext.SyntacticError
	var value *strict.SemanticError
	switch {
	case !utf8.ValidString(raw):
		field = notJSON(s.o.Lang.Say("it is not UTF-8", "no es UTF-8"))
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		field = &api.Field{Location: "body" + location(syntax.JSONPointer), Message: s.o.Lang.Say("it is there twice", "está dos veces")}
		p.Code = string(vaiven.CodeNotJSON)
	case errors.As(err, &syntax):
		field = notJSON(fmt.Sprintf(s.o.Lang.Say(
			"it stops being JSON at byte %d", "deja de ser JSON en el byte %d"), syntax.ByteOffset))
	case errors.As(err, &value):
		p.Code = string(vaiven.CodeOutOfRange)
		field = &api.Field{Location: "body" + location(value.JSONPointer), Message: s.o.Lang.Say("the number is too large", "el número es demasiado grande")}
	default:
		notJSON("")
		return
	}
	p.Errors = []api.Field{*field}
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

// describeInvalid says of one part of a request what it should have been.
func (s *server) describeInvalid(op *huma.Operation, e *huma.ErrorDetail) string {
	kind, rest, _ := strings.Cut(e.Location, ".")
	if kind != "body" {
		var names []string
		for _, p := range op.Parameters {
			if p.In == kind && p.Name == rest {
				return s.describeExpected(p.Schema, e.Value)
			}
			if p.In == kind {
				names = append(names, p.Name)
			}
		}
		return s.describeUnknown(names)
	}
	if op.RequestBody == nil || op.RequestBody.Content["application/json"] == nil {
		return s.o.Lang.Say("this takes no body", "esto no lleva cuerpo")
	}
	schema := s.resolve(op.RequestBody.Content["application/json"].Schema)
	for _, step := range strings.FieldsFunc(strings.ReplaceAll(rest, "[", ".["), func(r rune) bool { return r == '.' }) { // states, [3]
		next := s.schemaOf(schema, step)
		if next == nil {
			return s.describeUnknown(fieldsOf(schema))
		}
		schema = next
	}
	return s.describeExpected(schema, e.Value)
}

// schemaOf is the schema of a part, nil when there is none.
func (s *server) schemaOf(schema *huma.Schema, step string) *huma.Schema {
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

func (s *server) describeUnknown(names []string) string {
	if len(names) == 0 {
		return s.o.Lang.Say("there is no such thing here", "aquí no hay tal cosa")
	}
	return s.o.Lang.Say("there is no such thing; there are: ", "no hay tal cosa; hay: ") + strings.Join(names, ", ")
}

// describeExpected says what a value should have been.
func (s *server) describeExpected(schema *huma.Schema, value any) string {
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
		return say("want a number", "se espera un número") + s.describeRange(schema)
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

func (s *server) describeRange(schema *huma.Schema) string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case schema.Minimum != nil && schema.Maximum != nil:
		return s.o.Lang.Say(" from ", " de ") + number(schema.Minimum) + s.o.Lang.Say(" to ", " a ") + number(schema.Maximum)
	case schema.Minimum != nil:
		return s.o.Lang.Say(" from ", " desde ") + number(schema.Minimum)
	}
	return ""
}
