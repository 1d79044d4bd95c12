package feed_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/bench/internal/feed"
	"vaiven/bench/internal/frame"
	"vaiven/bench/internal/load"
)

const (
	boards   = 3
	patience = 2 * time.Minute
)

// server is a log of readings that is followed like vaiven's.
type server struct {
	mu   sync.Mutex
	log  []string // events; the one at i has the id i+1.0
	seqs [boards]uint64
	wake chan struct{}

	skip, repeat int // event that is left out, or sent twice, over every transport
	asked        []string
}

func serve(t *testing.T) (*server, string) {
	t.Helper()
	s := &server{wake: make(chan struct{}), skip: -1, repeat: -1}
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return s, srv.Listener.Addr().String()
}

// pour appends so many readings of the boards in turn, which leave through d.
func (s *server) pour(d *feed.Departures, n int) {
	for range n {
		s.mu.Lock()
		i := len(s.log) % boards
		s.seqs[i]++
		d.Noted(i, silent{}).Reading(nil, s.seqs[i])
		s.log = append(s.log, fmt.Sprintf(`{"id":"%d.0","kind":"reading","synced":true,"device":"b%05d","seq":%d,"values":{"TEMP":24.5}}`, len(s.log)+1, i, s.seqs[i]))
		close(s.wake)
		s.wake = make(chan struct{})
		s.mu.Unlock()
	}
}

// silent is a board whose reading has no bytes.
type silent struct{ load.Protocol }

func (silent) Reading(out []byte, _ uint64) []byte { return out }

