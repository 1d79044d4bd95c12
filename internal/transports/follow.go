package transports

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Task is what a process with followers does.
type Task struct {
	Transport Transport     `json:"transport"`
	Addr      string        `json:"addr"` // of the server or the broker, HOST:PORT
	Readings  int           `json:"readings"`
	Followers int           `json:"followers"`
	Poll      time.Duration `json:"poll"`
}

// Deadlines of a follower.
const (
	stepTime = 10 * time.Second // for a connection, a handshake, an answer
	waitTime = 30 * time.Second // that the server may think about a long poll
	graceful = 3 * time.Second  // beyond Task.Poll, for what is still on its way when all was sent
)

// Bounds of what a follower reads, in bytes.
const (
	maxEvent  = 64 << 10
	maxAnswer = 8 << 20
)

// ready is the line that a process writes when all its followers follow.
const ready = "ready"

// notes are what one follower has noted, as its process hands them on.
type notes struct {
	Arrived    []int64 `json:"arrived"` // Unix ns of each reading's arrival, 0: it was missed
	Duplicates int     `json:"duplicates"`
	In         int64   `json:"in"` // bytes
	Out        int64   `json:"out"`
	Requests   int64   `json:"requests"`
	Problem    string  `json:"problem,omitempty"`
}

// followBy is how one follower follows until it is complete or ctx is done.
var followBy = map[Transport]func(ctx context.Context, f *follower) error{
	WebSocket: followWebSocket,
	SSE:       followSSE,
	NDJSON:    followNDJSON,
	LongPoll:  followLongPoll,
	Poll:      pollEvents,
	Values:    pollValues,
	MQTT:      followMQTT,
	none:      followNothing,
}

// Follow follows with the task's transport, writes "ready" as soon as all its
// followers follow, and what they noted when each has the last reading; or a
// while after sent was closed, which says that all readings were sent.
func Follow(ctx context.Context, task Task, sent <-chan struct{}, out io.Writer) error {
	follow, ok := followBy[task.Transport]
	if !ok || task.Readings < 1 || task.Readings > maxReadings || task.Followers < 1 || task.Followers > maxFollowers || task.Poll <= 0 {
		return fmt.Errorf("transports: not a task: %+v", task)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var expiring sync.WaitGroup
	defer expiring.Wait()
	finished := make(chan struct{})
	defer close(finished)
	expiring.Go(func() { expire(task, sent, finished, cancel) })

	noted := make([]*notes, task.Followers)
	var all, started sync.WaitGroup
	started.Add(task.Followers)
	for i := range noted {
		f := &follower{task: task, started: sync.OnceFunc(started.Done)}
		f.notes.Arrived = make([]int64, task.Readings)
		noted[i] = &f.notes
		all.Go(func() {
			defer f.started()
			err := follow(ctx, f)
			if err != nil && ctx.Err() == nil {
				f.notes.Problem = err.Error()
			}
			f.notes.In, f.notes.Out, f.notes.Requests = f.in.Load(), f.out.Load(), f.requests.Load()
		})
	}
	started.Wait()
	fmt.Fprintln(out, ready)
	all.Wait()
	return json.NewEncoder(out).Encode(noted)
}

// expire ends the followers a while after everything was sent.
func expire(task Task, sent, finished <-chan struct{}, cancel func()) {
	select {
	case <-sent:
	case <-finished:
		return
	}
	limit := task.Poll + graceful
	if task.Transport == none {
		limit = 0
	}
	select {
	case <-time.After(limit):
	case <-finished:
	}
	cancel()
}

// follower notes when readings arrive. One goroutine uses it.
type follower struct {
	task Task
	traffic
	notes   notes
	started func() // to be called once it follows
}

// note says that reading n is here; 0 is nothing.
func (f *follower) note(n int) {
	switch {
	case n < 1 || n > len(f.notes.Arrived): // not of this stream
	case f.notes.Arrived[n-1] != 0:
		f.notes.Duplicates++
	default:
		f.notes.Arrived[n-1] = time.Now().UnixNano()
	}
}

// noteEvent notes the reading that an event is.
func (f *follower) noteEvent(text []byte) error {
	n, err := readEvent(text)
	f.note(n)
	return err
}

// complete reports whether the last reading has come: nothing comes after it.
func (f *follower) complete() bool { return f.notes.Arrived[len(f.notes.Arrived)-1] != 0 }

// followNothing is there while the others would be: what its process uses, the
// others use as well.
func followNothing(ctx context.Context, f *follower) error {
	f.started()
	<-ctx.Done()
	return nil
}

// followWebSocket reads messages. The feed's first is its position: from there
// on nothing is missed.
func followWebSocket(ctx context.Context, f *follower) error {
	client := f.client()
	defer client.CloseIdleConnections()
	dial, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	conn, _, err := websocket.Dial(dial, "http://"+f.task.Addr+"/api/v1/live/ws?kind=reading", &websocket.DialOptions{HTTPClient: client})
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
		f.started()
		if err := f.noteEvent(text); err != nil {
			return err
		}
	}
	return nil
}

// followNDJSON reads lines, of which each is an event.
func followNDJSON(ctx context.Context, f *follower) error {
	return f.readLines(ctx, "/api/v1/live/ndjson?kind=reading", f.noteEvent)
}

