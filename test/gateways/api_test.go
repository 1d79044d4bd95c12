//go:build suites && linux

package gateways

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"vaiven/test/harness"
)

// request is one to a gateway's HTTP API, which is spoken without any code of
// the product.
type request struct {
	method, path string
	query        url.Values
	header       map[string]string
	body         any
}

// patience is longer than any answer takes.
const patience = 2 * time.Minute

// call makes a request. The error says that there was no answer, or not all of it.
func call(ctx context.Context, s *harness.Server, r request) (status int, text []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return 0, nil, err
		}
		body = bytes.NewReader(b)
	}
	u := "http://" + s.Addr + "/api/v1" + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	harness.Authorize(req)
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err = io.ReadAll(resp.Body)
	return resp.StatusCode, text, err
}

// get requires an answer, and reads it into out.
func get(t *testing.T, s *harness.Server, path string, query url.Values, out any) []byte {
	t.Helper()
	status, text, err := call(t.Context(), s, request{method: http.MethodGet, path: path, query: query})
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%d: %s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, out)
	}
	if err != nil {
		t.Fatalf("GET %s %v at %s: %v", path, query, s.Addr, err)
	}
	return text
}

// event is one event of the log, as GET /events and the live feeds write it.
type event struct {
	raw string

	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Device   string    `json:"device"`
	Boot     string    `json:"boot"`
	Seq      uint64    `json:"seq"`
	Key      string    `json:"key"`
	States   values    `json:"states"`
	Toggle   []string  `json:"toggle"`
	By       string    `json:"by"`
	Deadline time.Time `json:"deadline"`
	If       *uint64   `json:"if_rev"`
	Rev      uint64    `json:"rev"`
	Outcome  string    `json:"outcome"`
	Reason   string    `json:"reason"`
}

// values are states by name.
type values map[string]float64

// UnmarshalJSON keeps the bytes, which are what is compared.
func (e *event) UnmarshalJSON(b []byte) error {
	type fields event
	if err := json.Unmarshal(b, (*fields)(e)); err != nil {
		return err
	}
	e.raw = string(b)
	return nil
}

// page is a stretch of the log.
type page struct {
	Events []event `json:"events"`
	Next   string  `json:"next"`
	More   bool    `json:"more"`
}

// history reads all that q selects, and returns the answers as they came, too.
func history(t *testing.T, s *harness.Server, q url.Values) (all []event, answers []byte) {
	t.Helper()
	own := url.Values{"limit": {"1000"}}
	for k, v := range q {
		own[k] = v
	}
	for p := (page{More: true}); p.More; all = append(all, p.Events...) {
		p = page{}
		answers = append(answers, get(t, s, "/events", own, &p)...)
		own.Set("after", p.Next)
	}
	return all, answers
}

// same requires of every gateway the same log in the same bytes, once the last
// of them has read it, and returns it.
func same(t *testing.T, gateways ...*harness.Server) (all []event) {
	t.Helper()
	harness.Until(t, 4*time.Minute, "the gateways tell the same history", func() bool {
		var first []byte
		all, first = history(t, gateways[0], nil)
		for _, g := range gateways[1:] {
			if _, other := history(t, g, nil); !bytes.Equal(first, other) {
				return false
			}
		}
		return true
	})
	return all
}
