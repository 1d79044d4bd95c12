package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gobwas/ws/wsutil"

	"vaiven"
)

func TestSameBootTakesOver(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(reading, 1, 20)
	a.wantAck(1)
	b := r.dial()
	b.send(reading, 2, 20)
	b.wantAck(2)
	a.wantClose(4409)
}

func TestTwoBoardsUnderOneID(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(`{"IDDEVICE":101,"TEMP":20}`)
	r.until("the first", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":30}`)
	if m := b.want("CODE"); m["CODE"] != "device_in_use" || m["RETRY"] == nil {
		t.Errorf("newcomer is told %v", m)
	}
	r.until("a conflict", func() bool { return len(events[*vaiven.Conflict](r.m)) == 1 })
	if c := events[*vaiven.Conflict](r.m)[0]; len(c.Remotes) != 2 || c.Remotes[0] == c.Remotes[1] {
		t.Errorf("addresses %v", c.Remotes)
	}
	a.send(`{"IDDEVICE":101,"TEMP":21}`)
	r.until("the first goes on", func() bool { return len(events[*vaiven.Reading](r.m)) == 2 })
}

// silent is a board whose power was cut: its socket stays, nothing answers.
func (r *rig) silent(messages ...string) net.Conn {
	r.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "ws://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if resp, err := http.ReadResponse(bufio.NewReader(nc), nil); err != nil || resp.StatusCode != http.StatusSwitchingProtocols {
		r.t.Fatalf("handshake: %v %v", resp, err)
	}
	for _, m := range messages {
		if err := wsutil.WriteClientText(nc, []byte(m)); err != nil {
			r.t.Fatal(err)
		}
	}
	return nc
}

func TestSilentBoardIsReplaced(t *testing.T) {
	r := start(t, Limit{})
	r.silent(`{"IDDEVICE":101,"TEMP":20}`)
	r.until("the first", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":30}`)
	r.until("the second takes over", func() bool { return len(events[*vaiven.Reading](r.m)) == 2 })
	if got := r.g.Stats().Takeovers.Load(); got != 1 {
		t.Errorf("%d takeovers", got)
	}
}

func TestThreeTakeoversAreAConflict(t *testing.T) {
	r := start(t, Limit{})
	for i := 1; i <= 4; i++ {
		if len(events[*vaiven.Conflict](r.m)) != 0 {
			t.Fatalf("a conflict after %d connections", i-1)
		}
		b := r.dial()
		b.send(reading, i, 20)
		b.wantAck(i)
	}
	if got := events[*vaiven.Conflict](r.m); len(got) != 1 || len(got[0].Remotes) != 2 {
		t.Errorf("conflicts %v", got)
	}
}

func TestRefusedBoardKnowsWhichReading(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(`{"IDDEVICE":101,"TEMP":20}`)
	r.until("the first", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	b := r.dial()
	b.send(reading, 1, 20)
	if m := b.want("CODE"); m["CODE"] != "device_in_use" || m["SEQ"] != 1.0 || m["BOOT"] != "9f3c02aa" {
		t.Errorf("refusal %v", m)
	}
	d := r.g.lockDevice("101", true)
	first := d.conn.Load().peer.(*webSocket)
	d.mu.Unlock()
	answered := first.answered.Load()
	b.send(reading, 1, 20)
	b.want("CODE")
	if answered == 0 || first.answered.Load() != answered {
		t.Error("a newcomer that keeps asking keeps the first connection from being asked")
	}
}

// A concentrator that has just answered is not asked again for its other boards.
func TestConcentratorIsAskedOnce(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(`[{"IDDEVICE":101,"TEMP":20},{"IDDEVICE":102,"TEMP":20}]`)
	r.until("both", func() bool { return len(events[*vaiven.Reading](r.m)) == 2 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":30}`)
	b.want("CODE")
	d := r.g.lockDevice("102", true)
	first := d.conn.Load().peer.(*webSocket)
	d.mu.Unlock()
	answered := first.answered.Load()
	b.send(`{"IDDEVICE":102,"TEMP":30}`)
	if m := b.want("CODE"); m["CODE"] != "device_in_use" || answered == 0 || first.answered.Load() != answered {
		t.Errorf("told %v, and the first was asked again", m)
	}
}

// A BOOT stands for the board that gave it, not for whoever was there after it.
func TestBootOfAnEarlierBoardDoesNotTakeOver(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(reading, 1, 20)
	a.wantAck(1)
	_ = a.c.CloseNow()
	r.until("it is gone", func() bool { return len(events[*vaiven.Presence](r.m)) == 2 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":30}`)
	r.until("another board is there", func() bool { return len(events[*vaiven.Reading](r.m)) == 2 })
	c := r.dial()
	c.send(reading, 2, 20)
	if m := c.want("CODE"); m["CODE"] != "device_in_use" {
		t.Errorf("want device_in_use, got %v", m)
	}
}

// What a connection sent before it lost its device is not taken behind the
// takeover, and does not take the device back.
func TestTakenOverConnectionTakesNothingBack(t *testing.T) {
	r := start(t, Limit{})
	a := r.dial()
	a.send(reading, 1, 20)
	a.wantAck(1)
	d := r.g.lockDevice("101", true)
	first := d.conn.Load()
	d.mu.Unlock()
	first.closing.Store(true) // as close does, while an array of it is being handled
	a.send(reading, 2, 20)
	r.until("handled", func() bool { return r.g.Stats().Messages.Load() == 2 && !first.peer.(*webSocket).handling.Load() })
	b := r.dial()
	b.send(reading, 2, 20)
	b.wantAck(2)
	if got := r.g.Stats().Takeovers.Load(); got != 0 {
		t.Errorf("%d takeovers from a connection that was being closed", got)
	}
}

// A finished board that returns while its old socket is still closing hears the
// same goodbye, not that its own ghost is in its way.
func TestFinishedBoardReturnsAtOnce(t *testing.T) {
	r := start(t, Limit{Readings: 1})
	r.silent(`{"IDDEVICE":101,"TEMP":20}`) // never answers the close frame
	r.until("finished", func() bool { return len(events[*vaiven.SessionEnd](r.m)) == 1 })
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":20}`)
	b.want("BYE")
	b.wantClose(websocket.StatusNormalClosure)
	if got := events[*vaiven.Conflict](r.m); len(got) != 0 {
		t.Errorf("conflicts %v", got)
	}
}

func TestDisconnectionWaitsForABusyLog(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(`{"IDDEVICE":101,"TEMP":20}`)
	r.until("taken", func() bool { return len(events[*vaiven.Reading](r.m)) == 1 })
	r.m.set(func() { r.m.busy = true })
	_ = b.c.CloseNow()
	r.until("gone", func() bool { return r.g.Stats().Connections.Load() == 0 })
	r.m.set(func() { r.m.busy = false })
	r.later(retryEvery)
	if got := events[*vaiven.Presence](r.m); len(got) != 2 || got[1].Connected {
		t.Errorf("presence %v, want a disconnection", got)
	}
}
