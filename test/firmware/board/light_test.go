//go:build suites && linux

package board

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// cycle is how long a pattern of the status LED lasts, in simulated ms.
const cycle = 2000

// flashes waits until the light has shown n flashes and a pause three times in a
// row, and nothing else between; dark counts dark flashes of a light that is on.
func flashes(t *testing.T, b *boardtest.Board, n int, dark bool) {
	t.Helper()
	level := int64(1)
	if dark {
		level = 0
	}
	harness.Until(t, patience, "the pattern", func() bool {
		groups := groups(b, level)
		if len(groups) < 4 {
			return false
		}
		last := groups[len(groups)-4 : len(groups)-1] // the last may not be over
		return last[0] == n && last[1] == n && last[2] == n
	})
}

// groups counts the changes to level that lie close together.
func groups(b *boardtest.Board, level int64) (counts []int) {
	var begun int64
	for _, e := range b.Events("pin") {
		if e.Pin != pinStatus || e.Level != level {
			continue
		}
		if len(counts) == 0 || e.At-begun > cycle/2 {
			counts, begun = append(counts, 0), e.At
		}
		counts[len(counts)-1]++
	}
	return counts
}

// steady waits until the light has not changed for five cycles.
func steady(t *testing.T, b *boardtest.Board, level int64) {
	t.Helper()
	harness.Until(t, patience, "a steady light", func() bool {
		all := b.Events("")
		for i := len(all) - 1; i >= 0; i-- {
			if all[i].Event == "pin" && all[i].Pin == pinStatus {
				return all[i].Level == level && all[len(all)-1].At-all[i].At > 5*cycle
			}
		}
		return false
	})
}

// TestLight goes through everything that the status LED tells apart.
func TestLight(t *testing.T) {
	t.Parallel()
	s := serve(t, "--readings", "400", "--session-rate", "0")
	b := newBoard(t, s.Addr, "BOARD_SPEED=20")
	b.Start()
	blinks := b.Wait(patience, 12, "pin", func(e boardtest.Event) bool { return e.Pin == pinStatus })
	if span := blinks[11].At - blinks[0].At; span > 2*cycle {
		t.Errorf("without settings: 12 changes of the light in %d ms, want them fast", span)
	}
	b.Tell("wifi down")
	setUp(b, "101")
	b.Wait(patience, 2, "boot", nil)
	flashes(t, b, 1, false)
	s.Stop()
	b.Tell("wifi up")
	flashes(t, b, 2, false)
	s.StartReady()
	steady(t, b, 1)
	b.Tell("sensor unplugged")
	flashes(t, b, 1, true)
	b.Tell("sensor ok")
	steady(t, b, 1)
	b.Quit()
}

// TestRefused: the server is there, and another board has this number already.
func TestRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	first := started(t, s.Addr, "101")
	rows(t, s, "101", 3)
	b := started(t, s.Addr, "101")
	says(t, b, "The server refuses:", 1)
	flashes(t, b, 3, false)
	first.Quit()
	says(t, b, "Online:", 1) // it comes back by itself
	b.Quit()
}

// TestHandshakeRefused: a token that the server does not take is not a server that is
// not there; a server that is no vaiven is.
func TestHandshakeRefused(t *testing.T) {
	t.Parallel()
	for status, sign := range map[int]int{http.StatusUnauthorized: 3, http.StatusForbidden: 3, http.StatusNotFound: 2} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
			t.Cleanup(s.Close)
			b := started(t, s.Listener.Addr().String(), "101")
			says(t, b, fmt.Sprintf("The server refuses the connection: HTTP %d", status), 1)
			flashes(t, b, sign, false)
			b.Quit()
		})
	}
}

// TestFinished: a session that is over is over: the light is off, the board stays
// away, and a restart brings it back.
func TestFinished(t *testing.T) {
	t.Parallel()
	s := serve(t, "--readings", "5", "--session-rate", "0") // its clock runs fast
	b := started(t, s.Addr, "101")
	says(t, b, "5 readings received", 1)
	dials := len(b.Events("dial"))
	steady(t, b, 0)
	if got := ask(t, b); got.name != "finished" {
		t.Errorf("status %+v", got)
	}
	if n := len(b.Events("dial")); n != dials {
		t.Errorf("%d dials after the end", n-dials)
	}
	if got := rows(t, s, "101", 5); len(got) != 5 {
		t.Errorf("%d rows", len(got))
	}
	if code := request(t, "POST", s.Addr, "/devices/101/sessions", "{}", nil); code >= 300 {
		t.Fatalf("a new session: %d", code)
	}
	b.Tell("serial restart")
	rows(t, s, "101", 10)
	b.Quit()
}
