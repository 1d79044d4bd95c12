//go:build suites && linux

package board

import (
	"testing"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// waiting waits until a board has n readings that the server lacks.
func waiting(t *testing.T, b *boardtest.Board, n int) status {
	t.Helper()
	var s status
	harness.Until(t, patience, "readings that wait", func() bool {
		s = ask(t, b)
		return s.waiting >= n
	})
	return s
}

// kept restarts a board that holds readings, and checks that they are still held.
func kept(t *testing.T, b *boardtest.Board, before status, restarts int) {
	t.Helper()
	b.Wait(patience, restarts+2, "boot", nil)
	after := ask(t, b)
	if after.boot != before.boot || after.waiting < before.waiting || after.lost != 0 {
		t.Errorf("before the restart %+v, after it %+v", before, after)
	}
}

// TestRestartKeepsReadings: a restart that a person asked for, those of a board whose
// loop or sensor is stuck, and the resets that nobody announces (the chip's watchdog
// when even the task that looks after the others is stuck, a panic), in the middle of
// an outage.
func TestRestartKeepsReadings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, line, says string }{
		{"asked for", "serial restart", ""},
		{"loop is stuck", "serial hang loop", "stuck: loop"},
		{"sensor is stuck", "serial hang sensor", "stuck: sensor"},
		{"watchdog", "serial hang panel", ""},
		{"panic", "panic", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t)
			b := started(t, s.Addr, "101")
			rows(t, s, "101", 3)
			s.Stop()
			before := waiting(t, b, 10)
			// Nothing is being measured when the reset comes: that would be lost.
			b.Tell("sensor unplugged")
			b.Wait(patience, len(b.Events("sensor"))+2, "sensor", nil)
			before = waiting(t, b, before.waiting)
			b.Tell("%s", c.line)
			if c.says != "" {
				says(t, b, c.says, 1)
			}
			kept(t, b, before, 1)
			b.Tell("sensor ok")
			s.StartReady()
			rows(t, s, "101", 3+before.waiting+2)
			finish(t, s, b, "101")
			checkTimes(t, b, readings(t, s.Addr, "101"))
			b.Quit()
			verify(t, s)
		})
	}
}

// TestCrashLoop: when it may be what is held that makes the program crash, it is given
// up after five times, and the board begins anew.
func TestCrashLoop(t *testing.T) {
	t.Parallel()
	b := newBoard(t, "", "BOARD_SPEED=1") // a minute in which the next crash counts is one
	b.Start()
	setUp(b, "101", "interval 1")
	b.Wait(patience, 2, "boot", nil)
	first := waiting(t, b, 1).boot
	for n := 1; n <= 6; n++ {
		if again := ask(t, b).boot; again != first {
			t.Fatalf("%s after %d crashes, it was %s", again, n-1, first)
		}
		b.Tell("panic")
		b.Wait(patience, n+2, "boot", nil)
	}
	if ask(t, b).boot == first {
		t.Error("the sixth crash in a row changed nothing")
	}
	b.Quit()
}

// TestSpill: more readings than RTC memory has room for go through a restart in
// a file, once.
func TestSpill(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr)
	b.Start()
	setUp(b, "101", "interval 1")
	rows(t, s, "101", 3)
	s.Stop()
	before := waiting(t, b, 530)
	b.Tell("serial restart")
	kept(t, b, before, 1)
	littlefs := func(e boardtest.Event) bool { return e.What == "littlefs" }
	if n := len(b.Wait(0, 0, "flash", littlefs)); n == 0 {
		t.Error("no file was written")
	}
	s.StartReady()
	finish(t, s, b, "101")
	b.Quit()
	verify(t, s)
}

// TestRingFull: what does not fit is lost, counted, and recorded as a gap.
func TestRingFull(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr)
	b.Start()
	setUp(b, "101", "interval 1")
	rows(t, s, "101", 3)
	s.Stop()
	harness.Until(t, patience, "a full ring", func() bool { return ask(t, b).lost > 20 })
	// The board counts as lost what it dropped without an ack, also where only the
	// ack was lost when the server ended.
	stored := len(rows(t, s, "101", 3)) - ask(t, b).settled
	// Nor must it drop any more once it can send: what is on its way may be stored.
	b.Tell("sensor unplugged")
	b.Wait(patience, len(b.Events("sensor"))+2, "sensor", nil)
	s.StartReady()
	harness.Until(t, patience, "everything acknowledged", func() bool { return ask(t, b).waiting == 0 })
	lost, all := ask(t, b).lost, taken(b)
	got := rows(t, s, "101", len(all)-lost+stored)
	if len(got) != len(all)-lost+stored {
		t.Errorf("%d taken, %d lost, of which the server has %d, %d rows", len(all), lost, stored, len(got))
	}
	if last := got[len(got)-1]; last.Temp+","+last.Hum != all[len(all)-1] {
		t.Errorf("the newest reading is not the last row: %+v", last)
	}
	b.Quit()
	verify(t, s)
}

// TestRadioLastResort: half an hour without Wi-Fi, and the board restarts in case
// the radio is stuck, with its readings.
func TestRadioLastResort(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := newBoard(t, s.Addr, "BOARD_SPEED=100")
	b.Start()
	setUp(b, "101", "interval 10")
	rows(t, s, "101", 3)
	before := ask(t, b)
	b.Tell("wifi down")
	says(t, b, "stuck: Wi-Fi", 1)
	kept(t, b, before, 1)
	b.Tell("wifi up")
	finish(t, s, b, "101")
	b.Quit()
}
