package client_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }

// quick makes reconnecting fast enough for a test.
var quick = client.Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond}

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, o clienttest.Options) *clienttest.Server {
	t.Helper()
	s := clienttest.New(o)
	t.Cleanup(s.Close)
	return s
}

// dial connects device 101, and ends it with the test.
func dial(t *testing.T, s *clienttest.Server, change func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{URL: s.URL, Device: "101", Backoff: quick}
	if change != nil {
		change(&o)
	}
	c, err := client.Dial(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(c) })
	return c
}

// end closes without waiting for acknowledgements.
func end(c *client.Client) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = c.Close(ctx)
}

// values of the i-th reading, each its own.
func values(i uint64) []vaiven.Value {
	return []vaiven.Value{{Name: "TEMP", Num: float64(i%1000) / 10}, {Name: "HUM", Num: float64(i % 100)}}
}

func sendN(t *testing.T, c *client.Client, n int) {
	t.Helper()
	for range n {
		if _, err := c.Send(within(t), client.Reading{Values: values(c.Next())}); err != nil {
			t.Fatal(err)
		}
	}
}

func flush(t *testing.T, c *client.Client) {
	t.Helper()
	if err := c.Flush(within(t)); err != nil {
		t.Fatalf("flush: %v; %+v", err, c.Stats())
	}
}

// checkStored proves that the server has SEQ 1 to n, each once, in order, with
// the values that were sent.
func checkStored(t *testing.T, s *clienttest.Server, c *client.Client, n int) {
	t.Helper()
	got := s.Stored(c.Device(), c.Boot())
	if len(got) != n {
		t.Errorf("stored %d readings, want %d", len(got), n)
	}
	for i, r := range got {
		want := values(uint64(i + 1))
		if r.Seq != uint64(i+1) || len(r.Values) != 2 || r.Values[0] != want[0] || r.Values[1] != want[1] {
			t.Fatalf("reading %d is %+v, want SEQ %d and %v", i, r, i+1, want)
		}
	}
}

// eventually waits until what is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !so() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited for: %s", what)
		}
	}
}

// notes collects what callbacks are told.
type notes[T any] struct {
	mu  sync.Mutex
	all []T
}

func (n *notes[T]) add(v T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, v)
}

func (n *notes[T]) get() []T {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]T(nil), n.all...)
}

// isDisconnected returns the connection error with this close code among errs.
func isDisconnected(errs []error, code int) bool {
	for _, err := range errs {
		if d, ok := errors.AsType[*client.Disconnected](err); ok && d.Code == code {
			return true
		}
	}
	return false
}
