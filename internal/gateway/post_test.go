package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
)

var (
	home  = netip.MustParseAddrPort("192.0.2.1:40000")
	near  = netip.MustParseAddrPort("127.0.0.1:40000") // where the boards of rig.dial are
	other = netip.MustParseAddrPort("192.0.2.2:40000")
)

// answer is what a board over HTTP reads.
type answer struct {
	PostResult
	t        *testing.T
	messages []map[string]any
}

// post sends a message over HTTP, from another port each time.
func (r *rig) post(from netip.AddrPort, format string, args ...any) answer {
	r.t.Helper()
	a, err := r.tryPost(r.t.Context(), from, format, args...)
	if err != nil {
		r.t.Fatalf("post: %v", err)
	}
	return a
}

func (r *rig) tryPost(ctx context.Context, from netip.AddrPort, format string, args ...any) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	port := uint16(40000 + r.g.Stats().Posts.Load()%1000)
	res, err := r.g.Post(ctx, Sender{Remote: netip.AddrPortFrom(from.Addr(), port)}, false, fmt.Appendf(nil, format, args...))
	a := answer{PostResult: res, t: r.t}
	for _, m := range res.Messages {
		a.messages = append(a.messages, decoded(r.t, m))
	}
	return a, err
}

func decoded(t *testing.T, p []byte) (m map[string]any) {
	if err := json.Unmarshal(p, &m); err != nil {
		t.Errorf("%q: %v", p, err)
	}
	return m
}

// only returns the one message that has the key; there is no other.
func (a answer) only(key string) map[string]any {
	a.t.Helper()
	if len(a.messages) != 1 || a.messages[0][key] == nil {
		a.t.Fatalf("messages %v, want %s alone", a.messages, key)
	}
	return a.messages[0]
}

// polled reports whether device 101 waits at an address for its desired states.
func (r *rig) polled(from netip.AddrPort) bool {
	p := r.g.presences.find(presenceKey{from.Addr(), "101"})
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests > 0
}

func TestPostIsAnsweredAfterItsCommit(t *testing.T) {
	r := start(t, Limit{})
	r.m.set(func() { r.m.held = true })
	done := make(chan answer, 1)
	go func() {
		a, err := r.tryPost(t.Context(), home, "["+reading+","+reading+"]", 1, 20, 2, 21)
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	r.until("queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 2 })
	select {
	case a := <-done:
		t.Fatalf("answered %v before the commit", a.messages)
	default:
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	a := <-done
	if m := a.messages[len(a.messages)-1]; m["ACK"] != 2.0 || a.Readings != 2 {
		t.Errorf("answer %+v", a)
	}
}

func TestPostTakesWhatAWebSocketTakes(t *testing.T) {
	r := start(t, Limit{})
	if m := r.post(home, hello).only("WELCOME"); m["ACK"] != 0.0 || m["BOOT"] != "9f3c02aa" {
		t.Errorf("WELCOME %v", m)
	}
	r.post(home, reading, 1, 20).only("ACK")
	a := r.post(home, "["+reading+`,{"IDDEVICE":101,"SEQ":2,"TEMP":900},{"TEMP":1},{"IDDEVICE":102,"TEMP":20},{"IDDEVICE":101,"LED":1}]`, 1, 20)
	if a.Readings != 1 || a.Repeats != 1 || a.Reports != 1 || a.Refused != 2 || a.Refusal.Code != vaiven.CodeMissingDevice && a.Refusal.Code != vaiven.CodeOutOfRange {
		t.Errorf("result %+v", a.PostResult)
	}
	var codes []any
	acked := 0.0
	for _, m := range a.messages {
		if m["CODE"] != nil {
			codes = append(codes, m["CODE"])
		}
		if n, ok := m["ACK"].(float64); ok {
			acked = n
		}
	}
	if acked != 2 || len(codes) != 2 || !slices.Contains(codes, any("out_of_range")) || !slices.Contains(codes, any("missing_device")) {
		t.Errorf("messages %v", a.messages)
	}
	if m := r.post(home, reading, 9, 20).only("WELCOME"); m["ACK"] != 2.0 {
		t.Errorf("a jump is answered with %v", m)
	}
	if m := r.post(home, "hola").only("ERROR"); m["CODE"] != "not_json" {
		t.Errorf("told %v", m)
	}
	if a := r.post(home, `{"IDDEVICE":103,"TEMP":20}`); len(a.messages) != 0 || a.Readings != 1 {
		t.Errorf("a course reading is answered with %v", a.messages)
	}
}

func TestPostRemembersDeclaredStates(t *testing.T) {
	r := start(t, Limit{})
	r.post(home, `{"HELLO":1,"IDDEVICE":101,"STATES":"FAN"}`)
	if a := r.post(home, `{"IDDEVICE":101,"FAN":1}`); a.Reports != 1 {
		t.Errorf("result %+v", a.PostResult)
	}
	if a := r.post(home, `{"IDDEVICE":102,"FAN":1}`); a.Readings != 1 {
		t.Errorf("result %+v", a.PostResult)
	}
}

func TestPostedBoardIsConnectedForAWhile(t *testing.T) {
	r := start(t, Limit{})
	for range 3 {
		r.post(home, `{"IDDEVICE":101,"TEMP":20}`)
	}
	r.later(firstPresence - 5*time.Second)
	if got := r.presences("101"); !slices.Equal(got, []string{"here"}) || !r.g.Connected("101") {
		t.Fatalf("presence %v", got)
	}
	r.later(firstPresence)
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "gone 0"}) || r.g.Connected("101") {
		t.Fatalf("presence %v", got)
	}
	r.post(home, `{"IDDEVICE":101,"TEMP":20,"SLEEP":600000}`)
	r.paced("101") // every 5 s
	r.later(minPresence)
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "gone 0", "here", "silent", "gone 600000"}) &&
		!slices.Equal(got, []string{"here", "gone 0", "here", "gone 600000"}) {
		t.Errorf("presence %v", got)
	}
	if len(r.g.presences.all) != 0 || len(r.g.address.count) != 0 {
		t.Errorf("%d presences, %d addresses are remembered", len(r.g.presences.all), len(r.g.address.count))
	}
}

