//go:build suites && linux

package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"vaiven/test/harness"
)

// api is the HTTP API of the server, spoken without any code of the product.
type api struct {
	addr string
	http http.Client
}

func newAPI(addr string) *api {
	return &api{addr: addr, http: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Second}}}
}

// request is one of them.
type request struct {
	method, path string
	query        url.Values
	header       map[string]string
	body         any
}

// errNotNow says that the server was there, and asks to come again.
var errNotNow = errors.New("503")

// call makes a request; the answer's JSON goes into out. The status is 0 when
// there was no answer.
func (a *api) call(ctx context.Context, r request, out any) (status int, err error) {
	var body io.Reader
	if r.body != nil {
		b, err := json.Marshal(r.body)
		if err != nil {
			return 0, err
		}
		body = bytes.NewReader(b)
	}
	u := "http://" + a.addr + "/api/v1" + r.path
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	harness.Authorize(req)
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return 0, err // the answer broke off: it is lost
	case resp.StatusCode == http.StatusServiceUnavailable:
		return resp.StatusCode, fmt.Errorf("%w: %s", errNotNow, text)
	case out == nil || resp.StatusCode >= 300 && resp.StatusCode != http.StatusPreconditionFailed:
		return resp.StatusCode, nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return resp.StatusCode, fmt.Errorf("%s %s: %d: %w in %s", r.method, u, resp.StatusCode, err, text)
	}
	return resp.StatusCode, nil
}

// stated is the answer of GET /devices/{id}/state.
type stated struct {
	Rev     uint64            `json:"rev"`
	Desired values            `json:"desired"`
	Open    []json.RawMessage `json:"open"`

	Reported []struct {
		Name  string  `json:"name"`
		Value float64 `json:"value"`
	} `json:"reported"`
}

// reported returns what the board says that it is.
func (s *stated) reported() values {
	v := values{}
	for _, x := range s.Reported {
		v[x.Name] = x.Value
	}
	return v
}

func (a *api) state(ctx context.Context, device string) (s stated, err error) {
	status, err := a.call(ctx, request{method: http.MethodGet, path: "/devices/" + device + "/state"}, &s)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET state of %s: %d", device, status)
	}
	return s, err
}

// page is a stretch of the log, from /events and from /live/poll.
type page struct {
	Events []event `json:"events"`
	Next   string  `json:"next"`
	More   bool    `json:"more"`
}

// kinds are the events that the check is about.
const kinds = "change,sent,change_end,report,hello"

// events reads the log from its beginning.
func (a *api) events(ctx context.Context) (all []event, err error) {
	for p := (page{Next: "0", More: true}); p.More; all = append(all, p.Events...) {
		q := url.Values{"after": {p.Next}, "limit": {"1000"}, "kind": {kinds}}
		p = page{}
		status, err := a.call(ctx, request{method: http.MethodGet, path: "/events", query: q}, &p)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("GET events: %d", status)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// poll asks the live feed for what is behind an id.
func (a *api) poll(ctx context.Context, after string, wait time.Duration) (p page, err error) {
	q := url.Values{"after": {after}, "wait": {wait.String()}, "kind": {kinds}}
	status, err := a.call(ctx, request{method: http.MethodGet, path: "/live/poll", query: q}, &p)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("poll after %s: %d", after, status)
	}
	return p, err
}
