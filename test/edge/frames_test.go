//go:build suites && linux

package edge

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"vaiven/test/harness"
)

// memory that hostile clients may cost a server, in bytes; the race detector's
// own share is most of it.
const memory = 200 << 20

var noMask = []byte{0, 0, 0, 0}

// fragments is a message of n frames with one payload each that never ends.
func fragments(n int, payload string) []byte {
	return append(frame(ws.OpText, false, payload), bytes.Repeat(frame(ws.OpContinuation, false, payload), n)...)
}

// TestFramesThatLie sends each kind of bad frame on many connections at once.
func TestFramesThatLie(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	served(t, s, "001")
	before := look(t, s)
	for _, c := range []struct {
		name string
		send []byte
		code int
	}{
		{"64 KiB and one", append([]byte{0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 1}, noMask...), 1009},
		{"2^62", append([]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0}, noMask...), 1009},
		{"2^63", append([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0}, noMask...), 1002},
		{"2^64-1", append([]byte{0x82, 0xff, 255, 255, 255, 255, 255, 255, 255, 255}, noMask...), 1002},
		{"endless fragments", fragments(100, strings.Repeat("x", 1024)), 1009},
		{"empty fragments", fragments(2000, ""), 1008},
		{"no mask", []byte{0x81, 2, 'h', 'i'}, 1002},
		{"not UTF-8", frame(ws.OpText, true, "\xff"), 1007},
		{"reserved bit", []byte{0xc1, 0x80, 0, 0, 0, 0}, 1002},
		{"long ping", []byte{0x89, 0xfe, 0, 200, 0, 0, 0, 0}, 1002},
	} {
		t.Run(c.name, func(t *testing.T) {
			var all sync.WaitGroup
			for range 50 {
				all.Go(func() {
					x, err := open(s.Addr)
					if err != nil {
						t.Error(err)
						return
					}
					defer x.Close()
					go func() { _, _ = x.Write(c.send) }() // fails when the server has had enough
					if code, err := x.closed(); code != c.code {
						t.Errorf("closed with %d (%v), want %d", code, err, c.code)
					}
				})
			}
			all.Wait()
		})
	}
	back(t, s, before)
	if now := look(t, s); now.memory > before.memory+memory {
		t.Errorf("resident memory grew from %.0f to %.0f MiB", before.memory/(1<<20), now.memory/(1<<20))
	}
	served(t, s, "002")
}

// TestPingFlood answers a flood of pings, and the board that sends it goes on.
func TestPingFlood(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	c := mustOpen(t, s.Addr)
	before := look(t, s)
	flood := bytes.Repeat(frame(ws.OpPing, true, strings.Repeat("p", 125)), 500)
	go func() {
		for range 100 {
			if _, err := c.Write(flood); err != nil {
				return
			}
		}
		_, _ = c.Write(text(`{"IDDEVICE":7,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`))
	}()
	c.say(t, `"ACK":1`)
	if now := look(t, s); now.memory > before.memory+memory {
		t.Errorf("resident memory grew from %.0f to %.0f MiB", before.memory/(1<<20), now.memory/(1<<20))
	}
}

// TestInvalidFlood sends messages of tens of thousands of invalid elements, under
// ever new names: the log must not take them all.
func TestInvalidFlood(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	s.StartReady()
	served(t, s, "001")
	before := look(t, s)
	records := metric(t, s, "vaiven_log_records")
	begin := time.Now()
	empty := "[" + strings.Repeat("{},", 21_000) + "{}]"
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			c, err := open(s.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			go func() {
				for range 10 {
					_, _ = c.Write(text("%s", empty))
				}
				for j := range 5000 {
					_, _ = c.Write(text(`{"IDDEVICE":"x-%d-%d","TEMP":"?"}`, i, j))
				}
				_, _ = c.Write(text(`{"IDDEVICE":"x-%d-0","BOOT":"9f3c02aa","SEQ":1,"TEMP":20}`, i))
			}()
			for {
				if _, p, err := c.next(); err != nil || strings.Contains(p, `"ACK":1`) {
					if err != nil {
						t.Error(err)
					}
					return
				}
			}
		})
	}
	all.Wait()
	back(t, s, before)
	// Each of 256 devices on 8 connections comes and goes, and what was refused is
	// recorded in bursts.
	most := 2*8*256 + 300 + 10*(time.Since(begin).Seconds()+1)
	if got := metric(t, s, "vaiven_log_records") - records; got > most {
		t.Errorf("%v records for 8 connections, want at most %v", got, most)
	}
	if now := look(t, s); now.memory > before.memory+memory {
		t.Errorf("resident memory grew from %.0f to %.0f MiB", before.memory/(1<<20), now.memory/(1<<20))
	}
	s.Stop()
	harness.Verify(t, s.Data)
}