func TestPostAndWebSocketContend(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	if m := r.post(home, `{"IDDEVICE":101,"BOOT":"aaaaaaaa","SEQ":1,"TEMP":20}`).only("CODE"); m["CODE"] != "device_in_use" {
		t.Errorf("another board is told %v", m)
	}
	if len(r.g.presences.all) != 0 {
		t.Error("a board that was turned away is remembered")
	}
	if m := r.post(home, reading, 2, 20).only("CODE"); m["CODE"] != "device_in_use" {
		t.Errorf("somebody who knows its BOOT, from another address, is told %v", m)
	}
	a := r.post(near, reading, 2, 20) // the same board, which lost its WebSocket
	a.only("ACK")
	b.wantClose(4409)
	c := r.dial() // and another one: nobody is there at this moment
	c.send(`{"IDDEVICE":101,"BOOT":"aaaaaaaa","SEQ":1,"TEMP":20}`)
	c.wantAck(1)
	if len(r.g.presences.all) != 0 {
		t.Error("the presence that lost its device is remembered")
	}
}

func TestTwoPostersUnderOneID(t *testing.T) {
	r := start(t, Limit{})
	for range 2 {
		r.post(home, `{"IDDEVICE":101,"TEMP":20}`)
		r.post(other, `{"IDDEVICE":101,"TEMP":30}`)
	}
	if got := events[*vaiven.Conflict](r.m); len(got) != 1 || len(got[0].Remotes) != 2 {
		t.Errorf("conflicts %+v", got)
	}
	if got := len(events[*vaiven.Reading](r.m)); got != 2 { // who came second waits until the first is gone
		t.Errorf("%d readings", got)
	}
	turns := 0
	r.g.schedule.mu.Lock()
	for _, x := range r.g.schedule.heap {
		if _, ok := x.of.(*presence); ok {
			turns++
		}
	}
	r.g.schedule.mu.Unlock()
	if turns != 1 {
		t.Errorf("%d boards by HTTP get a turn, want the one that is here", turns)
	}
}

