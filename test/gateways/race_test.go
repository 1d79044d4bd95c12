//go:build suites && linux

package gateways

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// changesPerPhase is how many changes are asked for between one thing that
// happens to the gateways and the next.
const changesPerPhase = 100

// TestGatewaysRaceForBoards has two boards switched through three gateways at
// once, with toggles, deadlines and compare-and-set, while the boards move from
// one to the other and the gateways are killed or hang. Who asked and got no answer asks
// the next gateway under the same key. All of them have to agree on what every
// change was given and how it ended.
func TestGatewaysRaceForBoards(t *testing.T) {
	t.Parallel()
	nats := natsServer(t)
	gateways := []*harness.Server{gateway(t, nats), gatewayIn(t, nats, "America/Bogota"), gateway(t, nats)}
	boards := []*board{newBoard(t, "101", gateways[0]), newBoard(t, "102", gateways[1])}
	r := &race{t: t, gateways: gateways, answers: map[string]map[string]change{}}
	for _, b := range boards {
		met(t, b.device, gateways...)
		r.answers[b.device] = map[string]change{}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	for _, b := range boards {
		for home := range gateways {
			r.askers.Go(func() { r.ask(ctx, b.device, home) })
		}
	}
	for i := range 2 * *cycles {
		r.progress()
		boards[0].move(gateways[(i+1)%3])
		r.progress()
		r.lose(gateways[i%3], i%2 == 1, func() {
			for _, b := range boards {
				b.move(gateways[(i+1+rand.IntN(2))%3])
			}
			r.progress()
		})
	}
	r.enough.Store(true)
	r.askers.Wait()
	for _, b := range boards {
		r.check(b, agree(t, b, gateways...))
	}
	for _, g := range gateways {
		g.Stop()
	}
}

// lose does something while a gateway hangs or is dead.
func (r *race) lose(g *harness.Server, hang bool, while func()) {
	if hang {
		g.Signal(syscall.SIGSTOP)
		while()
		g.Signal(syscall.SIGCONT)
		return
	}
	g.Kill()
	while()
	g.StartReady()
}

// race is those who ask, and what they were answered.
type race struct {
	t        *testing.T
	gateways []*harness.Server
	askers   sync.WaitGroup
	begun    atomic.Int64
	enough   atomic.Bool

	mu      sync.Mutex
	answers map[string]map[string]change // by device and key
	retried int
}

// progress waits until so many more changes were asked for.
func (r *race) progress() {
	r.t.Helper()
	want := r.begun.Load() + changesPerPhase
	harness.Until(r.t, 2*time.Minute, "changes are asked for", func() bool { return r.begun.Load() >= want || r.t.Failed() })
}

// ask asks for one change after the other, at home as long as that answers.
func (r *race) ask(ctx context.Context, device string, home int) {
	for rev := uint64(0); ctx.Err() == nil && !r.enough.Load(); {
		r.begun.Add(1)
		key := fmt.Sprintf("%016x", rand.Uint64())
		q := wished(device, key, rev)
		if c, ok := r.insist(ctx, q, home); ok {
			rev = c.Rev
			r.mu.Lock()
			r.answers[device][key] = c
			r.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(10 * time.Millisecond)):
		}
	}
}

// insist asks one gateway after the other, until one answers or one hangs: a key
// that is very old by then would be a new one.
func (r *race) insist(ctx context.Context, q request, at int) (change, bool) {
	for ; ctx.Err() == nil; at++ {
		now, cancel := context.WithTimeout(ctx, 2*time.Second)
		c, err := ask(now, r.gateways[at%len(r.gateways)], q)
		cancel()
		switch {
		case err == nil:
			return c, true
		case errors.Is(err, errRefused):
			r.t.Errorf("%s %s %v: %v", q.method, q.path, q.body, err)
			return c, false
		case errors.Is(err, context.DeadlineExceeded):
			return c, false
		}
		r.mu.Lock()
		r.retried++
		r.mu.Unlock()
	}
	return change{}, false
}

// wished makes up a change.
func wished(device, key string, rev uint64) request {
	r := request{
		method: http.MethodPut, path: "/devices/" + device + "/state", query: url.Values{}, header: map[string]string{"Idempotency-Key": key},
	}
	if rand.IntN(4) == 0 {
		r.query.Set("within", []string{"5ms", "100ms", "1s", "5s"}[rand.IntN(4)])
	}
	if rand.IntN(4) == 0 {
		r.query.Set("wait", "200ms")
	}
	if rand.IntN(4) == 0 {
		r.header["If-Match"] = strconv.Quote(strconv.FormatUint(rev, 10))
	}
	switch rand.IntN(4) {
	case 0:
		r.method, r.path, r.body = http.MethodPost, r.path+"/toggle", map[string][]string{"states": {"LED"}}
	case 1:
		r.method, r.path, r.body = http.MethodPost, r.path+"/toggle", map[string][]string{"states": {"LED", "DIM"}}
	case 2:
		r.body = values{"LED": float64(rand.IntN(2))}
	default:
		r.body = values{"DIM": float64(rand.IntN(100))}
	}
	return r
}

// check holds the log, which all gateways tell alike, against the rules, what was
// answered, and where the device stands.
func (r *race) check(b *board, now standing) {
	t := r.t
	m := modelOf(b.device, same(t, r.gateways...))
	for key, c := range r.answers[b.device] {
		m.answered(key, c)
	}
	if now.Rev != m.rev || !maps.Equal(now.Desired, m.wanted()) {
		t.Errorf("%s is at REV %d and %v is wanted, say the gateways; the log says %d, %v", b.device, now.Rev, now.Desired, m.rev, m.wanted())
	}
	if len(m.changes) < len(r.answers[b.device]) {
		t.Errorf("%s: %d changes, and %d were answered", b.device, len(m.changes), len(r.answers[b.device]))
	}
	for _, err := range m.wrong[:min(len(m.wrong), 5)] {
		t.Error(err)
	}
	outcomes := slices.Sorted(maps.Keys(m.ended))
	t.Logf("%s: %d changes, %v; %d requests went to the next gateway", b.device, len(m.changes), counted(outcomes, m.ended), r.retried)
}

func counted(names []string, n map[string]int) (list []string) {
	for _, name := range names {
		list = append(list, fmt.Sprintf("%s %d", name, n[name]))
	}
	return list
}
