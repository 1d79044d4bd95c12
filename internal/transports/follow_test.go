package transports

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// following is a Follow that goes on.
type following struct {
	t    *testing.T
	sent chan struct{}
	out  *bufio.Reader
	err  chan error
}

// follow returns when all followers follow.
func follow(t *testing.T, task Task) *following {
	t.Helper()
	out, in := io.Pipe()
	f := &following{t, make(chan struct{}), bufio.NewReader(out), make(chan error, 1)}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	go func() {
		err := Follow(ctx, task, f.sent, in)
		_ = in.CloseWithError(err)
		f.err <- err
	}()
	if line, err := f.out.ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("it said %q, %v", line, err)
	}
	return f
}

func (f *following) notes() (all []*notes) {
	f.t.Helper()
	err := json.NewDecoder(f.out).Decode(&all)
	if err == nil {
		err = <-f.err
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

func taskFor(s *httptest.Server, t Transport, followers int) Task {
	return Task{Transport: t, Addr: strings.TrimPrefix(s.URL, "http://"), Readings: 10, Followers: followers, Poll: 10 * time.Millisecond}
}

// TestFollow: each transport brings every reading once to each follower, over
// as many requests as it is expected to take.
func TestFollow(t *testing.T) {
	for tr, requests := range map[Transport][2]int64{
		WebSocket: {1, 1}, SSE: {1, 1}, NDJSON: {1, 1},
		LongPoll: {5, 11},    // 10 readings in pages of 3, and the first that says where the log ends
		Poll:     {4, 1_000}, // as long as it takes
	} {
		t.Run(string(tr), func(t *testing.T) {
			f := newFeed(t)
			s := httptest.NewServer(f)
			defer s.Close()
			w := follow(t, taskFor(s, tr, 3))
			for n := range 10 {
				f.put(n + 1)
			}
			for _, n := range w.notes() {
				for i, at := range n.Arrived {
					if at == 0 {
						t.Errorf("reading %d is missed", i+1)
					}
				}
				if n.Duplicates != 0 || n.Problem != "" || n.Requests < requests[0] || n.Requests > requests[1] || n.In < 1000 || n.Out < 50 {
					t.Errorf("%+v", n)
				}
			}
		})
	}
}

// TestFollowValues: of the latest values only what stands there is seen, once.
func TestFollowValues(t *testing.T) {
	f := newFeed(t)
	s := httptest.NewServer(f)
	defer s.Close()
	w := follow(t, taskFor(s, Values, 1))
	f.put(4)
	f.put(10)
	n := w.notes()[0]
	for i, at := range n.Arrived {
		if (i == 9 || i == 3 && at != 0) != (at != 0) {
			t.Errorf("reading %d: %d", i+1, at)
		}
	}
	if n.Duplicates != 0 || n.Problem != "" || n.Requests < 1 {
		t.Errorf("%+v", n)
	}
}

// TestDuplicates: what comes twice is counted, not taken for another.
func TestDuplicates(t *testing.T) {
	f := newFeed(t)
	f.twice = true
	s := httptest.NewServer(f)
	defer s.Close()
	w := follow(t, taskFor(s, NDJSON, 1))
	f.put(10)
	if n := w.notes()[0]; n.Duplicates != 9 { // it ends with the first of the last
		t.Errorf("%d duplicates", n.Duplicates)
	}
}

func TestFollowRefused(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "come again later", http.StatusServiceUnavailable)
	}))
	defer s.Close()
	for _, tr := range []Transport{WebSocket, SSE, NDJSON, LongPoll, Poll, Values} {
		n := follow(t, taskFor(s, tr, 1)).notes()[0]
		if !strings.Contains(n.Problem, "503") || tr != WebSocket && !strings.Contains(n.Problem, "come again later") {
			t.Errorf("%s: %q", tr, n.Problem)
		}
	}
	for _, bad := range []Task{{}, {Transport: "pigeon", Readings: 1, Followers: 1, Poll: 1}, {Transport: Poll, Readings: 1, Followers: 1}} {
		if err := Follow(t.Context(), bad, nil, io.Discard); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// TestFollowMQTT: over a queue, everything once.
func TestFollowMQTT(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b, done := &broker{}, make(chan struct{})
	go func() {
		defer close(done)
		for range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	defer func() { _ = l.Close(); <-done }()
	w := follow(t, Task{Transport: MQTT, Addr: l.Addr().String(), Readings: 10, Followers: 1, Poll: time.Second})
	p, err := openPublisher(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for n := range 10 {
		if err := p.send(t.Context(), n+1); err != nil {
			t.Fatal(err)
		}
	}
	n := w.notes()[0]
	if n.Problem != "" || n.Duplicates != 0 || n.Requests != 1 || n.Arrived[0] == 0 || n.Arrived[9] == 0 {
		t.Errorf("%+v", n)
	}
	// CONNECT, SUBSCRIBE and PUBACKs one way (the last may not be written any
	// more when it ends); CONNACK, SUBACK and publications the other.
	out := int64(len(appendConnect(nil, "")) + len(appendSubscribe(nil, 1, topic)) + 10*4)
	in := int64(4 + 5)
	for i := range 10 {
		in += int64(len(appendPublish(nil, 7, topic, appendEvent(nil, i+1, mqttBoot, time.Now()))))
	}
	if n.Out != out || n.In < in {
		t.Errorf("bytes: out %d, want %d; in %d, want %d or a zone's more", n.Out, out, n.In, in)
	}
}

// TestExpire: followers that wait for what will not come end a while after
// everything was sent.
func TestExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent, finished, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go expire(Task{Transport: Values, Poll: 5 * time.Second}, sent, finished, func() { close(ended) })
		time.Sleep(time.Hour)
		close(sent)
		before := time.Now()
		<-ended
		if d := time.Since(before); d != 5*time.Second+graceful {
			t.Errorf("after %v", d)
		}
	})
}

// TestBytesAreCounted: what both ends of a connection moved is what is counted.
func TestBytesAreCounted(t *testing.T) {
	var tr traffic
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
	asked := make(chan int, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r, n := bufio.NewReader(c), 0
		for line := ""; line != "\r\n" && err == nil; n += len(line) {
			line, err = r.ReadString('\n')
		}
		_, _ = io.WriteString(c, answer)
		asked <- n
	}()
	client := tr.client()
	r, err := client.Get("http://" + l.Addr().String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(r.Body)
	_ = r.Body.Close()
	client.CloseIdleConnections()
	if in, out, n := tr.in.Load(), tr.out.Load(), <-asked; in != int64(len(answer)) || out != int64(n) || tr.requests.Load() != 1 {
		t.Errorf("in %d of %d, out %d of %d, %d requests", in, len(answer), out, n, tr.requests.Load())
	}
}
