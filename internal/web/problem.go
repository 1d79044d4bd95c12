package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
	"vaiven/internal/web/api"
)

// Problem is an error of the API as RFC 9457 has it.
type Problem = api.Problem

// Codes of problems that are no device's.
const (
	codeInvalid       = "invalid"
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

// errNothing is what a part that the server was not given answers.
var errNothing = errors.New("not offered by this server")

// writeProblem answers with p.
func writeProblem(w http.ResponseWriter, p *api.Problem) {
	b, err := json.Marshal(p)
	if err != nil { // a board's message that is no JSON
		p.Messages = nil
		b, _ = json.Marshal(p)
	}
	w.Header().Set("Content-Type", api.ProblemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(b, '\n')) // whoever asked may be gone
}

// fail translates an error of the parts that were asked into the answer. It is
// the one place that does.
func (s *server) fail(err error) error {
	var known *api.Problem
	var refused *vaiven.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.As(err, &refused):
		return s.refused(refused)
	case errors.Is(err, errNothing):
		return api.NewProblem(http.StatusNotFound, codeNotFound,
			s.o.Lang.Say("this server does not offer that", "este servidor no ofrece eso"), "")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return s.later(time.Second)
	}
	s.o.Logger.Error("request not answered", "err", err)
	return api.NewProblem(http.StatusInternalServerError, codeFailed, s.failedText(), "")
}

func (s *server) failedText() string {
	return s.o.Lang.Say("the server could not do it: its log says why", "el servidor no pudo hacerlo: su registro dice por qué")
}

// later says that the log takes nothing now.
func (s *server) later(retry time.Duration) error {
	p := api.NewProblem(http.StatusServiceUnavailable, string(vaiven.CodeBusy),
		s.o.Lang.Say("the log takes nothing now", "el registro no acepta nada ahora"),
		s.o.Lang.Say("try again in a moment", "inténtalo otra vez en un momento"))
	return retryAfter(p, retry)
}

// retryAfter adds how long to wait, for machines and for proxies.
func retryAfter(p *api.Problem, d time.Duration) error {
	if d <= 0 {
		d = time.Second
	}
	p.RetryMS = d.Milliseconds()
	seconds := strconv.Itoa(int(math.Ceil(d.Seconds())))
	return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {seconds}})
}

// refused is the answer to a refusal of the domain.
func (s *server) refused(e *vaiven.Error) error {
	p := api.NewProblem(refusalStatus(e.Code), string(e.Code), s.o.Explain(e), "")
	switch e.Code {
	case vaiven.CodeBusy:
		return s.later(e.Retry)
	case vaiven.CodeTooFast:
		return retryAfter(p, e.Retry)
	case vaiven.CodeMissingDevice, vaiven.CodeBadDevice:
		p.Hint = s.idHint()
	}
	return p
}

func (s *server) idHint() string {
	return s.o.Lang.Say("an id is a number as 101, or letters, digits, . _ -", "un id es un número como 101, o letras, cifras, . _ -")
}

func (s *server) badDevice(id string) string {
	return fmt.Sprintf(s.o.Lang.Say("%q cannot be a device's id", "%q no puede ser el id de un dispositivo"), vaiven.Shorten(id))
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
	case vaiven.CodeNotApproved:
		return http.StatusForbidden
	}
	return http.StatusUnprocessableEntity
}

// invalid refuses a part of the request.
func (s *server) invalid(location, message string) *api.Problem {
	p := api.NewProblem(http.StatusUnprocessableEntity, codeInvalid, s.invalidText(), "")
	p.Errors = []api.Field{{Location: location, Message: message}}
	return p
}

// badCursor refuses a cursor that no page has given.
func (s *server) badCursor() *api.Problem {
	return s.invalid("query.cursor", s.o.Lang.Say("this is no next of a page with the same sort", "no es el next de una página con el mismo orden"))
}

func (s *server) invalidText() string {
	return s.o.Lang.Say("the request is not right", "la petición no está bien")
}

// device reads the id of a path.
func (s *server) device(id string) (vaiven.Device, error) {
	d, err := vaiven.ParseDevice(id)
	if err != nil {
		return "", api.NewProblem(http.StatusBadRequest, string(vaiven.CodeBadDevice), s.badDevice(id), s.idHint())
	}
	return d, nil
}

func (s *server) unknownDevice(d vaiven.Device) *api.Problem {
	return api.NewProblem(http.StatusNotFound, codeUnknownDevice,
		s.o.Lang.Say("no device "+string(d)+" is known", "no se conoce ningún dispositivo "+string(d)),
		s.o.Lang.Say("GET /api/v1/devices lists those that are", "GET /api/v1/devices dice cuáles hay"))
}
