//go:build suites && linux

package adoption

import (
	"net/http"
	"sync/atomic"
	"testing"

	"vaiven"
	"vaiven/client"
)

// TestABoardsLife: it waits, is let in, is given its token, proves it, and nobody else
// speaks for it, also behind a restart; it is sent away at once when its token is taken
// back, and the board that replaces it keeps its id and its history.
func TestABoardsLife(t *testing.T) {
	w := newWorld(t, false)
	board := w.dial(kitchen, nil)
	board.send(hello)
	board.refused(vaiven.CodeNotApproved)
	if d := w.device(); d.ID != "" {
		t.Errorf("a board that waits is in the table: %+v", d)
	}
	waiting := w.Access().Waiting()
	if len(waiting) != 1 || waiting[0].Remote != kitchen || !waiting[0].Hello {
		t.Fatalf("waiting: %+v", waiting)
	}
	w.approve(kitchen)
	token := board.want("TOKEN")["TOKEN"].(string)
	board.verify(token)
	board.want("WELCOME")
	board.send(reading, 1, 20)
	board.want("ACK")
	w.until("it is verified", func() bool { return w.device().MaySpeak().Verified })

	w.end()
	w.begin()
	impostor := w.dial(stranger, nil)
	impostor.send(reading, 2, 99)
	impostor.refused(vaiven.CodeNotAuthorised)
	board = w.dial(kitchen, nil)
	board.verify(token)
	board.want("WELCOME")
	board.send(reading, 2, 20)
	for board.want("ACK")["ACK"] != 2.0 {
	}

	if ok, err := w.Access().RevokeDevice(w.context(), "101", "test"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	board.closed(4401)
	board = w.dial(kitchen, nil)
	board.verifyNothing(token)

	fresh := w.add()
	replaced := w.dial(kitchen, http.Header{"Authorization": {"Bearer " + fresh}})
	replaced.send(`{"IDDEVICE":101,"BOOT":"00000002","SEQ":1,"AGE":0,"TEMP":21}`)
	replaced.want("ACK")
	w.until("its history goes on", func() bool { return w.device().Readings == 3 })
}

// verifyNothing says HELLO with a token that is none any more.
func (s *socket) verifyNothing(token string) {
	s.t.Helper()
	s.prove(token, "00000000000000000000000000000000")
	s.refused(vaiven.CodeNotApproved)
}

// TestTheClientIsAdopted: package client comes without a token, and is a verified board
// in the end, which its next process is from the beginning.
func TestTheClientIsAdopted(t *testing.T) {
	w := newWorld(t, false)
	var token atomic.Pointer[string]
	open := func(known string) *client.Client {
		c, err := client.Dial(w.context(), client.Options{
			URL: "ws://" + w.Addresses().Local, Device: "101", Token: known, OnToken: func(s string) { token.Store(&s) },
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	go func() {
		w.until("it waits", func() bool { return len(w.Access().Waiting()) == 1 })
		w.approve("127.0.0.1")
	}()
	c := open("")
	if _, err := c.Send(w.context(), client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 20}}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(w.context()); err != nil {
		t.Fatal(err)
	}
	w.until("it is verified", func() bool { return w.device().MaySpeak().Verified })
	if err := c.Close(w.context()); err != nil {
		t.Fatal(err)
	}
	again := open(*token.Load())
	if _, err := again.Send(w.context(), client.Reading{Values: []vaiven.Value{{Name: "TEMP", Num: 21}}}); err != nil {
		t.Fatal(err)
	}
	if err := again.Close(w.context()); err != nil {
		t.Fatal(err)
	}
	w.until("both readings are there", func() bool { return w.device().Readings == 2 })
}
