//go:build suites && linux

package gateways

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"vaiven/internal/web/api"
	"vaiven/test/harness"
)

// TestFollowersGoOnAtAnotherGateway follows the log over each transport while
// boards send at speed and move between two gateways, first away from one that
// has lost its way to NATS and publishes what it held when that is back, so that
// readings are in the log twice; then away from one that is killed, which the
// followers have to leave as well. In the end each of them was told every event
// once, in the log's order and in the words in which three gateways tell their
// history, the last of which has only read about it.
func TestFollowersGoOnAtAnotherGateway(t *testing.T) {
	nats := natsServer(t)
	w, v := newWire(t, nats), newWire(t, nats)
	a, b := gateway(t, w.addr), gatewayIn(t, v.addr, "America/Bogota")
	fleet := harness.NewFleet(t, a.Addr, 6)
	for _, board := range fleet.Boards {
		board.Pace = 4 * time.Millisecond
	}
	followers := followAll(t, a, b)
	front := newWire(t, a.Addr)
	watched := watch(t, front)
	fleet.Start(t)
	for range *cycles {
		progress(t, fleet)
		doubt(t, fleet, w, a, b)
		a.Kill()
		front.Lead(b.Addr)
		move(t, fleet, b)
		a.StartReady()
		move(t, fleet, a)
		a, b, w, v = b, a, v, w
	}
	c := gateway(t, nats)
	fleet.Stop()
	log := same(t, a, b, c)
	if len(log) == 0 || twice(log) == 0 {
		t.Errorf("%d events, and nothing in the log is there twice: this has shown little", len(log))
	}
	for _, f := range append(followers, watched) {
		if f.check(t, log); f.went() == 0 {
			t.Errorf("%s %v: never went to another gateway", f.transport, f.filter)
		}
	}
	if i := slices.IndexFunc(log, func(e event) bool { return e.Kind == "gap" || e.Kind == "refusal" || e.Kind == "rejected" }); i >= 0 {
		t.Errorf("no board gave anything up, and the log has %s", log[i].raw)
	}
	sameStretches(t, log, a, b, c)
	fleet.CheckCSV(t, a.CSV())
	t.Logf("%d events; at least %d more that were there before", len(log), twice(log))
}

// TestAFollowerFindsAGatewayThatIsBehind has followers come from a gateway that
// is ahead of the next one, which has lost its way to NATS. They are told to come
// again, for their id is the log's, and go on behind it when the way is back.
func TestAFollowerFindsAGatewayThatIsBehind(t *testing.T) {
	t.Parallel()
	nats := natsServer(t)
	w := newWire(t, nats)
	a, b := gateway(t, nats), gateway(t, w.addr)
	board := newBoard(t, "101", a)
	met(t, board.device, a, b)
	w.Deafen()
	set(t, a, board.device, values{"LED": 1}, map[string]string{"wait": "20s"})
	told, _ := history(t, a, nil)
	last := told[len(told)-1].ID
	var followers []*follower
	for name := range transports {
		followers = append(followers, follow(t, name, nil, last, b))
	}
	behind := request{method: http.MethodGet, path: "/live/poll", query: url.Values{"after": {last}}}
	if status, text, err := call(t.Context(), b, behind); err != nil || status != http.StatusServiceUnavailable {
		t.Errorf("%d %s %v", status, text, err)
	}
	w.Cut()
	w.Join()
	set(t, a, board.device, values{"LED": 0}, map[string]string{"wait": "20s"})
	log := same(t, a, b)
	for _, f := range followers {
		f.check(t, log[len(told):])
	}
}

// followAll follows over every transport: everything, one board, and what
// seldom happens.
func followAll(t *testing.T, gateways ...*harness.Server) (all []*follower) {
	for name := range transports {
		for _, filter := range []url.Values{{}, {"device": {"002"}, "kind": {"reading"}}, {"kind": {"presence"}}} {
			all = append(all, follow(t, name, filter, "0", gateways...))
		}
	}
	return all
}

// watch follows with the product's own client, which knows one address only and
// does not notice who answers there.
func watch(t *testing.T, front *wire) *follower {
	t.Helper()
	f := &follower{transport: "the Go client"}
	c, err := api.New(api.Options{Server: "http://" + front.addr, Token: everywhere})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		err := c.Watch(ctx, api.Filter{}, "0", func(e api.Event) error {
			f.served(front.where())
			return f.take(e.Raw)
		}, nil)
		if ctx.Err() == nil {
			t.Errorf("the Go client gave up: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return f
}

// doubt makes the boards leave a with readings of theirs that are not
// acknowledged, which b appends, and then a as well.
func doubt(t *testing.T, f *harness.Fleet, w *wire, a, b *harness.Server) {
	t.Helper()
	w.Cut()
	harness.Until(t, 4*time.Minute, "boards wait for acknowledgements", func() bool {
		return !slices.ContainsFunc(f.Boards, (*harness.Board).Settled)
	})
	move(t, f, b)
	w.Join()
	move(t, f, a)
}

// move makes all boards go to another gateway, and waits until they are
// acknowledged there.
func move(t *testing.T, f *harness.Fleet, to *harness.Server) {
	t.Helper()
	for _, b := range f.Boards {
		b.Move(to.Addr)
	}
	progress(t, f)
}

// twice counts the places in the log that its history leaves out: events that
// were in it before. Those at the end of a record cannot be seen so.
func twice(log []event) (n uint64) {
	var record, index uint64
	for i := range log {
		var r, x uint64
		if _, err := fmt.Sscanf(log[i].ID, "%d.%d", &r, &x); err != nil {
			return 0
		}
		if r != record {
			n += r - record - 1 + x
		} else {
			n += x - index - 1
		}
		record, index = r, x
	}
	return n
}

// sameStretches asks every gateway for parts of the log by time, which have to be
// the same everywhere, and all that was received between those times, although
// what a gateway held while it was cut off stands behind what came later.
func sameStretches(t *testing.T, log []event, gateways ...*harness.Server) {
	t.Helper()
	for _, part := range [][2]int{{0, 8}, {0, 1}, {1, 3}, {2, 5}, {3, 3}, {5, 6}, {7, 8}, {8, 8}} {
		since, until := log[part[0]*(len(log)-1)/8].At, log[part[1]*(len(log)-1)/8].At
		q := url.Values{"since": {since.Format(time.RFC3339Nano)}, "until": {until.Format(time.RFC3339Nano)}, "device": {"001,003"}}
		var want []string
		for i := range log {
			e := &log[i]
			if !e.At.Before(since) && !e.At.After(until) && (e.Device == "001" || e.Device == "003") {
				want = append(want, e.raw)
			}
		}
		found, first := history(t, gateways[0], q)
		for _, g := range gateways[1:] {
			if _, other := history(t, g, q); !bytes.Equal(first, other) {
				t.Errorf("since %v until %v: two gateways tell %d and %d bytes", since, until, len(first), len(other))
			}
		}
		var got []string
		for i := range found {
			got = append(got, found[i].raw)
		}
		if !slices.Equal(got, want) {
			t.Errorf("since %v until %v: %d events, and the log has %d", since, until, len(got), len(want))
		}
	}
}