// A board that waits for its desired states is there.
func TestBoardThatWaitsByHTTPIsNotTakenOver(t *testing.T) {
	r := startWithTwins(t)
	r.post(home, hello)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := r.g.AwaitDesired(ctx, Sender{Remote: home}, "101", 0); done <- err }()
	r.until("it waits", func() bool { return r.polled(home) })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":20}`)
	if m := b.want("CODE"); m["CODE"] != "device_in_use" {
		t.Errorf("told %v", m)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestPostedSessionTakesExactlyN(t *testing.T) {
	r := start(t, Limit{Readings: 3})
	r.post(home, `{"IDDEVICE":101,"TEMP":20}`)
	a := r.post(home, `[{"IDDEVICE":101,"TEMP":20},{"IDDEVICE":101,"TEMP":20},{"IDDEVICE":101,"TEMP":20}]`)
	if m := a.only("BYE"); m["RETRY"] != 0.0 || !a.Bye || a.Readings != 2 {
		t.Errorf("BYE %v, result %+v", m, a.PostResult)
	}
	if a := r.post(home, `{"IDDEVICE":101,"TEMP":20}`); !a.Bye || a.Readings != 0 {
		t.Errorf("a finished board is told %v", a.messages)
	}
	if len(r.g.presences.all) != 0 {
		t.Error("a finished board is remembered")
	}
}

// The end of a session may be on disk before the rest of its message is looked at.
func TestPostGoesOnBehindItsSessionsEnd(t *testing.T) {
	r := start(t, Limit{Readings: 3})
	body := strings.Repeat(`,{"IDDEVICE":101,"TEMP":20}`, maxUnnumbered)
	a := r.post(home, "%s", "["+body[1:]+"]")
	if m := a.only("BYE"); m["RETRY"] != 0.0 || !a.Bye || a.Readings != 3 || a.NotTaken != 0 {
		t.Errorf("BYE %v, result %+v", m, a.PostResult)
	}
}

func TestPostBringsDesiredStatesUntilConfirmed(t *testing.T) {
	r := startWithTwins(t)
	key := r.ask("101", 1, led(1))
	if m := r.post(home, hello).only("WELCOME"); m["LED"] != 1.0 || m["REV"] != 1.0 {
		t.Errorf("WELCOME %v", m)
	}
	for range 2 { // the answer was lost
		if m := r.post(home, `{"IDDEVICE":101,"TEMP":20}`).only("REV"); m["LED"] != 1.0 {
			t.Errorf("told %v", m)
		}
	}
	if a := r.post(home, `{"IDDEVICE":101,"LED":1,"REV":1}`); len(a.messages) != 0 {
		t.Errorf("told %v", a.messages)
	}
	if got := r.ends("101"); !slices.Equal(got, []string{"confirmed"}) {
		t.Errorf("ends %v", got)
	}
	if a := r.post(home, `{"IDDEVICE":101,"TEMP":20}`); len(a.messages) != 0 {
		t.Errorf("told %v", a.messages)
	}
	r.wantSent(key)
}

func TestChangeIsNotSentToABoardThatIsNotThere(t *testing.T) {
	r := startWithTwins(t)
	r.post(home, hello)
	r.ask("101", 1, led(1))
	r.later(firstRepeat)
	if got := r.sentKeys(); len(got) != 0 {
		t.Errorf("sent %v", got)
	}
	r.post(home, `{"IDDEVICE":101,"TEMP":20}`).only("REV")
}

func TestPostLimits(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) { o.MaxMessage, o.MaxDevices, o.MaxPerAddress = 200, 2, 2 })
	var e *vaiven.Error
	if _, err := r.g.Post(t.Context(), Sender{Remote: home}, false, make([]byte, 201)); !errors.As(err, &e) || e.Code != vaiven.CodeTooLarge {
		t.Errorf("too large: %v", err)
	}
	a := r.post(home, `[{"IDDEVICE":1,"TEMP":1},{"IDDEVICE":2,"TEMP":1},{"IDDEVICE":3,"TEMP":1}]`)
	if a.Readings != 2 || a.only("CODE")["CODE"] != "too_many_devices" {
		t.Errorf("answer %+v", a)
	}
	if m := r.post(home, `{"IDDEVICE":4,"TEMP":1}`).only("CODE"); m["CODE"] != "busy" || m["IDDEVICE"] != 4.0 {
		t.Errorf("a third device of an address is told %v", m)
	}
}

func TestBusyLogIsSaid(t *testing.T) {
	r := start(t, Limit{})
	r.m.set(func() { r.m.busy = true })
	if m := r.post(home, reading, 1, 20).only("CODE"); m["CODE"] != "busy" || m["RETRY"] == nil {
		t.Errorf("told %v", m)
	}
	if len(r.g.presences.all) != 0 {
		t.Error("a board that could not be taken on is remembered")
	}
}

// Boards behind one address, each sending for the same two devices in another
// order, with a poll beside them.
func TestPostsOfOneAddressTakeTurns(t *testing.T) {
	r := startWithTwins(t)
	r.post(home, hello)
	ctx, cancel := context.WithCancel(t.Context())
	var polls, posts sync.WaitGroup
	polls.Go(func() {
		for rev := uint64(0); ctx.Err() == nil; rev++ {
			_, _ = r.g.AwaitDesired(ctx, Sender{Remote: home}, "101", rev)
		}
	})
	for i := range 8 {
		posts.Go(func() {
			for j := range 20 {
				one, two := 101, 102
				if (i+j)%2 == 0 {
					one, two = two, one
				}
				a, err := r.tryPost(ctx, home, `[{"IDDEVICE":%d,"TEMP":1},{"IDDEVICE":%d,"TEMP":2}]`, one, two)
				if err != nil || a.Readings != 2 {
					t.Errorf("%v %+v", err, a.PostResult)
				}
				r.ask("101", 100*i+j+1, led(float64(j%2)))
			}
		})
	}
	posts.Wait()
	cancel()
	polls.Wait()
	if got := len(events[*vaiven.Reading](r.m)); got != 320 {
		t.Errorf("%d readings, want 320", got)
	}
	if got := r.presences("102"); !slices.Equal(got, []string{"here"}) {
		t.Errorf("presence %v", got)
	}
}

