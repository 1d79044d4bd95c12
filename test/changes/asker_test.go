//go:build suites && linux

package changes

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// asker changes the states of one device, one change after the other, as a
// careful program does: under a key, and again until there is an answer.
type asker struct {
	b      *board
	api    *api
	ledger *ledger
	think  time.Duration // at most, between changes
	urgent bool          // some changes have a deadline
	rand   *rand.Rand
	fail   func(error) // told of answers that there may not be
	rev    uint64      // of the device, as far as the asker knows
}

// run asks as long as more says so.
func (a *asker) run(ctx context.Context, more func() bool) {
	for pause(ctx, random(a.think)) && more() {
		a.change(ctx)
	}
}

// change asks for something, until it has an answer.
func (a *asker) change(ctx context.Context) {
	r, n := a.wish(ctx)
	a.ledger.ask(n)
	for ctx.Err() == nil {
		got, err := a.ask(ctx, r)
		a.ledger.tried(n, got)
		if got != nil {
			a.rev = got.rev
			return
		}
		if err != nil {
			a.fail(err)
			return
		}
		pause(ctx, 20*time.Millisecond+random(100*time.Millisecond))
	}
}

// withins are how long changes may take to be applied, "": as long as it takes.
var withins = []string{"", "", "", "", "60ms", "300ms", "1s", "3s", "8s"}

// wish makes up a change and the request for it.
func (a *asker) wish(ctx context.Context) (request, *asked) {
	n := &asked{device: a.b.device, key: key()}
	r := request{path: "/devices/" + n.device + "/state", query: url.Values{}, header: map[string]string{"Idempotency-Key": n.key}}
	if w := withins[a.rand.IntN(len(withins))]; a.urgent && w != "" {
		r.query.Set("within", w)
	}
	if a.rand.IntN(5) == 0 {
		r.query.Set("wait", "500ms")
	}
	if a.rand.IntN(6) == 0 {
		if s, err := a.api.state(ctx, n.device); err == nil && a.rand.IntN(2) == 0 {
			a.rev = s.Rev
		}
		r.header["If-Match"] = strconv.Quote(strconv.FormatUint(a.rev, 10))
	}
	names := a.some()
	if a.rand.IntN(3) == 0 {
		n.toggle = names
		r.method, r.body = http.MethodPost, map[string]any{"states": names}
		r.path += "/toggle"
		return r, n
	}
	n.states = values{}
	for _, name := range names {
		n.states[name] = float64(a.rand.IntN(2))
		if name == "DIM" {
			n.states[name] = float64(a.rand.IntN(101))
		}
	}
	r.method, r.body = http.MethodPut, n.states
	return r, n
}

// key names a change.
func key() string { return fmt.Sprintf("%016x", rand.Uint64()) }

// some are one or two of the board's states.
func (a *asker) some() []string {
	names := make([]string, 0, 2)
	for _, i := range a.rand.Perm(len(a.b.names))[:min(1+a.rand.IntN(2), len(a.b.names))] {
		names = append(names, a.b.names[i])
	}
	return names
}

// ask makes the request once. Without an answer, and without an error, it is to
// be made again: the server was away or busy, or the answer was lost, which
// happens to some of them in any case.
func (a *asker) ask(ctx context.Context, r request) (*answer, error) {
	patience := 7 * time.Second
	if a.rand.IntN(12) == 0 {
		patience = time.Duration(a.rand.IntN(20_000)) * time.Microsecond
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var c given
	status, err := a.api.call(ctx, r, &c)
	switch {
	case status == 0 || errors.Is(err, errNotNow):
		return nil, nil
	case err != nil:
		return nil, err
	case status != http.StatusOK && status != http.StatusAccepted && status != http.StatusPreconditionFailed:
		return nil, fmt.Errorf("%s %s %v: %d", r.method, r.path, r.body, status)
	}
	return c.answer(status), nil
}

// given is the API's answer to a change.
type given struct {
	Rev    uint64 `json:"rev"`
	Phase  string `json:"phase"`
	States values `json:"states"`
}

func (c *given) answer(status int) *answer {
	return &answer{status: status, rev: c.Rev, phase: c.Phase, states: c.States}
}

// random is a duration up to limit.
func random(limit time.Duration) time.Duration {
	return time.Duration(rand.Int64N(int64(max(limit, 1))))
}

// pause waits; false when ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