// behind returns what comes behind the event n, waiting for it.
func (s *server) behind(ctx context.Context, n int) []string {
	for {
		s.mu.Lock()
		log, wake := s.log, s.wake
		s.mu.Unlock()
		if n < len(log) {
			return s.faulty(n, log[n:min(len(log), n+7)])
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *server) faulty(from int, events []string) (out []string) {
	for i, e := range events {
		if from+i != s.skip {
			out = append(out, e)
		}
		if from+i == s.repeat {
			out = append(out, e)
		}
	}
	return out
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	after := r.URL.Query().Get("after")
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		after = id
	}
	s.mu.Lock()
	s.asked = append(s.asked, after)
	s.mu.Unlock()
	n := 0
	_, _ = fmt.Sscanf(after, "%d.", &n)
	switch t := feed.Transport(strings.TrimPrefix(r.URL.Path, "/api/v1/live/")); t {
	case feed.Poll:
		events := s.behind(r.Context(), n)
		fmt.Fprintf(w, `{"events":[%s],"next":"%d.4294967295"}`, strings.Join(events, ","), n+min(7, len(s.behind(r.Context(), n))))
	case feed.WebSocket:
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		s.stream(r.Context(), n, func(text string) error { return text1(c, text) })
	default:
		s.stream(r.Context(), n, func(text string) error { return chunk(w, t, text) })
	}
}

func (s *server) stream(ctx context.Context, n int, write func(string) error) {
	if write(fmt.Sprintf(`{"kind":"position","id":"%d.0"}`, n)) != nil {
		return
	}
	for ctx.Err() == nil {
		events := s.behind(ctx, n)
		for _, e := range events {
			if write(e) != nil {
				return
			}
		}
		if len(events) > 0 {
			_, _ = fmt.Sscanf(events[len(events)-1], `{"id":"%d.`, &n)
		}
	}
}

// text1 writes a frame of a server: unmasked.
func text1(c net.Conn, text string) error {
	head := []byte{0x80 | frame.Text, byte(len(text))}
	if len(text) > 125 {
		head = []byte{0x80 | frame.Text, 126, byte(len(text) >> 8), byte(len(text))}
	}
	_, err := c.Write(append(head, text...))
	return err
}

func chunk(w http.ResponseWriter, t feed.Transport, text string) error {
	if t == feed.SSE {
		_, id, _ := strings.Cut(text, `"id":"`)
		id, _, _ = strings.Cut(id, `"`)
		if strings.Contains(text, `"position"`) {
			text = ": position\nid: " + id + "\n"
		} else {
			text = "id: " + id + "\nevent: reading\ndata: " + text + "\n"
		}
	}
	if _, err := fmt.Fprintf(w, "%s\n", text); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

func crowd(addr string, t feed.Transport, clock *feed.Departures) *feed.Crowd {
	return &feed.Crowd{Addr: addr, Transport: t, Size: 5, Pause: time.Millisecond, Clock: clock, Span: &feed.Span{}}
}

// Over every transport each follower gets each reading once, also when its
// connection is reset again and again; the next crowd goes on where that ended.
func TestCrowdGetsEachReadingOnce(t *testing.T) {
	for _, tr := range feed.Transports {
		t.Run(string(tr), func(t *testing.T) {
			s, addr := serve(t)
			clock := feed.NewDepartures(boards)
			place, sent := feed.Begin(boards), 0
			for range 2 {
				c := crowd(addr, tr, clock)
				c.Cut = 60 * time.Millisecond
				c.Span.Open(clock)
				c.Start(t.Context(), place)
				for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); sent += 10 {
					s.pour(clock, 10)
					time.Sleep(time.Millisecond) // a pace, nothing waits for it
				}
				c.Span.Shut(clock)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				var err error
				before := place.Seqs[0]
				if place, err = c.Await(ctx, s.seqs[:]); err != nil {
					t.Fatal(err)
				}
				if place.ID != fmt.Sprintf("%d.0", sent) || place.Seqs[0] == before {
					t.Errorf("%d sent, the place is %+v", sent, place)
				}
				if c.Cuts() < c.Size {
					t.Errorf("%d connections were reset", c.Cuts())
				}
				if got, want := c.Late().Count(), (place.Seqs[0]-before)*uint64(c.Size); got < want {
					t.Errorf("%d readings were timed, at least %d were sent", got, want)
				}
			}
		})
	}
}

// A reading that is missing, or comes twice, is found.
func TestCrowdFindsFaults(t *testing.T) {
	for _, tr := range feed.Transports {
		for name, fault := range map[string]func(*server){
			"missing": func(s *server) { s.skip = 20 },
			"twice":   func(s *server) { s.repeat = 20 },
		} {
			t.Run(string(tr)+" "+name, func(t *testing.T) {
				s, addr := serve(t)
				fault(s)
				clock := feed.NewDepartures(boards)
				c := crowd(addr, tr, clock)
				c.Start(t.Context(), feed.Begin(boards))
				s.pour(clock, 60)
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if _, err := c.Await(ctx, s.seqs[:]); err == nil || !strings.Contains(err.Error(), "came behind") {
					t.Errorf("error %v", err)
				}
			})
		}
	}
}

// A server that sends less than was acknowledged is given up.
func TestAwaitGivesUp(t *testing.T) {
	s, addr := serve(t)
	clock := feed.NewDepartures(boards)
	c := crowd(addr, feed.NDJSON, clock)
	c.Start(t.Context(), feed.Begin(boards))
	s.pour(clock, 6)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := c.Await(ctx, []uint64{3, 2, 2}); err == nil || !strings.Contains(err.Error(), "follower 4 got 6") {
		t.Errorf("error %v", err)
	}
}

// A server that refuses ends its followers.
func TestCrowdIsRefused(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	for _, tr := range feed.Transports {
		c := crowd(srv.Listener.Addr().String(), tr, feed.NewDepartures(boards))
		c.Start(t.Context(), feed.Begin(boards))
		if _, err := c.Await(t.Context(), []uint64{1, 0, 0}); err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("%s: error %v", tr, err)
		}
	}
}

// Those who do not read take little: most of what is written to them stays.
func TestStalledTakeLittle(t *testing.T) {
	const size = 64 << 20
	written := make(chan int, 2)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := w.Write(make([]byte, size))
		if err == nil {
			n = size
		}
		written <- n
	}))
	defer srv.Close()
	s, err := feed.Stall(t.Context(), srv.Listener.Addr().String(), feed.NDJSON, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := <-written; n >= size {
		t.Errorf("the server could write %d bytes", n)
	}
}