func TestShutdownEndsPresences(t *testing.T) {
	r := startWithTwins(t)
	r.post(home, hello)
	done := make(chan error, 1)
	go func() { _, err := r.g.AwaitDesired(t.Context(), Sender{Remote: home}, "101", 0); done <- err }()
	r.until("it waits", func() bool { return r.polled(home) })
	r.g.Shutdown(t.Context())
	var e *vaiven.Error
	if err := <-done; !errors.As(err, &e) || e.Code != vaiven.CodeBusy {
		t.Errorf("the waiting board is told %v", err)
	}
	if got := r.presences("101"); !slices.Equal(got, []string{"here", "gone 0"}) {
		t.Errorf("presence %v", got)
	}
	if _, err := r.tryPost(t.Context(), home, reading, 1, 20); !errors.As(err, &e) || e.Code != vaiven.CodeBusy {
		t.Errorf("a late board is told %v", err)
	}
}

// A request that is waiting for a log that stands still does not keep the server
// from stopping.
func TestShutdownDoesNotWaitForACommit(t *testing.T) {
	r := start(t, Limit{})
	r.m.set(func() { r.m.held = true })
	done := make(chan error, 1)
	go func() { _, err := r.tryPost(t.Context(), home, reading, 1, 20); done <- err }()
	r.until("queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r.g.Shutdown(ctx)
	if err := <-done; err == nil {
		t.Error("answered as if it were on disk")
	}
	r.m.set(func() { r.m.held = false })
	r.m.commit()
}

// awaited is one long poll, in JSON.
func (r *rig) awaited(rev uint64) map[string]any {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	m, err := r.g.AwaitDesired(ctx, Sender{Remote: home}, "101", rev)
	if err != nil || m == nil {
		r.t.Fatalf("await: %s %v", m, err)
	}
	return decoded(r.t, m)
}

func TestAwaitDesired(t *testing.T) {
	r := startWithTwins(t)
	if _, err := r.g.AwaitDesired(t.Context(), Sender{Remote: home}, "101", 0); !errors.Is(err, ErrNotPosted) {
		t.Errorf("before anything was posted: %v", err)
	}
	r.post(home, hello)
	first := r.ask("101", 1, led(1))
	if m := r.awaited(0); m["LED"] != 1.0 || m["REV"] != 1.0 || m["IDDEVICE"] != 101.0 {
		t.Errorf("told %v", m)
	}
	r.wantSent(first)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := r.g.AwaitDesired(ctx, Sender{Remote: home}, "101", 1); m != nil || err != nil {
		t.Errorf("with nothing new: %s %v", m, err)
	}
	done := make(chan map[string]any, 1)
	go func() { done <- r.awaited(1) }()
	r.until("it waits", func() bool { return r.polled(home) })
	second := r.ask("101", 2, led(0), func(c *vaiven.Change) { c.Deadline = c.At + 60_000 })
	if m := <-done; m["LED"] != 0.0 || m["REV"] != 2.0 || m["UNTIL"] == nil {
		t.Errorf("told %v", m)
	}
	r.wantSent(first, second)
	if m := r.awaited(1); m["REV"] != 2.0 {
		t.Errorf("the answer was lost, and then %v", m)
	}
	if _, err := r.g.AwaitDesired(t.Context(), Sender{Remote: other}, "101", 0); err == nil {
		t.Error("another address is given the states of a board that is here")
	}
}

func TestAwaitEndsWithThePresence(t *testing.T) {
	r := startWithTwins(t)
	r.post(near, hello)
	done := make(chan error, 1)
	go func() { _, err := r.g.AwaitDesired(t.Context(), Sender{Remote: near}, "101", 0); done <- err }()
	r.until("it waits", func() bool { return r.polled(near) })
	b := r.dial() // the same board, by WebSocket now
	b.send(hello)
	b.want("WELCOME")
	var e *vaiven.Error
	if err := <-done; !errors.As(err, &e) || e.Code != vaiven.CodeDeviceInUse {
		t.Errorf("told %v", err)
	}
	_ = b.c.Close(websocket.StatusNormalClosure, "")
}
