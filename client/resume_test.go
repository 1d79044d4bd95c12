package client_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/wire"
)

func TestResumeWhereALowerAckSays(t *testing.T) {
	var low atomic.Bool
	s := start(t, clienttest.Options{Welcome: func(w *wire.Welcome) {
		if low.Load() {
			w.Ack /= 2 // less than the truth, as after a restart
		}
	}})
	c := dial(t, s, nil)
	sendN(t, c, 20)
	flush(t, c)
	low.Store(true)
	s.Crash()
	sendN(t, c, 20)
	flush(t, c)
	checkStored(t, s, c, 40)
}

func TestResumeAfterLostAcknowledgements(t *testing.T) {
	var cut atomic.Bool
	var s *clienttest.Server
	s = start(t, clienttest.Options{Commit: func() bool {
		if cut.CompareAndSwap(true, false) {
			for _, c := range s.Conns() {
				c.Drop() // behind the commit, before the acknowledgement
			}
		}
		return true
	}})
	c := dial(t, s, nil)
	sendN(t, c, 10)
	flush(t, c)
	cut.Store(true)
	sendN(t, c, 10)
	flush(t, c)
	checkStored(t, s, c, 20)
	if n := c.Stats().Connects; n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestResumeSendsAgainWhatACrashForgot(t *testing.T) {
	var commit atomic.Bool
	s := start(t, clienttest.Options{Commit: commit.Load})
	var acked notes[client.Acked]
	c := dial(t, s, func(o *client.Options) { o.OnAck = acked.add })
	sendN(t, c, 50)
	eventually(t, "50 readings sent", func() bool { return c.Stats().Sent == 50 })
	s.Crash()
	commit.Store(true)
	flush(t, c)
	checkStored(t, s, c, 50)
	if st := c.Stats(); st.Sent != 50 || st.Resent == 0 {
		t.Errorf("stats %+v", st)
	}
	if a := acked.get(); len(a) != 50 || a[0].Sends < 2 {
		t.Errorf("%d acknowledged, the first after %d sends", len(a), a[0].Sends)
	}
}

// TestManyWelcomesBringOneRepetition: a server that answers each reading behind
// a jump must not make the board send its window as many times.
func TestManyWelcomesBringOneRepetition(t *testing.T) {
	var shower atomic.Bool
	s := start(t, clienttest.Options{Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
		if it.Kind != wire.Reading || it.Seq != 11 || !shower.CompareAndSwap(false, true) {
			return false
		}
		for range 50 {
			c.Write(wire.AppendWelcome(nil, wire.Welcome{Device: it.Device, Boot: it.Boot, Ack: 10}))
		}
		return true // and 11 is lost
	}})
	c := dial(t, s, func(o *client.Options) { o.BatchBytes = -1 })
	sendN(t, c, 100)
	flush(t, c)
	checkStored(t, s, c, 100)
	if st := c.Stats(); st.Resent > 200 || st.Connects != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestAckOfAnotherBootSettlesNothing(t *testing.T) {
	const other = vaiven.Boot("feedfacefeedface")
	var held atomic.Bool
	held.Store(true)
	s := start(t, clienttest.Options{
		Commit: func() bool { return !held.Load() },
		Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
			if it.Kind == wire.Reading {
				c.Write(wire.AppendAck(nil, it.Device, other, it.Seq))
				c.Write(wire.AppendWelcome(nil, wire.Welcome{Device: it.Device, Boot: other, Ack: it.Seq}))
				c.Write(wire.AppendAck(nil, "102", it.Boot, it.Seq))
			}
			return false
		},
	})
	c := dial(t, s, nil)
	sendN(t, c, 5)
	eventually(t, "foreign acknowledgements", func() bool { return c.Stats().Foreign >= 10 })
	if st := c.Stats(); st.Acked != 0 || st.Pending != 5 {
		t.Errorf("stats %+v", st)
	}
	held.Store(false)
	s.Commit()
	flush(t, c)
	checkStored(t, s, c, 5)
}