// followSSE reads an event stream (WHATWG HTML, section 9.2). The feed writes
// an event's data on one line, and comments besides.
func followSSE(ctx context.Context, f *follower) error {
	return f.readLines(ctx, "/api/v1/live/sse?kind=reading", func(line []byte) error {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
			return f.noteEvent(data)
		}
		return nil
	})
}

// readLines hands over the lines of an answer that does not end.
func (f *follower) readLines(ctx context.Context, path string, line func([]byte) error) error {
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
		f.started()
		if err := line(lines.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// page is what both kinds of polling the events answer.
type page struct {
	Events []event `json:"events"`
	Next   string  `json:"next"`
	More   bool    `json:"more"`
}

// readPage asks for a page and notes what is in it.
func (f *follower) readPage(ctx context.Context, client *http.Client, path string, within time.Duration) (p page, err error) {
	if err = f.ask(ctx, client, path, within, &p); err == nil {
		for _, e := range p.Events {
			f.note(e.number())
		}
	}
	return p, err
}

// followLongPoll asks for what comes next, again and again; the server answers
// when there is something.
func followLongPoll(ctx context.Context, f *follower) error {
	client := f.client()
	defer client.CloseIdleConnections()
	wait, next := time.Duration(0), "0"
	for !f.complete() {
		p, err := f.readPage(ctx, client, fmt.Sprintf("/api/v1/live/poll?kind=reading&after=%s&wait=%s", next, wait), wait+stepTime)
		if err != nil {
			return err
		}
		f.started() // the first answer says where the log ends, and what comes is behind that
		wait, next = waitTime, p.Next
	}
	return nil
}

// pollEvents asks for what is new, every Task.Poll: nothing is missed, and
// nothing comes sooner.
func pollEvents(ctx context.Context, f *follower) error {
	next := "0"
	return f.every(ctx, func(client *http.Client) error {
		for {
			p, err := f.readPage(ctx, client, "/api/v1/events?kind=reading&limit=1000&after="+next, stepTime)
			if err != nil {
				return err
			}
			if next = p.Next; !p.More {
				return nil
			}
		}
	})
}

// pollValues asks for the latest values, every Task.Poll: what came and was
// overwritten in between is missed.
func pollValues(ctx context.Context, f *follower) error {
	last := 0
	return f.every(ctx, func(client *http.Client) error {
		var v struct {
			Values []struct {
				Name  string  `json:"name"`
				Value float64 `json:"value"`
			} `json:"values"`
		}
		err := f.ask(ctx, client, "/api/v1/devices/"+device+"/values", stepTime, &v)
		var refused *refusedError
		if errors.As(err, &refused) && refused.code == http.StatusNotFound {
			return nil // the board has not been heard of yet
		}
		for _, v := range v.Values {
			if n := numberOf(v.Value); v.Name == "TEMP" && n != last { // that it is still there is no news
				last = n
				f.note(n)
			}
		}
		return err
	})
}

// every asks at once and then every Task.Poll.
func (f *follower) every(ctx context.Context, ask func(*http.Client) error) error {
	client := f.client()
	defer client.CloseIdleConnections()
	tick := time.NewTicker(f.task.Poll)
	defer tick.Stop()
	for {
		if err := ask(client); err != nil || f.complete() {
			return err
		}
		f.started()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// ask reads one answer; the connection is kept for the next.
func (f *follower) ask(ctx context.Context, client *http.Client, path string, within time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := f.get(ctx, client, path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// get asks, and requires 200. The caller closes the body.
func (f *follower) get(ctx context.Context, client *http.Client, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.task.Addr+path, nil)
	if err != nil {
		return nil, err
	}
	r, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if r.StatusCode != http.StatusOK {
		defer r.Body.Close()
		text, _ := io.ReadAll(io.LimitReader(r.Body, 300)) // what there is of it
		return nil, &refusedError{r.StatusCode, fmt.Sprintf("%s: %s %s", r.Request.URL.Path, r.Status, text)}
	}
	return r, nil
}

// refusedError is an answer that is not what was asked for.
type refusedError struct {
	code int
	text string
}

func (e *refusedError) Error() string { return e.text }

// traffic is what one follower has moved: bytes that its connections carried,
// as TCP's payload, handshakes and headers included.
type traffic struct {
	in, out  atomic.Int64
	requests atomic.Int64
}

// client returns an HTTP client over counted connections. It asks for no
// compression, which no feed offers.
func (t *traffic) client() *http.Client {
	return &http.Client{Transport: &countedClient{&http.Transport{DialContext: t.dial, DisableCompression: true}, t}}
}

// countedClient is the HTTP side of a traffic; CloseIdleConnections ends it.
type countedClient struct {
	*http.Transport
	t *traffic
}

// RoundTrip counts requests.
func (c *countedClient) RoundTrip(r *http.Request) (*http.Response, error) {
	c.t.requests.Add(1)
	return c.Transport.RoundTrip(r)
}

// dial opens a counted connection.
func (t *traffic) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: stepTime}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return countedConn{c, t}, nil
}

// countedConn adds what goes through a connection to a traffic.
type countedConn struct {
	net.Conn
	t *traffic
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.t.in.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	c.t.out.Add(int64(len(b))) // first: the answer may come before Write returns
	n, err := c.Conn.Write(b)
	c.t.out.Add(int64(n - len(b)))
	return n, err
}
