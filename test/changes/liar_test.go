//go:build suites && linux

package changes

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

// TestLiarsAreSeen is the control: with boards that are not what they say, on a
// real server, the check must complain, or it could not see a fault of the
// server's either. Of the honest board beside them it must not.
func TestLiarsAreSeen(t *testing.T) {
	want := map[vice]string{
		honest: "", claims: "is called confirmed", contrary: "which nobody asked for", tardy: "ms after its deadline",
	}
	w := newWorld(t, nil, 0)
	for v := range want {
		w.add(&board{names: []string{"LED"}, vice: v})
	}
	w.begin()
	for _, b := range w.boards {
		w.put(b, values{"LED": 1}, "", "10s")
		goOn := b.net.stall()
		w.put(b, values{"LED": 0}, "100ms", "300ms")
		goOn()
	}
	for _, b := range w.boards {
		harness.Until(t, 4*time.Minute, "all changes have ended", func() bool {
			now, err := w.standing(b)
			return err == nil && now.open == 0 && w.heardTheLast(b)
		})
	}
	_, wrong := w.history().check()
	for _, b := range w.boards {
		about := slices.DeleteFunc(slices.Clone(wrong), func(err error) bool { return !strings.Contains(err.Error(), b.device) })
		seen := slices.ContainsFunc(about, func(err error) bool { return strings.Contains(err.Error(), want[b.vice]) })
		if b.vice == honest {
			report(t, about)
		} else if !seen {
			t.Errorf("board %s %s: want a complaint with %q, got %v", b.device, b.vice, want[b.vice], about)
		}
	}
}

// heardTheLast reports whether the change that came too late has come.
func (w *world) heardTheLast(b *board) bool {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	list := w.ledger.did[b.device]
	return slices.ContainsFunc(list, func(d did) bool { return d.rev == 2 && d.what != reported })
}

// put asks for states of a board once.
func (w *world) put(b *board, s values, within, wait string) {
	w.t.Helper()
	n := &asked{device: b.device, key: key(), states: s}
	w.ledger.ask(n)
	r := request{
		method: http.MethodPut, path: "/devices/" + b.device + "/state", body: s,
		query: url.Values{"within": {within}, "wait": {wait}}, header: map[string]string{"Idempotency-Key": n.key},
	}
	var c given
	status, err := w.api.call(w.t.Context(), r, &c)
	if err != nil || status >= 300 {
		w.t.Fatal(status, err)
	}
	w.ledger.tried(n, c.answer(status))
}
