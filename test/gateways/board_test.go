//go:build suites && linux

package gateways

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/test/harness"
)

// board is a device with an LED and a dimmer: the real client, and what a
// board's author would write around it.
type board struct {
	device string
	c      *client.Client

	mu     sync.Mutex
	addr   string // of the gateway that it dials; "": it has no network
	conn   net.Conn
	states values
	slow   bool             // it does what it hears later, at release
	heard  []client.Desired // all of it
	done   int              // of heard
}

// newBoard switches a board on. The test's end switches it off.
func newBoard(t *testing.T, device string, at *harness.Server) *board {
	t.Helper()
	b := &board{device: device, addr: at.Addr, states: values{"LED": 0, "DIM": 0}}
	b.mu.Lock() // nothing is heard before the client is known
	defer b.mu.Unlock()
	c, err := client.Dial(t.Context(), client.Options{
		URL: "ws://" + at.Addr + "/ws", Device: device, States: b.all(), Background: true, NetDial: b.dial, OnDesired: b.hear,
		Backoff: client.Backoff{Min: 10 * time.Millisecond, Max: 100 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.c = c
	t.Cleanup(func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = c.Close(now) // it owes nothing
	})
	return b
}

func (b *board) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	b.mu.Lock()
	addr := b.addr
	b.mu.Unlock()
	if addr == "" {
		return nil, errors.New("no network")
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.addr != addr {
		_ = conn.Close()
		return nil, errors.New("moved")
	}
	b.conn = conn
	return conn, nil
}

// move makes the board lose its connection, and dial that gateway from now on.
func (b *board) move(to *harness.Server) { b.goTo(to.Addr) }

// away takes the board's network from it.
func (b *board) away() { b.goTo("") }

func (b *board) goTo(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr = addr
	if b.conn != nil {
		_ = b.conn.Close()
	}
}

// hear takes what a gateway wants.
func (b *board) hear(d client.Desired) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = append(b.heard, d)
	if !b.slow {
		b.apply()
	}
}

// slowDown lets the board do nothing until release.
func (b *board) slowDown() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow = true
}

// release lets it do all that it has heard.
func (b *board) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow = false
	b.apply()
}

// apply does what was heard and is not late, and reports. The caller holds mu.
func (b *board) apply() {
	for ; b.done < len(b.heard); b.done++ {
		d := b.heard[b.done]
		if !d.Until.IsZero() && time.Now().After(d.Until) {
			continue
		}
		for _, v := range d.States {
			b.states[v.Name] = v.Num
		}
		_ = b.c.Report(b.all(), d.Rev) // fails for a client that has ended
	}
}

// all are the states in the client's form. The caller holds mu.
func (b *board) all() (list []vaiven.Value) {
	for name, num := range b.states {
		list = append(list, vaiven.Value{Name: name, Num: num})
	}
	slices.SortFunc(list, func(x, y vaiven.Value) int { return strings.Compare(x.Name, y.Name) })
	return list
}

// is returns what the board's states are.
func (b *board) is() values {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.states)
}

// told is how often the board was told a REV.
func (b *board) told(rev uint64) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.heard {
		if d.Rev == rev {
			n++
		}
	}
	return n
}
