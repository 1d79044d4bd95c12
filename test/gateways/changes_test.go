//go:build suites && linux

package gateways

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven/test/harness"
)

// met waits until every gateway has seen the board.
func met(t *testing.T, device string, gateways ...*harness.Server) {
	t.Helper()
	for _, g := range gateways {
		harness.Until(t, 4*time.Minute, "board "+device+" is known", func() bool {
			status, _, err := call(t.Context(), g, request{method: http.MethodGet, path: "/devices/" + device + "/state"})
			return err == nil && status == http.StatusOK
		})
	}
}

// TestChangesAskedAtAnotherGateway asks at gateways that the board is not
// connected to.
func TestChangesAskedAtAnotherGateway(t *testing.T) {
	t.Parallel()
	nats := natsServer(t)
	a, b, c := gateway(t, nats), gatewayIn(t, nats, "America/Bogota"), gateway(t, nats)
	t.Run("delivered and confirmed", func(t *testing.T) { askedElsewhere(t, a, b, c) })
	t.Run("one key asked for everywhere", func(t *testing.T) { oneKey(t, a, b, c) })
	t.Run("the board moves in the middle", func(t *testing.T) { movesInTheMiddle(t, a, b, c) })
	t.Run("names, groups and forgetting", func(t *testing.T) { described(t, a, b, c) })
}

func askedElsewhere(t *testing.T, a, b, c *harness.Server) {
	board := newBoard(t, "101", a)
	met(t, board.device, a, b, c)
	for i, x := range []struct {
		at     *harness.Server
		states values
		terms  map[string]string
		phase  string
		rev    uint64
	}{
		{b, values{"LED": 1}, nil, "confirmed", 1},
		{c, values{"LED": 0, "DIM": 40}, map[string]string{"within": "20s"}, "confirmed", 2},
		{a, values{"LED": 1}, map[string]string{"If-Match": `"1"`}, "refused", 0},
		{b, values{"LED": 1}, map[string]string{"If-Match": `"2"`}, "confirmed", 3},
	} {
		terms := map[string]string{"wait": "20s", "Idempotency-Key": fmt.Sprintf("%016x", i+1)}
		for name, text := range x.terms {
			terms[name] = text
		}
		harness.Until(t, 4*time.Minute, "the gateway has read so far", func() bool { return state(t, x.at, board.device).Rev >= uint64(min(i, 2)) })
		got := set(t, x.at, board.device, x.states, terms)
		if got.Phase != x.phase || got.Rev != x.rev {
			t.Errorf("%d: want %s, REV %d: %+v", i, x.phase, x.rev, got)
		}
	}
	if now := agree(t, board, a, b, c); now.Rev != 3 || len(now.Recent) != 4 || !covers(now.Desired, values{"LED": 1}) {
		t.Errorf("%+v", now)
	}
	log := same(t, a, b, c)
	for i, outcome := range []string{"confirmed", "confirmed", "refused", "confirmed"} {
		once(t, log, fmt.Sprintf("%016x", i+1), outcome)
	}
}

// oneKey asks for one change at all gateways at once, as somebody does who has
// no answer from the first.
func oneKey(t *testing.T, gateways ...*harness.Server) {
	board := newBoard(t, "102", gateways[0])
	met(t, board.device, gateways...)
	got := make(chan change, len(gateways))
	const key = "00000000000000aa"
	for _, g := range gateways {
		go func() {
			c, err := ask(t.Context(), g, request{
				method: http.MethodPost, path: "/devices/102/state/toggle", query: map[string][]string{"wait": {"20s"}},
				header: map[string]string{"Idempotency-Key": key}, body: map[string]any{"states": []string{"LED"}},
			})
			if err != nil {
				t.Error(err)
			}
			got <- c
		}()
	}
	for range gateways {
		if c := <-got; c.Rev != 1 || c.Phase != "confirmed" || c.States["LED"] != 1 {
			t.Errorf("%+v", c)
		}
	}
	if now := agree(t, board, gateways...); now.Rev != 1 || board.is()["LED"] != 1 {
		t.Errorf("%+v", now)
	}
	once(t, same(t, gateways...), key, "confirmed")
}