func TestABootThatWasUsedBeforeEndsTheClient(t *testing.T) {
	s := start(t, clienttest.Options{})
	boot := func(o *client.Options) { o.Boot = "9f3c02aa" }
	first := dial(t, s, boot)
	sendN(t, first, 10)
	flush(t, first)
	end(first)

	_, err := client.Dial(within(t), client.Options{URL: s.URL, Device: "101", Boot: "9f3c02aa", Backoff: quick})
	if r, ok := errors.AsType[*client.Refusal](err); !ok || r.Code != vaiven.CodeBadBoot {
		t.Errorf("the second Dial: %v", err)
	}
	c := dial(t, s, func(o *client.Options) { o.Boot, o.Next = "9f3c02aa", 11 })
	sendN(t, c, 5)
	flush(t, c)
	checkStored(t, s, c, 15)
}

func TestAnAckOfWhatWasNeverSentEndsTheClient(t *testing.T) {
	s := start(t, clienttest.Options{Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
		if it.Kind == wire.Reading {
			c.Write(wire.AppendAck(nil, it.Device, it.Boot, it.Seq+100))
		}
		return it.Kind == wire.Reading
	}})
	c := dial(t, s, nil)
	sendN(t, c, 1)
	<-c.Done()
	if r, ok := errors.AsType[*client.Refusal](c.Err()); !ok || r.Code != vaiven.CodeBadBoot || r.Seq != 101 {
		t.Errorf("ended with %v", c.Err())
	}
	if _, err := c.Send(within(t), client.Reading{Values: values(2)}); err == nil {
		t.Error("Send goes on")
	}
}

func TestFullRingMakesSendWait(t *testing.T) {
	var commit atomic.Bool
	s := start(t, clienttest.Options{Commit: commit.Load})
	c := dial(t, s, func(o *client.Options) { o.Ring, o.Window = 8, 4 })
	sendN(t, c, 8)
	ctx, cancel := context.WithCancel(context.Background())
	waited := make(chan error, 1)
	go func() {
		_, err := c.Send(ctx, client.Reading{Values: values(9)})
		waited <- err
	}()
	select {
	case err := <-waited:
		t.Fatalf("Send did not wait: %v", err)
	default:
	}
	cancel()
	if err := <-waited; !errors.Is(err, context.Canceled) {
		t.Fatalf("Send: %v", err)
	}
	commit.Store(true)
	s.Commit()
	sendN(t, c, 8)
	flush(t, c)
	checkStored(t, s, c, 16)
}

// TestFullRingDropsTheOldestWhenAsked: while readings are on their way, so that
// some of those given up arrive all the same.
func TestFullRingDropsTheOldestWhenAsked(t *testing.T) {
	var commit atomic.Bool
	s := start(t, clienttest.Options{Commit: commit.Load})
	c := dial(t, s, func(o *client.Options) { o.Ring, o.Window, o.DropOldest = 8, 4, true })
	sendN(t, c, 4)
	eventually(t, "a full window", func() bool { return c.Stats().Sent == 4 })
	sendN(t, c, 16)
	commit.Store(true)
	s.Commit()
	flush(t, c)
	if st := c.Stats(); st.Lost != 12 || st.Acked != 8 {
		t.Errorf("stats %+v", st)
	}
	checkNewest(t, s, c, 13, 20)
}

func TestAGapIsToldInHello(t *testing.T) {
	var open atomic.Bool
	s := start(t, clienttest.Options{Refuse: func(*http.Request) int {
		if open.Load() {
			return 0
		}
		return http.StatusServiceUnavailable
	}})
	c, err := client.Dial(within(t), client.Options{
		URL: s.URL, Device: "101", Backoff: quick, Background: true, Ring: 8, DropOldest: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(c) })
	sendN(t, c, 20)
	open.Store(true)
	flush(t, c)
	if n := len(s.Stored(c.Device(), c.Boot())); n != 8 {
		t.Errorf("stored %d", n)
	}
	checkNewest(t, s, c, 13, 20)
	if h := s.Hellos(); h[0].Oldest != 13 || h[0].Next != 21 || h[0].Lost != 12 {
		t.Errorf("hello %+v", h[0])
	}
}

// checkNewest proves that the readings from first to last were stored last, and
// that nothing before them is out of order.
func checkNewest(t *testing.T, s *clienttest.Server, c *client.Client, first, last uint64) {
	t.Helper()
	want := last
	got := s.Stored(c.Device(), c.Boot())
	for i := len(got) - 1; i >= 0; i-- {
		if got[i].Seq != want && (want >= first || got[i].Seq > want) {
			t.Fatalf("stored %+v", got)
		}
		want = got[i].Seq - 1
	}
	if want >= first {
		t.Fatalf("stored %+v", got)
	}
}
