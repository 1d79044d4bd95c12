package transports

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/coder/websocket"
)

// maxEvent bounds an event, in bytes.
const maxEvent = 64 << 10

// followWebSocket reads messages. The feed's first is its position: from there
// on nothing is missed.
func followWebSocket(ctx context.Context, f *follower) error {
	client := f.client()
	defer client.CloseIdleConnections()
	dial, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	conn, _, err := websocket.Dial(dial, f.url("/api/v1/live/ws?kind=reading"), &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		return err
	}
	defer func() { _ = conn.CloseNow() }() // there is nothing left to lose
	conn.SetReadLimit(maxEvent)
	for !f.complete() {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		n, err := readEvent(text)
		if err != nil {
			return err
		}
		f.started()
		f.note(n)
	}
	return nil
}

// followNDJSON reads lines, of which each is an event.
func followNDJSON(ctx context.Context, f *follower) error {
	return f.stream(ctx, "/api/v1/live/ndjson?kind=reading", func(line []byte) error {
		n, err := readEvent(line)
		f.started()
		f.note(n)
		return err
	})
}

// followSSE reads an event stream (WHATWG HTML, section 9.2). The feed writes
// an event's data on one line, and comments besides.
func followSSE(ctx context.Context, f *follower) error {
	return f.stream(ctx, "/api/v1/live/sse?kind=reading", func(line []byte) error {
		f.started()
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			return nil
		}
		n, err := readEvent(data)
		f.note(n)
		return err
	})
}

// stream hands over the lines of an answer that does not end.
func (f *follower) stream(ctx context.Context, path string, line func([]byte) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := f.client()
	defer client.CloseIdleConnections()
	r, err := f.get(ctx, client, path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(make([]byte, 4<<10), maxEvent)
	for !f.complete() {
		if !lines.Scan() {
			return errors.Join(lines.Err(), io.ErrUnexpectedEOF)
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := line(lines.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// get asks, and requires 200. The caller closes the body.
func (f *follower) get(ctx context.Context, client *http.Client, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url(path), nil)
	if err != nil {
		return nil, err
	}
	r, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		defer r.Body.Close()
		return nil, refusal(r)
	}
	return r, nil
}