// movesInTheMiddle lets a board go when it was told what to do and has not done
// it: the next gateway tells it again.
func movesInTheMiddle(t *testing.T, a, b, c *harness.Server) {
	board := newBoard(t, "103", a)
	met(t, board.device, a, b, c)
	for rev, within := range []string{"", "25s"} {
		terms := map[string]string{}
		if within != "" {
			terms["within"] = within
		}
		board.move(a)
		board.slowDown()
		asked := set(t, b, board.device, values{"LED": float64(1 - rev)}, terms)
		harness.Until(t, 4*time.Minute, "the board was told", func() bool { return board.told(asked.Rev) > 0 })
		told := board.told(asked.Rev)
		board.move(c)
		harness.Until(t, 4*time.Minute, "the board was told again", func() bool { return board.told(asked.Rev) > told })
		board.release()
		agree(t, board, a, b, c)
		once(t, same(t, a, b, c), asked.Key, "confirmed")
		if board.is()["LED"] != float64(1-rev) {
			t.Errorf("the board is %v", board.is())
		}
	}
}

func described(t *testing.T, a, b, c *harness.Server) {
	board := newBoard(t, "104", a)
	met(t, board.device, a, b, c)
	words := map[string]any{"name": "Ventana", "note": "al sur", "groups": []string{"salón"}}
	r := request{method: http.MethodPatch, path: "/devices/104", body: words}
	if status, text, err := call(t.Context(), b, r); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, text, err)
	}
	for _, g := range []*harness.Server{a, b, c} {
		var d struct {
			Name, Note string
			Groups     []string
		}
		harness.Until(t, 4*time.Minute, "the name is known", func() bool {
			get(t, g, "/devices/104", nil, &d)
			return d.Name == "Ventana" && d.Note == "al sur" && len(d.Groups) == 1
		})
	}
	many := request{method: http.MethodPost, path: "/state", body: map[string]any{"groups": []string{"salón"}, "states": values{"DIM": 7}, "wait": "20s"}}
	if status, text, err := call(t.Context(), c, many); err != nil || status != http.StatusOK {
		t.Errorf("%d %s %v", status, text, err)
	}
	agree(t, board, a, b, c)
	if board.is()["DIM"] != 7 {
		t.Errorf("the board is %v", board.is())
	}
	board.away()
	for _, g := range []*harness.Server{a, b, c} {
		harness.Until(t, 4*time.Minute, "the board is gone", func() bool {
			var p presence
			get(t, g, "/devices/104", nil, &p)
			return p.Status == "disconnected"
		})
	}
	if status, text, err := call(t.Context(), a, request{method: http.MethodDelete, path: "/devices/104"}); err != nil || status != http.StatusNoContent {
		t.Fatalf("%d %s %v", status, text, err)
	}
	for _, g := range []*harness.Server{a, b, c} {
		harness.Until(t, 4*time.Minute, "the board is forgotten", func() bool {
			status, _, err := call(t.Context(), g, request{method: http.MethodGet, path: "/devices/104"})
			return err == nil && status == http.StatusNotFound
		})
	}
	same(t, a, b, c)
}

