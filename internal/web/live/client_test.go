package live

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// message is what a client was sent: an event, a position or a bye.
type message struct {
	id, kind, raw string
}

// line is one connection of a client. A poller's is one of many requests.
type line interface {
	// next returns the next message; io.EOF at the stream's end.
	next() (message, error)
	cut() // without a word
}

// refusal is an answer that is not a stream.
type refusal struct {
	status int
	header http.Header
	body   string
}

func (r *refusal) Error() string { return fmt.Sprint(r.status, " ", r.body) }

// connect follows as a client of the transport does; params is the query.
func (r *rig) connect(t Transport, after, params string) (line, error) {
	if after != "" {
		params += "&after=" + after
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	url := r.url + t.String() + "?" + params
	switch t {
	case WebSocket:
		c, resp, err := websocket.Dial(ctx, url, &websocket.DialOptions{HTTPClient: r.http})
		if err != nil {
			cancel()
			return nil, asRefusal(resp, err)
		}
		c.SetReadLimit(-1)
		return &wsLine{c, ctx, cancel}, nil
	case Poll:
		return &pollLine{r: r, ctx: ctx, stop: cancel, params: params}, nil
	}
	resp, err := r.get(ctx, url, "")
	if err != nil {
		cancel()
		return nil, err
	}
	return &httpLine{resp.Body, bufio.NewReaderSize(resp.Body, 4<<10), t == SSE, cancel}, nil
}

// get returns a refusal for everything but 200.
func (r *rig) get(ctx context.Context, url, last string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := r.http.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = asRefusal(resp, errors.New(resp.Status))
		_ = resp.Body.Close()
	}
	return resp, err
}

func asRefusal(resp *http.Response, err error) error {
	if resp == nil {
		return err
	}
	body, _ := io.ReadAll(resp.Body)
	return &refusal{resp.StatusCode, resp.Header, string(body)}
}

// parse reads the members that tests look at; a JSON parser would be most of
// what a test with very many events does.
func parseMessage(p []byte) message {
	cutOut := func(name string) string {
		_, rest, _ := bytes.Cut(p, []byte(`"`+name+`":"`))
		value, _, _ := bytes.Cut(rest, []byte(`"`))
		return string(value)
	}
	return message{cutOut("id"), cutOut("kind"), string(p)}
}

type wsLine struct {
	c    *websocket.Conn
	ctx  context.Context
	stop func()
}

func (l *wsLine) next() (message, error) {
	_, p, err := l.c.Read(l.ctx)
	if err != nil {
		return message{}, err
	}
	return parseMessage(p), nil
}

func (l *wsLine) cut() {
	_ = l.c.CloseNow()
	l.stop()
}

// httpLine reads NDJSON and Server-Sent Events.
type httpLine struct {
	body io.Closer
	in   *bufio.Reader
	sse  bool
	stop func()
}

func (l *httpLine) next() (message, error) {
	if !l.sse {
		p, err := l.in.ReadBytes('\n')
		return parseMessage(p), err
	}
	for {
		m, err := l.block()
		if err != nil || m.kind != "" {
			return m, err
		}
	}
}

// block reads up to an empty line; an id without data is a position.
func (l *httpLine) block() (m message, err error) {
	for {
		p, err := l.in.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(p, "\n"), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.kind = value
		case "data":
			m.raw = value
			if inner := parseMessage([]byte(value)); inner.id != m.id || inner.kind != m.kind {
				return m, fmt.Errorf("id %s, event %s, data %s", m.id, m.kind, value)
			}
		case "":
			if value == "" && m.raw == "" && m.id != "" {
				m.kind = "position"
			}
			if value == "" {
				return m, nil
			}
		}
	}
}

func (l *httpLine) cut() {
	l.stop()
	_ = l.body.Close()
}

// pollLine polls when it has nothing left.
type pollLine struct {
	r      *rig
	ctx    context.Context
	stop   func()
	params string
	at     string // what to ask next for
	left   []message
}

func (l *pollLine) next() (message, error) {
	for len(l.left) == 0 {
		url := l.r.url + "poll?" + l.params
		if l.at != "" {
			q, _, _ := strings.Cut(l.params, "&after=")
			url = l.r.url + "poll?" + q + "&after=" + l.at
		}
		resp, err := l.r.get(l.ctx, url, "")
		if err != nil {
			return message{}, err
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return message{}, err
		}
		var answer struct {
			Events []json.RawMessage
			Next   string
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			return message{}, err
		}
		for _, raw := range answer.Events {
			l.left = append(l.left, parseMessage(raw))
		}
		l.left = append(l.left, message{answer.Next, "position", ""})
		l.at = answer.Next
	}
	m := l.left[0]
	l.left = l.left[1:]
	return m, nil
}

func (l *pollLine) cut() { l.stop() }

// settle lets the first position come, so that what is appended afterwards
// counts as from now on; a poller is told it without waiting.
func (r *rig) now(t failer, tr Transport, params string) line {
	t.Helper()
	if tr == Poll {
		l, _ := r.connect(Poll, "", params+"&wait=0")
		m, err := l.next()
		if err != nil {
			t.Fatalf("%v", err)
		}
		l.cut()
		l, _ = r.connect(Poll, m.id, params)
		return l
	}
	l, err := r.connect(tr, "", params)
	if err != nil {
		t.Fatalf("%s: %v", tr, err)
	}
	if m, err := l.next(); err != nil || m.kind != "position" {
		t.Fatalf("%s: first %v, %v", tr, m, err)
	}
	return l
}

// collect reads so many events and returns their ids.
func collect(t failer, l line, n int) []string {
	t.Helper()
	ids := []string{}
	for end := time.Now().Add(patience); len(ids) < n; {
		m, err := l.next()
		if err != nil {
			t.Fatalf("after %d of %d events: %v", len(ids), n, err)
		}
		if m.kind != "position" {
			ids = append(ids, m.id)
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d events in %s", len(ids), n, patience)
		}
	}
	return ids
}
