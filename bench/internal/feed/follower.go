// Package feed follows vaiven's live feeds the way other programs do, over all
// four transports, and checks and times what comes.
//
// It owns the connections, their forced ends, and the proof that every reading
// came once. It does not own the boards (package load), nor when a measurement
// begins. A Follower and a Reader belong to one goroutine each; what may be
// asked meanwhile is said there. A server that says nothing is waited for until
// the context ends; one that ends a connection by itself, or answers anything
// but a feed, ends the follower with an error.
package feed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Transport is a way to follow, as the last part of its path.
type Transport string

// The transports.
const (
	WebSocket Transport = "ws"
	SSE       Transport = "sse"
	NDJSON    Transport = "ndjson"
	Poll      Transport = "poll"
)

// Transports are all of them.
var Transports = []Transport{WebSocket, SSE, NDJSON, Poll}

// Follower is somebody who follows. The fields are set before Run.
type Follower struct {
	Addr      string // of the server
	Transport Transport
	Kind      string // only events of this kind
	// Event is called with each event, a JSON object that is valid during the
	// call. Its error ends Run.
	Event func(event []byte) error
	// Cut is how long a connection lasts until it is reset, whatever is on its
	// way then; the next one resumes behind the last id. 0: for ever. FirstCut
	// is that of the first, so that not all followers are cut together.
	Cut, FirstCut time.Duration
	// Pause is how long a long poller waits between an answer and its next
	// question.
	Pause time.Duration

	last string // id of the last event or position
	cuts int
	in   *bufio.Reader
	body []byte // a poller's last answer
}

// Cuts returns how often the connection was reset; to be asked after Run.
func (f *Follower) Cuts() int { return f.cuts }

// bufferSize holds the largest frame; events are far smaller.
const bufferSize = 32 << 10

// Run follows from behind the id after until ctx is done, which is no error.
func (f *Follower) Run(ctx context.Context, after string) error {
	f.last, f.in = after, bufio.NewReaderSize(nil, bufferSize)
	for lasts := f.FirstCut; ; lasts = f.Cut {
		err := f.connection(ctx, lasts)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("%s follower behind %s: %w", f.Transport, f.last, err)
		}
		f.cuts++
	}
}

// connection follows over one connection; what ends it is never nil.
func (f *Follower) connection(ctx context.Context, lasts time.Duration) error {
	var end time.Time // never
	if f.Cut > 0 {
		end = time.Now().Add(lasts)
	}
	c, err := (&net.Dialer{Deadline: end}).DialContext(ctx, "tcp4", f.Addr)
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_ = c.(*net.TCPConn).SetLinger(0) // Close resets, and leaves no port in TIME_WAIT
	if err := c.SetDeadline(end); err != nil {
		return err
	}
	f.in.Reset(c)
	switch f.Transport {
	case WebSocket:
		return f.webSocket(c)
	case SSE:
		return f.sse(c)
	case NDJSON:
		return f.ndjson(c)
	}
	return f.poll(ctx, c)
}

// ask sends the request for a feed and reads the head of its answer.
func (f *Follower) ask(c net.Conn, want int, headers string) (*http.Response, error) {
	if _, err := c.Write(request(f.Addr, f.Transport, f.query(), headers)); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(f.in, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != want {
		return nil, fmt.Errorf("the server answers %s", resp.Status)
	}
	return resp, nil
}

func (f *Follower) query() string {
	q := "kind=" + f.Kind
	if f.last != "" && f.Transport != SSE { // a browser resumes by header
		q += "&after=" + f.last
	}
	return q
}

func request(addr string, t Transport, query, headers string) []byte {
	return fmt.Appendf(nil, "GET /api/v1/live/%s?%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", t, query, addr, headers)
}

var (
	eventHead    = []byte(`{"id":"`)
	positionHead = []byte(`{"kind":"position","id":"`)
)

// message takes one object of a feed: an event, or a position.
func (f *Follower) message(p []byte) error {
	if rest, ok := bytes.CutPrefix(p, positionHead); ok {
		f.last = upTo(rest, '"')
		return nil
	}
	rest, ok := bytes.CutPrefix(p, eventHead)
	if !ok {
		return fmt.Errorf("the server says %s", p)
	}
	if err := f.Event(p); err != nil {
		return err
	}
	f.last = upTo(rest, '"')
	return nil
}

// upTo returns the text before the byte end.
func upTo(p []byte, end byte) string {
	if i := bytes.IndexByte(p, end); i >= 0 {
		return string(p[:i])
	}
	return ""
}
