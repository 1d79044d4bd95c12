package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/wire"
)

func TestSendIsStoredInOrderAndAcknowledged(t *testing.T) {
	s := start(t, clienttest.Options{})
	var acked notes[client.Acked]
	c := dial(t, s, func(o *client.Options) { o.OnAck = acked.add; o.FW = "1.2.3" })
	sendN(t, c, 500)
	flush(t, c)
	checkStored(t, s, c, 500)
	for i, a := range acked.get() {
		if a.Seq != uint64(i+1) || a.Refused != "" || a.Sends < 1 || a.Boot != c.Boot() {
			t.Fatalf("acknowledgement %d: %+v", i, a)
		}
	}
	if st := c.Stats(); st.Sent != 500 || st.Acked != 500 || st.Pending != 0 || st.Resent != 0 || !st.Connected {
		t.Errorf("stats %+v", st)
	}
	if h := s.Hellos(); len(h) != 1 || h[0].Oldest != 1 || h[0].Next != 1 || h[0].FW != "1.2.3" || h[0].Up < 0 {
		t.Errorf("hellos %+v", h)
	}
}

func TestSendRefusesWhatNoServerTakes(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s, func(o *client.Options) { o.States = []vaiven.Value{{Name: "RELAY"}} })
	for name, values := range map[string][]vaiven.Value{
		"nothing":  nil,
		"bad name": {{Name: "temp", Num: 1}},
		"reserved": {{Name: "SEQ", Num: 1}},
		"a state":  {{Name: "RELAY", Num: 1}},
		"twice":    {{Name: "TEMP", Num: 1}, {Name: "TEMP", Num: 2}},
		"too many": make([]vaiven.Value, vaiven.MaxValues+1),
	} {
		if _, err := c.Send(within(t), client.Reading{Values: values}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if c.Next() != 1 {
		t.Errorf("a refused reading used a SEQ: next is %d", c.Next())
	}
}

func TestDialSaysWhatIsWrong(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := ln.Addr().String()
	_ = ln.Close()
	status := func(code int) string {
		return start(t, clienttest.Options{Refuse: func(*http.Request) int { return code }}).URL
	}
	for _, tt := range []struct {
		name, url, want string
	}{
		{"no scheme", "localhost:8080", "want ws://"},
		{"no host", "ws://", "no host"},
		{"nobody listens", "ws://" + free, "refused"},
		{"not a gateway", status(http.StatusNotFound), "vaiven server"},
		{"no token", status(http.StatusUnauthorized), "token"},
		{"full", status(http.StatusServiceUnavailable), "too many"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := client.Dial(within(t), client.Options{URL: tt.url, Device: "101"})
			if err == nil {
				end(c)
				t.Fatal("no error")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%q does not say %q", err, tt.want)
			}
		})
	}
	if _, err := client.Dial(within(t), client.Options{URL: "ws://" + free, Device: "no spaces"}); err == nil {
		t.Error("a bad device id was taken")
	}
}

func TestDialInTheBackgroundFindsTheServerLater(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	c, err := client.Dial(within(t), client.Options{URL: "ws://" + addr, Device: "101", Backoff: quick, Background: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(c) })
	sendN(t, c, 10)
	eventually(t, "a failed attempt", func() bool { return c.Stats().Disconnects > 0 })
	if ln, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	s := start(t, clienttest.Options{Listener: ln})
	flush(t, c)
	checkStored(t, s, c, 10)
	if h := s.Hellos(); h[0].Oldest != 1 || h[0].Next != 11 {
		t.Errorf("hello %+v", h[0])
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	mute := start(t, clienttest.Options{Intercept: func(*clienttest.Conn, *wire.Item) bool { return true }})
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := client.Dial(ctx, client.Options{URL: mute.URL, Device: "101"})
		failed <- err
	}()
	eventually(t, "a board that waits for its WELCOME", func() bool { return len(mute.Conns()) == 1 })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCloseDeliversWhatIsHeld(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s, nil)
	sendN(t, c, 200)
	if err := c.Close(within(t)); err != nil {
		t.Fatal(err)
	}
	checkStored(t, s, c, 200)
	if err := c.Close(within(t)); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := c.Send(within(t), client.Reading{Values: values(1)}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Send after Close: %v", err)
	}
	if err := c.SendRaw(within(t), []byte("{}")); !errors.Is(err, client.ErrClosed) {
		t.Errorf("SendRaw after Close: %v", err)
	}
	if !errors.Is(c.Err(), client.ErrClosed) {
		t.Errorf("Err after Close: %v", c.Err())
	}
	eventually(t, "the server sees the close", func() bool { return len(s.Conns()) == 0 })
}

func TestCloseSaysWhatItLeaves(t *testing.T) {
	s := start(t, clienttest.Options{Commit: func() bool { return false }})
	c := dial(t, s, nil)
	sendN(t, c, 3)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := c.Close(ctx); !errors.Is(err, client.ErrUnacknowledged) {
		t.Errorf("error %v", err)
	}
}

func TestCourseForm(t *testing.T) {
	var header notes[http.Header]
	s := start(t, clienttest.Options{Refuse: func(r *http.Request) int { header.add(r.Header); return 0 }})
	c := dial(t, s, func(o *client.Options) {
		o.Course = true
		o.Header = http.Header{"Origin": {"file://"}}
		o.Subprotocols = []string{"arduino"}
	})
	if _, err := c.Send(within(t), client.Reading{Values: values(1)}); !errors.Is(err, client.ErrCourse) {
		t.Errorf("Send: %v", err)
	}
	for i := range 20 {
		if err := c.SendUnacked(within(t), values(uint64(i))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "20 readings", func() bool { return len(s.Course()) == 20 })
	if h := header.get()[0]; h.Get("Origin") != "file://" || h.Get("Sec-WebSocket-Protocol") != "arduino" {
		t.Errorf("header %v", h)
	}
	if len(s.Hellos()) != 0 {
		t.Error("a HELLO was sent")
	}
}

func TestUnackedReadingsMixWithOthers(t *testing.T) {
	s := start(t, clienttest.Options{})
	c := dial(t, s, nil)
	sendN(t, c, 5)
	if err := c.SendUnacked(within(t), values(9)); err != nil {
		t.Fatal(err)
	}
	sendN(t, c, 5)
	flush(t, c)
	checkStored(t, s, c, 10)
	eventually(t, "the unacknowledged one", func() bool { return len(s.Course()) == 1 })
}

func TestBatchesOnlyWhenAllowed(t *testing.T) {
	for name, tt := range map[string]struct {
		bytes int
		want  func(messages uint64) bool
	}{
		"several a message":     {0, func(n uint64) bool { return n < 20 }},
		"one reading a message": {-1, func(n uint64) bool { return n == 101 }},
	} {
		t.Run(name, func(t *testing.T) {
			var open atomic.Bool
			s := start(t, clienttest.Options{Refuse: func(*http.Request) int {
				if open.Load() {
					return 0
				}
				return http.StatusServiceUnavailable
			}})
			o := client.Options{URL: s.URL, Device: "101", Backoff: quick, Background: true, BatchBytes: tt.bytes}
			c, err := client.Dial(within(t), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { end(c) })
			sendN(t, c, 100)
			open.Store(true)
			flush(t, c)
			checkStored(t, s, c, 100)
			if n := c.Stats().Messages; !tt.want(n) {
				t.Errorf("%d messages", n)
			}
		})
	}
}
