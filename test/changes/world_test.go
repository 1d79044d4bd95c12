//go:build suites && linux

package changes

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vaiven/test/harness"
)

// world is a server, its boards, those who ask, and what is done to them.
type world struct {
	t      *testing.T
	server *harness.Server
	api    *api
	ledger *ledger
	boards []*board
	rand   *rand.Rand // of the test's goroutine

	total int
	begun atomic.Int64 // changes that were begun to be asked for
	count counts
}

// counts are what was done to the world.
type counts struct {
	kills, cuts, deaths, vanished, stalls, flips int
}

func newWorld(t *testing.T, r *rand.Rand, total int) *world {
	s := harness.NewServer(t, "serve", t.TempDir())
	return &world{t: t, server: s, api: newAPI(s.Addr), ledger: newLedger(), rand: r, total: total}
}

// add makes a board that has no power yet.
func (w *world) add(b *board) *board {
	b.device, b.url, b.ledger = fmt.Sprintf("%03d", len(w.boards)+101), "ws://"+w.server.Addr+"/ws", w.ledger
	w.boards = append(w.boards, b)
	return b
}

// begin starts the server and the boards, and waits until they know each other.
// The test's end takes the boards' power.
func (w *world) begin() {
	w.server.StartReady()
	for _, b := range w.boards {
		w.t.Cleanup(b.end)
		b.on(w.t)
	}
	harness.Until(w.t, time.Minute, "the server knows every board", func() bool {
		for _, b := range w.boards {
			if _, err := w.api.state(w.t.Context(), b.device); err != nil {
				return false
			}
		}
		return true
	})
}

// askers lets n askers a board begin. Each goes on until enough changes were
// asked for.
func (w *world) askers(n int, think time.Duration) (done <-chan struct{}) {
	var all sync.WaitGroup
	for i, b := range w.boards {
		for k := range n {
			a := &asker{
				b: b, api: w.api, ledger: w.ledger, think: think, urgent: true, rand: rand.New(rand.NewPCG(w.rand.Uint64(), uint64(i*n+k))),
				fail: func(err error) { w.t.Error(err) },
			}
			all.Go(func() { a.run(w.t.Context(), func() bool { return w.begun.Add(1) <= int64(w.total) }) })
		}
	}
	ch := make(chan struct{})
	go func() {
		all.Wait()
		close(ch)
	}()
	return ch
}

// progress waits until part of parts of the changes were begun.
func (w *world) progress(part, parts int) {
	w.t.Helper()
	want := int64(w.total * part / parts)
	harness.Until(w.t, 10*time.Minute, "changes are asked for", func() bool { return w.begun.Load() >= want })
}

// calm waits until every change has ended and every board is what it ought to be.
func (w *world) calm(limit time.Duration) {
	w.t.Helper()
	var last string
	deadline := time.Now().Add(limit)
	for !w.settled(&last) {
		if time.Now().After(deadline) {
			w.t.Errorf("not calm after %v: %s", limit, last)
			return // what is wrong with it, the check says
		}
		pause(w.t.Context(), 50*time.Millisecond)
	}
}

func (w *world) settled(why *string) bool {
	for _, b := range w.boards {
		now, err := w.standing(b)
		switch {
		case err != nil:
			*why = err.Error()
		case !b.connected():
			*why = "board " + b.device + " is not connected"
		case now.open > 0 || !covers(now.is, now.desired):
			*why = fmt.Sprintf("board %s: %+v", b.device, now)
		default:
			continue
		}
		return false
	}
	return true
}

func (w *world) standing(b *board) (standing, error) {
	s, err := w.api.state(w.t.Context(), b.device)
	return standing{rev: s.Rev, desired: s.Desired, open: len(s.Open), is: b.is()}, err
}

// history is all that is known now.
func (w *world) history() *history {
	w.t.Helper()
	events, err := w.api.events(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	now := map[string]standing{}
	for _, b := range w.boards {
		if now[b.device], err = w.standing(b); err != nil {
			w.t.Fatal(err)
		}
	}
	return w.ledger.history(events, now)
}

// follow collects what the live feed tells, across all ends of the server, until
// the function returned is called with the last event there is.
func (w *world) follow() (until func(last string) []event) {
	var mu sync.Mutex
	var got []event
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for after := "0"; ctx.Err() == nil; {
			p, err := w.api.poll(ctx, after, 5*time.Second)
			if err != nil {
				pause(ctx, 50*time.Millisecond)
				continue
			}
			mu.Lock()
			got, after = append(got, p.Events...), p.Next
			mu.Unlock()
		}
	}()
	return func(last string) []event {
		harness.Until(w.t, 30*time.Second, "the live feed reaches the log's end", func() bool {
			mu.Lock()
			defer mu.Unlock()
			for i := len(got) - 1; i >= 0; i-- {
				if got[i].ID == last {
					return true
				}
			}
			return false
		})
		cancel()
		<-done
		return got
	}
}
