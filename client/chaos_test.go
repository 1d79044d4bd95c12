package client_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"vaiven/client"
	"vaiven/client/clienttest"
)

// TestChaos cuts connections in the middle of anything, crashes the server and
// commits at random, and checks what must hold whatever happens: nothing that
// was acknowledged is missing, and in the end each SEQ is there once, in order.
func TestChaos(t *testing.T) {
	const readings = 400
	for seed := range uint64(20) {
		c := newChaos(seed)
		s := start(t, clienttest.Options{Commit: c.commit})
		stop := commitOften(s)
		acked := make(map[uint64]bool)
		cl := dialThrough(t, s, c, func(o *client.Options) {
			o.Window, o.Ring = 1+c.intn(40), 40+c.intn(40)
			o.StallTimeout = 100 * time.Millisecond // nothing is lost on a live connection, but commits may be slow
			o.BatchBytes = []int{-1, 0, 200}[c.intn(3)]
			o.OnAck = func(a client.Acked) {
				if acked[a.Seq] || a.Seq != uint64(len(acked)+1) {
					t.Errorf("seed %d: SEQ %d was settled out of order", seed, a.Seq)
				}
				acked[a.Seq] = true
			}
		})
		for range readings {
			sendN(t, cl, 1)
			if c.chance(0.02) {
				s.Crash()
				checkPrefix(t, s, cl, seed)
			}
		}
		c.calm()
		s.Commit()
		flush(t, cl)
		checkStored(t, s, cl, readings)
		end(cl)
		stop()
		if len(acked) != readings {
			t.Errorf("seed %d: %d readings were settled", seed, len(acked))
		}
		if t.Failed() {
			t.Fatalf("seed %d; %+v", seed, cl.Stats())
		}
	}
}

// commitOften commits every millisecond until stopped.
func commitOften(s *clienttest.Server) (stop func()) {
	done := make(chan struct{})
	var task sync.WaitGroup
	task.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.Commit()
			case <-done:
				return
			}
		}
	})
	return func() { close(done); task.Wait() }
}

// checkPrefix: what the client let go of must be on the server.
func checkPrefix(t *testing.T, s *clienttest.Server, c *client.Client, seed uint64) {
	t.Helper()
	settled := c.Stats().Acked
	if n := len(s.Stored(c.Device(), c.Boot())); uint64(n) < settled {
		t.Errorf("seed %d: %d readings were acknowledged, %d are stored", seed, settled, n)
	}
}

func dialThrough(t *testing.T, s *clienttest.Server, c *chaos, change func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{URL: s.URL, Device: "101", Backoff: quick, Background: true, NetDial: c.dial}
	change(&o)
	cl, err := client.Dial(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(cl) })
	return cl
}

// chaos is bad luck that can be repeated, as far as goroutines allow.
type chaos struct {
	mu    sync.Mutex
	rand  *rand.Rand
	quiet bool
}

func newChaos(seed uint64) *chaos {
	return &chaos{rand: rand.New(rand.NewPCG(seed, 1))}
}

func (c *chaos) chance(p float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.quiet && c.rand.Float64() < p
}

func (c *chaos) intn(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rand.IntN(n)
}

func (c *chaos) calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.quiet = true
}

// commit puts off about two thirds of the commits.
func (c *chaos) commit() bool { return !c.chance(0.66) }

func (c *chaos) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if c.chance(0.1) {
		return nil, errors.New("no route today")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &torn{Conn: conn, chaos: c}, nil
}

// torn cuts the connection in the middle of a frame, in either direction.
type torn struct {
	net.Conn
	chaos *chaos
}

func (t *torn) Write(p []byte) (int, error) {
	if !t.chaos.chance(0.02) {
		return t.Conn.Write(p)
	}
	n, err := t.Conn.Write(p[:t.chaos.intn(len(p)+1)])
	_ = t.Close()
	if err == nil {
		err = net.ErrClosed
	}
	return n, err
}

func (t *torn) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	if n > 0 && t.chaos.chance(0.02) {
		_ = t.Close()
		return t.chaos.intn(n + 1), err
	}
	return n, err
}
