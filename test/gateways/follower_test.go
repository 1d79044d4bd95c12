//go:build suites && linux

package gateways

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven/test/harness"
)

// follower follows the log over one transport, and goes to the next gateway
// whenever its own is gone, behind the last id that it was told.
type follower struct {
	transport string
	filter    url.Values
	gateways  []*harness.Server

	mu     sync.Mutex
	last   string   // id
	events []string // as they came
	by     string   // who told it last
	moves  int      // how often that became another
}

// transports are the ways of following, and how each is read.
var transports = map[string]func(f *follower, ctx context.Context, addr string, q url.Values) error{
	"ws": (*follower).ws, "sse": (*follower).sse, "poll": (*follower).poll, "ndjson": (*follower).ndjson,
}

// follow starts a follower behind an id at the first gateway. The test's end
// stops it.
func follow(t *testing.T, transport string, filter url.Values, after string, gateways ...*harness.Server) *follower {
	f := &follower{transport: transport, filter: filter, gateways: gateways, last: after}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { f.run(ctx, func(err error) { t.Error(err) }) })
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return f
}

// errRefused is an answer that no follower with the right id gets.
var errRefused = errors.New("refused")

func (f *follower) run(ctx context.Context, fail func(error)) {
	for at := 0; ctx.Err() == nil; {
		before := f.after()
		q := url.Values{"after": {before}}
		maps.Copy(q, f.filter)
		g := f.gateways[at%len(f.gateways)]
		err := transports[f.transport](f, ctx, g.Addr, q)
		if errors.Is(err, errRefused) {
			fail(fmt.Errorf("%s at %s: %w", f.transport, g.Addr, err))
			return
		}
		if f.after() != before {
			f.served(g.Addr)
		}
		if err == nil {
			continue // a poll is over: the next one is asked of the same gateway
		}
		at++
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (f *follower) after() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// served notes who brought the follower further.
func (f *follower) served(by string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.by != "" && f.by != by {
		f.moves++
	}
	f.by = by
}

// take takes one JSON object of a feed.
func (f *follower) take(b []byte) error {
	var e struct{ ID, Kind string }
	if err := json.Unmarshal(b, &e); err != nil || e.ID == "" {
		return fmt.Errorf("%w: %q", errRefused, b)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.Kind != "position" && e.Kind != "bye" {
		f.events = append(f.events, string(b))
	}
	f.last = e.ID
	return nil
}

func (f *follower) ws(ctx context.Context, addr string, q url.Values) error {
	conn, resp, err := websocket.Dial(ctx, "ws://"+addr+"/api/v1/live/ws?"+q.Encode(), &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + harness.Token(addr)}}})
	if err != nil && resp != nil {
		return status(resp)
	} else if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	for {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		if err := f.take(b); err != nil {
			return err
		}
	}
}

// open begins an HTTP stream, or gets an answer.
func (f *follower) open(ctx context.Context, addr string, q url.Values, header http.Header) (*http.Response, error) {
	u := "http://" + addr + "/api/v1/live/" + f.transport + "?" + q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	harness.Authorize(req)
	resp, err := http.DefaultClient.Do(req)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = status(resp)
		_ = resp.Body.Close()
	}
	return resp, err
}

// status is what an answer means that is no feed: a gateway that is about to end
// asks to come again, everything else there may not be.
func status(resp *http.Response) error {
	if resp.StatusCode == http.StatusServiceUnavailable {
		return errors.New(resp.Status)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // what there is of it
	return fmt.Errorf("%w: %s %s", errRefused, resp.Status, text)
}

// lines reads an HTTP stream by lines. The last one may be broken off in the
// middle, and does not count.
func (f *follower) lines(ctx context.Context, addr string, q url.Values, header http.Header, take func(line []byte) error) error {
	resp, err := f.open(ctx, addr, q, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	for r := bufio.NewReader(resp.Body); ; {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return err
		}
		if err := take(bytes.TrimSuffix(line, []byte("\n"))); err != nil {
			return err
		}
	}
}

func (f *follower) ndjson(ctx context.Context, addr string, q url.Values) error {
	return f.lines(ctx, addr, q, nil, f.take)
}

// sse is what a browser does: the address stays, and the header counts more. An
// event counts when the empty line behind it has come.
func (f *follower) sse(ctx context.Context, addr string, q url.Values) error {
	header := http.Header{}
	if last := q.Get("after"); last != "0" {
		header.Set("Last-Event-ID", last)
		q.Set("after", "0")
	}
	var id, data string
	return f.lines(ctx, addr, q, header, func(line []byte) error {
		name, value, _ := strings.Cut(string(line), ": ")
		switch name {
		case "id":
			id = value
		case "data":
			data = value
		}
		if len(line) > 0 || id == "" {
			return nil
		}
		defer func() { id, data = "", "" }()
		if data != "" {
			return f.take([]byte(data))
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.last = id
		return nil
	})
}

func (f *follower) poll(ctx context.Context, addr string, q url.Values) error {
	q.Set("wait", "2s")
	resp, err := f.open(ctx, addr, q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var got struct {
		Events []json.RawMessage
		Next   string
	}
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
		return err // it broke off, and none of it counts
	}
	for _, e := range got.Events {
		if err := f.take(e); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last = got.Next
	return nil
}

// check requires that the follower was told exactly what its filter selects of
// the log, in its order and its words, as soon as it got there.
func (f *follower) check(t *testing.T, log []event) {
	t.Helper()
	var want []string
	for i := range log {
		if f.selects(&log[i]) {
			want = append(want, log[i].raw)
		}
	}
	count := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.events)
	}
	for deadline := time.Now().Add(30 * time.Second); count() < len(want) && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range min(len(want), len(f.events)) {
		if want[i] != f.events[i] {
			t.Errorf("%s %v: event %d is\n%s\nand the log has there\n%s", f.transport, f.filter, i, f.events[i], want[i])
			return
		}
	}
	if len(want) != len(f.events) {
		t.Errorf("%s %v: was told %d events, and the log has %d", f.transport, f.filter, len(f.events), len(want))
	}
}

// went is how often the follower was told by another gateway than before.
func (f *follower) went() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.moves
}

func (f *follower) selects(e *event) bool {
	return (f.filter.Get("device") == "" || f.filter.Get("device") == e.Device) &&
		(f.filter.Get("kind") == "" || f.filter.Get("kind") == e.Kind)
}
