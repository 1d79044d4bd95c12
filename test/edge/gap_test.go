//go:build suites && linux

package edge

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"vaiven/test/harness"
)

// atOtherAddress makes a connection come from another address of this machine.
func atOtherAddress(_, _ string, c syscall.RawConn) (err error) {
	control := c.Control(func(fd uintptr) {
		err = syscall.Bind(int(fd), &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 2}})
	})
	if control != nil {
		return control
	}
	return err
}

// asks opens a connection and sends one message; the answer is the first that
// has the key.
func asks(t *testing.T, addr, message, key string, control ...func(string, string, syscall.RawConn) error) (*raw, string) {
	t.Helper()
	c, err := open(addr, control...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.reset)
	if _, err := c.Write(text("%s", message)); err != nil {
		t.Fatal(err)
	}
	return c, c.say(t, key)
}

// lives listens until the connection is over, and hands on what is said.
func (c *raw) lives() <-chan string {
	said := make(chan string, 100)
	go func() {
		defer close(said)
		for {
			_, p, err := c.next()
			if err != nil {
				return
			}
			said <- p
		}
	}()
	return said
}

// window is readings first..last of board 101, as one message.
func window(first, last int) string {
	var list []string
	for seq := first; seq <= last; seq++ {
		list = append(list, fmt.Sprintf(`{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":%d}`, seq, seq))
	}
	return "[" + strings.Join(list, ",") + "]"
}

func greeting(oldest, next int) string {
	return fmt.Sprintf(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":%d,"NEXT":%d,"UP":60000}`, oldest, next)
}

// gapsOf is what the API says of the gaps of board 101.
func gapsOf(t *testing.T, addr string) (gaps, filled int) {
	t.Helper()
	resp, err := harness.Get("http://" + addr + "/api/v1/devices/101")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var d struct{ Gaps, Filled int }
	body, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(body, &d) != nil {
		t.Fatalf("%s %v", body, err)
	}
	return d.Gaps, d.Filled
}

// TestAStrangerCannotMakeABoardForget: who knows a board's BOOT says that its
// readings are lost, while it is there, while it is away, by so little that the board
// itself would be believed, and after a restart. The board still brings all of them.
func TestAStrangerCannotMakeABoardForget(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	board, _ := asks(t, s.Addr, window(1, 10), `"ACK":10}`)
	said := board.lives()
	_, told := asks(t, s.Addr, greeting(1000, 1001), `"ERROR"`, atOtherAddress)
	if !strings.Contains(told, "device_in_use") {
		t.Errorf("the board is there: %s", told)
	}
	if _, err := board.Write(text("%s", window(11, 20))); err != nil {
		t.Fatal(err)
	}
	acked := 0
	for p := range said { // until the connection is over, at the latest after patience
		if acked = max(acked, number(p, `"ACK":`)); acked == 20 {
			board.reset()
		}
	}
	if acked != 20 {
		t.Fatalf("acknowledged up to %d, want 20", acked)
	}
	harness.Until(t, patience, "the board is gone", func() bool {
		return strings.Contains(get(t, s, "/api/v1/devices/101"), `"status":"disconnected"`)
	})

	// One a second is granted to a board whose pace is not known yet, and it is not
	// away for the minutes that would explain as many.
	stranger, told := asks(t, s.Addr, greeting(1000, 1001), `"ERROR"`, atOtherAddress)
	if !strings.Contains(told, "too_fast") || number(told, `"RETRY":`) == 0 {
		t.Errorf("the board is away: %s", told)
	}
	stranger.reset()
	if gaps, _ := gapsOf(t, s.Addr); gaps != 0 {
		t.Errorf("%d readings count as lost", gaps)
	}

	for range 2 {
		stranger, told = asks(t, s.Addr, greeting(31, 32), `"ERROR"`, atOtherAddress)
		if !strings.Contains(told, "too_fast") {
			t.Errorf("another address is told %s", told)
		}
		stranger.reset()
		s.Kill() // where the board was stands in the log
		s.StartReady()
	}
	board, told = asks(t, s.Addr, greeting(21, 26), `"WELCOME"`)
	if number(told, `"ACK":`) != 20 {
		t.Errorf("told %s, want ACK 20", told)
	}
	if _, err := board.Write(text("%s", window(21, 25))); err != nil {
		t.Fatal(err)
	}
	board.say(t, `"ACK":25}`)
	if gaps, _ := gapsOf(t, s.Addr); gaps != 0 {
		t.Errorf("%d readings count as lost", gaps)
	}
	board.reset()
	s.Stop()
	rows, err := harness.ReadCSV(s.CSV())
	if err != nil || len(rows) != 25 {
		t.Errorf("%d rows, want 25; %v", len(rows), err)
	}
	harness.Verify(t, s.Data)
}
