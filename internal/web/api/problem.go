package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Problem is an error of the API, as RFC 9457 has it, and the error that the
// client's methods return when the server refused.
type Problem struct {
	Title    string            `json:"title" doc:"The status in words" example:"Not Found"`
	Status   int               `json:"status" doc:"The HTTP status" example:"404"`
	Detail   string            `json:"detail,omitempty" doc:"What was wrong, in the server's language"`
	Code     string            `json:"code,omitempty" doc:"The same for a machine" example:"unknown_device"`
	Hint     string            `json:"hint,omitempty" doc:"What to try"`
	Errors   []Field           `json:"errors,omitempty" nullable:"false" doc:"Parts of the request that were wrong"`
	Rev      *uint64           `json:"rev,omitempty" doc:"With code rev: the device's REV now"`
	States   []string          `json:"states,omitempty" nullable:"false" doc:"With code unknown_state: the states known"`
	RetryMS  int64             `json:"retry_ms,omitempty" doc:"How long to wait before asking again, in ms"`
	Messages []json.RawMessage `json:"messages,omitempty" nullable:"false" doc:"For a board: what the server would have sent over a WebSocket"`
}

// Field is a part of a request that was wrong.
type Field struct {
	Location string `json:"location,omitempty" doc:"As body.states or query.limit" example:"query.limit"`
	Message  string `json:"message"`
}

// Error is the detail, with the hint.
func (p *Problem) Error() string {
	text := p.Detail
	if text == "" {
		text = fmt.Sprintf("%d %s", p.Status, p.Title)
	}
	for _, f := range p.Errors {
		text += fmt.Sprintf("; %s: %s", f.Location, f.Message)
	}
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is the media type of a problem.
func (p *Problem) ContentType(string) string { return ProblemType }

// ProblemType is the media type of RFC 9457.
const ProblemType = "application/problem+json"

// Retry is how long to wait before asking again, 0 when the server did not say.
func (p *Problem) Retry() time.Duration { return time.Duration(p.RetryMS) * time.Millisecond }

// NewProblem returns a problem with the status' own title.
func NewProblem(status int, code, detail, hint string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Hint: hint}
}
