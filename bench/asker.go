package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"vaiven/bench/internal/load"
	"vaiven/bench/internal/peer"
)

// asker changes states of boards through the HTTP API and waits for each at a
// follower of the live feed. Its methods may be called from several goroutines.
type asker struct {
	addr string
	http *http.Client

	mu      sync.Mutex
	waiting map[string]chan time.Time // by the change's key, until its end came
	ended   map[string]bool           // changes that were confirmed
}

func newAsker(addr string, atOnce int) *asker {
	return &asker{
		addr: addr, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: atOnce}, Timeout: patience},
		waiting: map[string]chan time.Time{}, ended: map[string]bool{},
	}
}

func (a *asker) close() { a.http.CloseIdleConnections() }

// lifetime is what one change took.
type lifetime struct {
	answered  time.Duration // until the API had answered: it is in the log
	confirmed time.Duration // until the follower had the event that the board did it
}

// change asks for one, and returns when the follower has seen its end.
func (a *asker) change(ctx context.Context, device string, on bool) (l lifetime, err error) {
	key := fmt.Sprintf("%016x", rand.Uint64())
	end := make(chan time.Time, 1)
	a.mu.Lock()
	a.waiting[key] = end
	a.mu.Unlock()
	body := `{"LED":0}`
	if on {
		body = `{"LED":1}`
	}
	begin := time.Now()
	if err := a.put(ctx, "/devices/"+device+"/state", key, body); err != nil {
		return l, err
	}
	l.answered = time.Since(begin)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case at := <-end:
		l.confirmed = at.Sub(begin)
		return l, nil
	case <-ctx.Done():
		return l, fmt.Errorf("change %s of %s was not confirmed: %w", key, device, ctx.Err())
	}
}

func (a *asker) put(ctx context.Context, path, key, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+a.addr+"/api/v1"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+peer.Token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	return a.do(req, nil)
}

// do sends a request and reads the answer into out, which may be nil.
func (a *asker) do(req *http.Request, out any) error {
	resp, err := a.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode >= 300:
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, b)
	case out == nil:
		return nil
	}
	return json.Unmarshal(b, out)
}

// happened is an event of the log, as far as it concerns changes.
type happened struct {
	Kind, Key, Outcome, Device string
}

// end takes the end of a change from the live feed: confirmed, once.
func (a *asker) end(event []byte) error {
	at := time.Now()
	var e happened
	if err := json.Unmarshal(event, &e); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	end := a.waiting[e.Key]
	if end == nil || a.ended[e.Key] || e.Outcome != "confirmed" {
		return fmt.Errorf("want each change confirmed once, and no others: %s", event)
	}
	a.ended[e.Key] = true
	end <- at
	return nil
}

// confirmed returns how many changes were confirmed, each once.
func (a *asker) confirmed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.ended)
}

// verify reads the log: each change stands there once, and so does its end.
func (a *asker) verify(ctx context.Context) error {
	asked, ends := map[string]int{}, map[string]int{}
	for after, more := "0", true; more; {
		var page struct {
			Events []happened
			Next   string
			More   bool
		}
		q := url.Values{"after": {after}, "kind": {"change,change_end"}, "limit": {"1000"}}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.addr+"/api/v1/events?"+q.Encode(), nil)
		if err != nil {
			return err
		}
		if err := a.do(req, &page); err != nil {
			return err
		}
		for _, e := range page.Events {
			if e.Kind == "change" {
				asked[e.Key]++
			} else {
				ends[e.Key]++
			}
		}
		after, more = page.Next, page.More
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for key := range a.ended {
		if asked[key] != 1 || ends[key] != 1 {
			return fmt.Errorf("change %s stands %d times in the log, its end %d times", key, asked[key], ends[key])
		}
	}
	if len(asked) != len(a.ended) || len(ends) != len(a.ended) {
		return fmt.Errorf("%d changes were asked for, the log has %d and %d ends", len(a.ended), len(asked), len(ends))
	}
	return nil
}

// took is what many changes took.
type took struct{ answered, confirmed load.Histogram }

// play makes n changes of boards at random, so many at once; each of those who
// ask has boards of its own, so that no change overtakes another. lit is what
// the boards were asked for last.
func (a *asker) play(ctx context.Context, n, atOnce int, lit []bool) (*took, error) {
	all := &took{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	var failed error
	for i := range atOnce {
		asking.Go(func() {
			mine, err := a.some(ctx, n/atOnce, i, atOnce, lit)
			mu.Lock()
			defer mu.Unlock()
			all.answered.Merge(&mine.answered)
			all.confirmed.Merge(&mine.confirmed)
			if failed == nil {
				failed = err
			}
		})
	}
	asking.Wait()
	return all, failed
}

// some makes n changes, one after another, of every of-th board from first on.
func (a *asker) some(ctx context.Context, n, first, of int, lit []bool) (*took, error) {
	all := &took{}
	choice := rand.New(rand.NewPCG(uint64(first), uint64(of)))
	for range n {
		i := first + of*choice.IntN((len(lit)-first+of-1)/of)
		l, err := a.change(ctx, fmt.Sprintf("b%05d", i), !lit[i])
		if err != nil {
			return all, err
		}
		lit[i] = !lit[i]
		all.answered.Add(l.answered)
		all.confirmed.Add(l.confirmed)
	}
	return all, nil
}
