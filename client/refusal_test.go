package client_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/wire"
)

func TestRefusedForGoodIsSettledAndTold(t *testing.T) {
	s := start(t, clienttest.Options{})
	var acked notes[client.Acked]
	var errs notes[error]
	c := dial(t, s, func(o *client.Options) { o.OnAck, o.OnError = acked.add, errs.add })
	for _, temp := range []float64{20, 999, 21} {
		if _, err := c.Send(within(t), client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: temp}}}); err != nil {
			t.Fatal(err)
		}
	}
	flush(t, c)
	eventually(t, "three acknowledgements", func() bool { return len(acked.get()) == 3 })
	if a := acked.get(); a[0].Refused != "" || a[1].Refused != vaiven.CodeOutOfRange || a[2].Refused != "" {
		t.Errorf("acknowledged %+v", a)
	}
	if st := c.Stats(); st.Acked != 2 || st.Refused != 1 || st.Rejected[vaiven.CodeOutOfRange] != 1 {
		t.Errorf("stats %+v", st)
	}
	e := errs.get()
	if r, ok := errors.AsType[*client.Refusal](e[0]); len(e) != 1 || !ok || r.Seq != 2 || r.Code != vaiven.CodeOutOfRange {
		t.Errorf("errors %v", e)
	}
	if n := len(s.Stored(c.Device(), c.Boot())); n != 2 {
		t.Errorf("stored %d", n)
	}
}

func TestRawMessagesAreAnsweredLikeAnyOther(t *testing.T) {
	s := start(t, clienttest.Options{})
	var errs notes[error]
	c := dial(t, s, func(o *client.Options) { o.OnError = errs.add })
	if err := c.SendRaw(within(t), []byte(`{"IDDEVICE":101,"TEMP":nan,"HUM":nan}`)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "an error", func() bool { return len(errs.get()) == 1 })
	sendN(t, c, 5)
	flush(t, c)
	checkStored(t, s, c, 5)
	if st := c.Stats(); st.Unacked != 1 || st.Connects != 1 || len(st.Rejected) != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestByeZeroIsTheEnd(t *testing.T) {
	s := start(t, clienttest.Options{Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
		if it.Seq == 4 {
			c.Bye("3 readings received", 0, 1000)
		}
		return it.Seq >= 4
	}})
	c := dial(t, s, func(o *client.Options) { o.BatchBytes = -1 }) // 3 is committed before 4 is read
	sendN(t, c, 4)
	<-c.Done()
	if err := c.Err(); !errors.Is(err, client.ErrFinished) || !strings.Contains(err.Error(), "3 readings received") {
		t.Errorf("ended with %v", err)
	}
	if _, err := c.Send(within(t), client.Reading{Values: values(6)}); !errors.Is(err, client.ErrFinished) {
		t.Errorf("Send: %v", err)
	}
	if err := c.Flush(within(t)); !errors.Is(err, client.ErrFinished) {
		t.Errorf("Flush: %v", err)
	}
	if err := c.Close(within(t)); err != nil {
		t.Errorf("Close of a finished client: %v", err)
	}
	checkStored(t, s, c, 3)
}

func TestAFinishedBoardIsToldAtDial(t *testing.T) {
	s := start(t, clienttest.Options{Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
		c.Bye("50 readings received", 0, 1000)
		return true
	}})
	_, err := client.Dial(within(t), client.Options{URL: s.URL, Device: "101"})
	if !errors.Is(err, client.ErrFinished) {
		t.Errorf("error %v", err)
	}
}

func TestDesiredStateIsToldAndReported(t *testing.T) {
	on := []vaiven.Value{{Name: "LED", Num: 1}}
	off := []vaiven.Value{{Name: "LED", Num: 0}}
	s := start(t, clienttest.Options{Welcome: func(w *wire.Welcome) { w.States, w.Rev = on, 7 }})
	var wanted notes[client.Desired]
	c := dial(t, s, func(o *client.Options) { o.OnDesired, o.States = wanted.add, off })
	eventually(t, "the state in WELCOME", func() bool { return len(wanted.get()) == 1 })
	if d := wanted.get()[0]; d.Rev != 7 || d.States[0] != on[0] || !d.Until.IsZero() {
		t.Errorf("desired %+v", d)
	}
	if err := c.Report(on, 7); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the report", func() bool { return len(s.Reports()) == 1 })
	if r := s.Reports()[0]; r.Rev != 7 || r.States[0] != on[0] {
		t.Errorf("report %+v", r)
	}
	s.Conns()[0].Write(wire.AppendDesired(nil, wire.Desired{Device: "101", States: off, Rev: 8, Until: 1 << 40, HasUntil: true}))
	eventually(t, "the change", func() bool { return len(wanted.get()) == 2 })
	if d := wanted.get()[1]; d.Rev != 8 || d.States[0] != off[0] || d.Until.IsZero() {
		t.Errorf("desired %+v", d)
	}
	s.Crash()
	eventually(t, "the next HELLO", func() bool { return len(s.Hellos()) == 2 })
	h := s.Hellos()
	if h[0].States[0] != off[0] || h[1].States[0] != on[0] || h[1].Rev != 7 {
		t.Errorf("hellos %+v", h)
	}
}

func TestAChangeThatComesTooLateIsNotApplied(t *testing.T) {
	s := start(t, clienttest.Options{})
	var wanted notes[client.Desired]
	var errs notes[error]
	dial(t, s, func(o *client.Options) { o.OnDesired, o.OnError = wanted.add, errs.add })
	conn := s.Conns()[0]
	conn.Write(wire.AppendDesired(nil, wire.Desired{
		Device: "101", States: []vaiven.Value{{Name: "LED", Num: 1}}, Rev: 8, Until: -1, HasUntil: true,
	}))
	conn.Write(wire.AppendError(nil, &vaiven.Error{Code: vaiven.CodeNotJSON, At: 0}, vaiven.English))
	eventually(t, "what came behind it", func() bool { return len(errs.get()) == 1 })
	if len(wanted.get()) != 0 {
		t.Error("it was applied")
	}
}

func TestTheServersOwnWordsAreIgnored(t *testing.T) {
	var once atomic.Bool
	s := start(t, clienttest.Options{Intercept: func(c *clienttest.Conn, it *wire.Item) bool {
		if once.CompareAndSwap(false, true) {
			c.Write([]byte("ON"))
			c.Write([]byte(`{"LATER":{"nested":1}}`))
			c.Write([]byte(`{"IDDEVICE":102,"BOOT":"9f3c02aa","ACK":99}`))
		}
		return false
	}})
	c := dial(t, s, nil)
	sendN(t, c, 5)
	flush(t, c)
	checkStored(t, s, c, 5)
	if n := c.Stats().Connects; n != 1 {
		t.Errorf("%d connections", n)
	}
}
