package promapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// unread is a client's connection that takes nothing before it is read.
type unread struct {
	*httptest.ResponseRecorder
	full chan<- struct{}
	read <-chan struct{}
}

func (u *unread) Write(b []byte) (int, error) {
	select {
	case u.full <- struct{}{}:
	default:
	}
	<-u.read
	return u.ResponseRecorder.Write(b)
}

// crowd are clients that do not read their answers yet.
type crowd struct {
	t    *testing.T
	h    *Handler
	read chan struct{}
	all  sync.WaitGroup
}

func newCrowd(t *testing.T, h *Handler) *crowd {
	return &crowd{t: t, h: h, read: make(chan struct{})}
}

// join asks, and returns once the connection takes no more.
func (c *crowd) join(path, address string) {
	full := make(chan struct{}, 1)
	c.all.Go(func() {
		w := &unread{httptest.NewRecorder(), full, c.read}
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.RemoteAddr = address
		c.h.ServeHTTP(w, r)
		if w.Code != 200 || !json.Valid(w.Body.Bytes()) {
			c.t.Errorf("%s: %d %.200s", path, w.Code, w.Body)
		}
	})
	<-full
}

// end has all read their answers.
func (c *crowd) end() {
	close(c.read)
	c.all.Wait()
	if n := c.h.Stats().Reading.Load(); n != 0 {
		c.t.Errorf("%d read the history when all is over", n)
	}
}

// ask asks from an address; one that would wait is told that its time is over.
func ask(t *testing.T, h http.Handler, path, address string, waits bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if waits {
		cancel()
	}
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.RemoteAddr = address
	h.ServeHTTP(w, r)
	if want := map[bool]int{false: 200, true: 503}[waits]; w.Code != want {
		t.Errorf("from %s: %d, want %d", address, w.Code, want)
	}
}

const (
	one   = "192.0.2.1:1"
	other = "192.0.2.2:1"
)

// TestSmallAnswersNeedNoPlaceToBeSent: clients that do not read them do not keep others
// from asking, as long as not too many are held.
func TestSmallAnswersNeedNoPlaceToBeSent(t *testing.T) {
	h := New(Options{Queryable: open(t, 3, 10), Concurrent: 1, Timeout: time.Minute})
	small := path("labels")
	c := newCrowd(t, h)
	for range maxKeeps {
		c.join(small, one)
	}
	if n := h.Stats().Reading.Load(); n != 0 {
		t.Errorf("%d have a place", n)
	}
	ask(t, h, path("query", "query", "x"), one, false)
	c.join(small, one) // is not held, and has the place
	ask(t, h, small, other, true)
	c.end()
	ask(t, h, small, other, false)
}

// TestLargeAnswersKeepTheirPlace, and their address has no other.
func TestLargeAnswersKeepTheirPlace(t *testing.T) {
	h := New(Options{Queryable: open(t, 250, 100), Concurrent: 2, Timeout: time.Minute})
	large, small := path("query", "query", "vaiven_reading[1h]", "time", "1793530000"), path("labels")
	c := newCrowd(t, h)
	c.join(large, one)
	if n := h.Stats().Reading.Load(); n != 1 {
		t.Errorf("%d have a place", n)
	}
	ask(t, h, small, one, true)
	ask(t, h, small, other, false)
	c.end()
	ask(t, h, small, one, false)
}

func TestPlacesOfAddresses(t *testing.T) {
	p := newPlaces(4)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var leave []func()
	take := func(address string, want bool) {
		t.Helper()
		ctx := t.Context()
		if !want {
			ctx = over
		}
		end, ok := p.take(ctx, address)
		if ok {
			leave = append(leave, end)
		}
		if ok != want {
			t.Errorf("%s: %v", address, ok)
		}
	}
	take("a", true)
	take("a", true)
	take("a", false)
	take("b", true)
	take("c", true)
	take("d", false) // all are taken
	for _, end := range leave {
		end()
	}
	if len(p.peers) != 0 || len(p.all) != 0 {
		t.Errorf("%d addresses, %d places are left", len(p.peers), len(p.all))
	}
	for from, want := range map[string]string{
		one: "192.0.2.1", "[::ffff:192.0.2.1]:9": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:9": "2001:db8:1:2::/64", "[fe80::1%eth0]:9": "fe80::/64", "": "",
	} {
		if got := addressOf(&http.Request{RemoteAddr: from}); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}
