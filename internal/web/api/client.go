// Package api is the Go client of vaiven's HTTP API, and the place where the
// JSON that both sides speak is written down: the server answers with the types
// that the client reads.
//
// It owns no state of the server and no view of the log. A Client may be used
// from several goroutines. Every call takes a context and ends with it; answers
// are read up to a limit. A server that is slow or gone costs its caller what
// the context allows, but for Watch, which comes back by itself.
package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vaiven"
)

// Options configure New.
type Options struct {
	Server string       // where it is, as http://127.0.0.1:8080; a name alone is taken as http://NAME
	Token  string       // that the server is shown, "": none
	HTTP   *http.Client // by default one that follows no redirect
}

// Client asks a vaiven server.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New checks o. It asks nothing yet.
func New(o Options) (*Client, error) {
	server := o.Server
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, fmt.Errorf("server %q: %w", o.Server, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("server %q: want an address as http://127.0.0.1:8080", o.Server)
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	c := &Client{base: u.JoinPath("api", "v1"), token: o.Token}
	own := http.Client{}
	if o.HTTP != nil {
		own = *o.HTTP
	}
	// Nobody else is shown the token, or told what was asked: an answer that leads
	// elsewhere is no answer.
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.http = &own
	return c, nil
}

// maxAnswer bounds an answer that is held in memory.
const maxAnswer = 64 << 20

// call is one request.
type call struct {
	method, path string // the path's parts are escaped already
	query        url.Values
	header       http.Header
	body         any           // nil: none
	within       time.Duration // that the server takes at most beyond the usual
}

// answerTimeout is how long a server may take to answer what does not wait.
const answerTimeout = 30 * time.Second

// do sends a call and reads the answer into out, which may be nil.
func (c *Client) do(ctx context.Context, k call, out any) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout+k.within)
	defer cancel()
	resp, err := c.send(ctx, k)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return resp.StatusCode, problemOf(resp)
	}
	if out == nil || resp.StatusCode == http.StatusNoContent {
		return resp.StatusCode, nil
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = errors.New("answer too long")
	}
	if err == nil {
		err = json.Unmarshal(b, out)
	}
	if err != nil {
		return resp.StatusCode, fmt.Errorf("%s %s: %w", k.method, k.path, err)
	}
	printable(out)
	return resp.StatusCode, nil
}

// send sends a call; the answer's body is the caller's to close.
func (c *Client) send(ctx context.Context, k call) (*http.Response, error) {
	u := *c.base
	u = *u.JoinPath(strings.Split(k.path, "/")...)
	u.RawQuery = k.query.Encode()
	var content io.Reader
	if k.body != nil {
		b, err := json.Marshal(k.body)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", k.method, k.path, err)
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, u.String(), content)
	if err != nil {
		return nil, err
	}
	for name, values := range k.header {
		req.Header[name] = values
	}
	if content != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.http.Do(req)
}

// maxProblem bounds a problem.
const maxProblem = 1 << 20

// CodeWantsTLS is the code of a request without TLS to a port that speaks nothing else.
const CodeWantsTLS = "wants_tls"

// wantsTLS begins what net/http answers there.
var wantsTLS = []byte("Client sent an HTTP request to an HTTPS server")

// problemOf reads a refusal. Whatever else answers than a vaiven server, the
// error is a *Problem with the status all the same.
func problemOf(resp *http.Response) error {
	p := &Problem{}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxProblem))
	if err != nil || media != ProblemType || json.Unmarshal(b, p) != nil {
		*p = Problem{}
		if resp.StatusCode == http.StatusBadRequest && bytes.HasPrefix(b, wantsTLS) {
			p.Code = CodeWantsTLS
		}
	}
	printable(p)
	p.Status = resp.StatusCode
	if p.Title == "" {
		p.Title = http.StatusText(resp.StatusCode)
	}
	return p
}

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

// CodeInvalid is the code of a request of which parts are wrong.
const CodeInvalid = "invalid"

// InvalidProblem says which parts of a request are wrong.
func InvalidProblem(l vaiven.Lang, fields ...Field) *Problem {
	p := NewProblem(http.StatusUnprocessableEntity, CodeInvalid, l.Say("the request is not right", "la petición no está bien"), "")
	p.Errors = fields
	return p
}

// WriteProblem answers with p.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	b, err := json.Marshal(p)
	if err != nil { // a board's message that is no JSON
		p.Messages = nil
		b, _ = json.Marshal(p)
	}
	w.Header().Set("Content-Type", ProblemType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(b, '\n')) // whoever asked may be gone
}