// TestGatewayDiesWithADeadline kills the gateway where changes with a deadline
// were asked for, one for a board that is away and one for a board that was told
// and does nothing. The other one withdraws them, and tells no board of them.
func TestGatewayDiesWithADeadline(t *testing.T) {
	t.Parallel()
	nats := natsServer(t)
	a, b := gateway(t, nats), gateway(t, nats)
	away, slow := newBoard(t, "101", a), newBoard(t, "102", a)
	met(t, "101", a, b)
	met(t, "102", a, b)
	away.away()
	slow.slowDown()
	terms := map[string]string{"within": "1500ms"}
	first := set(t, a, "101", values{"LED": 1}, terms)
	second := set(t, a, "102", values{"LED": 1}, terms)
	harness.Until(t, 4*time.Minute, "the slow board was told", func() bool { return slow.told(second.Rev) > 0 })
	a.Kill()
	for _, device := range []string{"101", "102"} {
		harness.Until(t, 4*time.Minute, "the other gateway withdraws the change of "+device, func() bool {
			now := state(t, b, device)
			return len(now.Open) == 0 && len(now.Desired) == 0 && len(now.Recent) == 1
		})
	}
	slow.release()
	away.move(b)
	slow.move(b)
	a.StartReady()
	for _, board := range []*board{away, slow} {
		if c := set(t, a, board.device, values{"DIM": 5}, map[string]string{"wait": "20s"}); c.Phase != "confirmed" || c.Rev != 2 {
			t.Errorf("board %s: %+v", board.device, c)
		}
		if now := agree(t, board, a, b); !covers(board.is(), values{"LED": 0, "DIM": 5}) || len(now.Desired) != 1 {
			t.Errorf("board %s is %v, and %v is wanted", board.device, board.is(), now.Desired)
		}
	}
	log := same(t, a, b)
	once(t, log, first.Key, "expired")
	once(t, log, second.Key, "expired")
}

// TestGatewayDiesBetweenReportAndEnd has a gateway write what a board reports
// before it knows of the change: its way to NATS lets nothing come back. Then it
// is killed, and somebody else has to see that the change is done.
func TestGatewayDiesBetweenReportAndEnd(t *testing.T) {
	t.Parallel()
	nats := natsServer(t)
	w := newWire(t, nats)
	a, b := gateway(t, w.addr), gateway(t, nats)
	hello := `{"HELLO":1,"IDDEVICE":"101","BOOT":"00000000000000b0","OLDEST":1,"NEXT":1,"LOST":0,"UP":1000,"LED":0}`
	old := dial(t, a)
	old.say(t, hello)
	met(t, "101", a, b)
	w.Deafen()
	asked := set(t, b, "101", values{"LED": 1}, nil)
	fresh := dial(t, b)
	fresh.say(t, hello)
	fresh.hear(t, `"REV":1`)
	old.say(t, `{"IDDEVICE":"101","BOOT":"00000000000000b0","LED":1,"REV":1}`)
	harness.Until(t, 4*time.Minute, "the report is in the log", func() bool {
		log, _ := history(t, b, map[string][]string{"kind": {"report"}})
		return len(log) == 1
	})
	if ends := lives(same(t, b), asked.Key)["change_end"]; len(ends) != 0 {
		t.Errorf("the gateway that knew nothing wrote the end: %+v", ends)
	}
	a.Kill()
	harness.Until(t, 4*time.Minute, "the other gateway confirms the change", func() bool { return len(state(t, b, "101").Open) == 0 })
	w.Cut()
	w.Join()
	a.StartReady()
	once(t, same(t, a, b), asked.Key, "confirmed")
	if x, y := state(t, a, "101"), state(t, b, "101"); x.Rev != 1 || y.Rev != 1 || !covers(x.Desired, values{"LED": 1}) || !covers(y.Desired, values{"LED": 1}) {
		t.Errorf("%+v and %+v", x, y)
	}
}

// wiredBoard is a board's bare WebSocket.
type wiredBoard struct{ conn *websocket.Conn }

func dial(t *testing.T, s *harness.Server) wiredBoard {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+s.Addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return wiredBoard{conn}
}

func (b wiredBoard) say(t *testing.T, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := b.conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// hear reads until something with that in it comes.
func (b wiredBoard) hear(t *testing.T, part string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		_, text, err := b.conn.Read(ctx)
		if err != nil {
			t.Fatalf("no %s: %v", part, err)
		}
		if bytes.Contains(text, []byte(part)) {
			return
		}
	}
}
