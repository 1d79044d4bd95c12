//go:build suites && linux

package adoption

import (
	"fmt"
	"testing"

	"vaiven"
)

// TestAnAbsentBoardIsNotSpokenFor: reports under its id while it is away do not become
// what it ought to be, whether it has a token or was only let in.
func TestAnAbsentBoardIsNotSpokenFor(t *testing.T) {
	w := newWorld(t, false)
	w.approve(kitchen)
	x := w.dial(stranger, nil)
	x.send(`{"IDDEVICE":101,"LED":0}`)
	x.send(`{"IDDEVICE":101,"LED":1}`)
	x.send(`{"IDDEVICE":101,"TEMP":20}`)
	w.until("what it said is recorded", func() bool { return w.device().Readings == 1 })
	if led, ok := w.led(); ok {
		t.Errorf("the LED ought to be %v", led)
	}
	board := w.dial(kitchen, nil)
	board.verify(w.add())
	w.until("it is verified", func() bool { return w.device().MaySpeak().Verified })
	x = w.dial(stranger, nil)
	x.send(`{"IDDEVICE":101,"LED":1}`)
	x.refused(vaiven.CodeNotAuthorised)
}

// TestAFalseReportConfirmsNothing, and does not keep the board from being told.
func TestAFalseReportConfirmsNothing(t *testing.T) {
	w := newWorld(t, false)
	token := w.add()
	w.ask()
	x := w.dial(stranger, nil)
	x.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
	x.send(`{"IDDEVICE":101,"TEMP":20,"LED":1,"REV":900}`)
	w.until("what it said is recorded", func() bool { return w.device().Readings == 1 })
	if s, _ := w.State("101"); len(s.Open) != 1 || s.Rev != 1 {
		t.Errorf("%d open changes, REV %d", len(s.Open), s.Rev)
	}
	board := w.dial(kitchen, nil)
	board.verify(token)
	for m := board.want("REV"); m["LED"] != 1.0; m = board.want("REV") {
	}
	board.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
	w.until("its own word counts", func() bool { s, _ := w.State("101"); return len(s.Open) == 0 })
}

// TestABootTakesNothingOver: who knows a board's BOOT and is elsewhere neither takes its
// connection, nor settles what it has not sent, while it is there and while it is away.
func TestABootTakesNothingOver(t *testing.T) {
	for _, class := range []bool{false, true} {
		t.Run(fmt.Sprint("class ", class), func(t *testing.T) {
			w := newWorld(t, class)
			w.approve(kitchen)
			board := w.dial(kitchen, nil)
			for seq := 1; seq <= 10; seq++ {
				board.send(reading, seq, 20)
			}
			for board.want("ACK")["ACK"] != 10.0 {
			}
			board.send(reading, 11, 20)
			answered := board.until(12)
			x := w.dial(stranger, nil)
			x.send(reading, 11, 99)
			x.refused(vaiven.CodeDeviceInUse)
			x.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":31,"NEXT":31}`)
			x.refused(vaiven.CodeDeviceInUse)
			board.send(reading, 12, 20)
			if !<-answered {
				t.Error("the board lost its connection")
			}
			_ = board.c.CloseNow()
			w.until("it is away", func() bool { return !w.device().Connected })
			x.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":21,"NEXT":21}`)
			x.refused(vaiven.CodeTooFast)
			_ = x.c.CloseNow()
			board = w.dial(kitchen, nil)
			board.send(reading, 13, 20)
			for board.want("ACK")["ACK"] != 13.0 {
			}
			w.until("all of it is there", func() bool { return w.device().Readings == 13 })
			if gaps := w.device().Gaps; gaps != 0 {
				t.Errorf("%d readings count as lost", gaps)
			}
		})
	}
}

// TestNobodySquats: a connection has a few ids, not 250, and one of them is freed for the
// board that it belongs to.
func TestNobodySquats(t *testing.T) {
	w := newWorld(t, true)
	x := w.dial(stranger, nil)
	for id := 101; id < 351; id++ {
		x.send(`{"IDDEVICE":%d,"TEMP":99}`, id)
	}
	x.refused(vaiven.CodeTooManyDevices)
	w.until("it has some", func() bool { return len(w.Devices()) == 8 })
	if remote, ok := w.Free("101"); !ok {
		t.Errorf("not freed, %s", remote)
	}
	x.closed(4409)
	x = w.dial(stranger, nil)
	x.send(`{"IDDEVICE":101,"TEMP":99}`)
	x.refused(vaiven.CodeDeviceInUse)
	board := w.dial(kitchen, nil)
	board.send(reading, 1, 20)
	board.want("ACK")
}

// TestAThousandIDsLeaveNothing of theirs in the tables of a server that lets nobody in.
func TestAThousandIDsLeaveNothing(t *testing.T) {
	w := newWorld(t, false)
	for n := range 20 {
		x := w.dial(stranger, nil)
		for i := range 50 {
			x.send(`{"IDDEVICE":"fake-%d-%d","TEMP":20}`, n, i)
		}
		x.refused(vaiven.CodeNotApproved)
		_ = x.c.CloseNow()
	}
	if n := len(w.Devices()); n != 0 {
		t.Errorf("%d devices", n)
	}
	if n := len(w.Access().Waiting()); n > 16 {
		t.Errorf("%d wait of one address", n)
	}
}
