//go:build suites && linux

package button

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// answerTimeout is how long anything may take between a pin and a board. It says
// that something hangs, not how fast it should be.
const answerTimeout = 2 * time.Minute

// board is a device outside the machine that has an LED. One that reports says
// HELLO and confirms what it was asked for; a mute one is the course's.
type board struct {
	t      *testing.T
	device string
	mute   bool
	conn   *websocket.Conn
	states chan state // what it was asked for, each REV once
	last   state
	stop   func()
}

// state is what a board was asked for, and when that reached it.
type state struct {
	LED int    `json:"LED"`
	Rev uint64 `json:"REV"`
	at  time.Time
}

// connect plugs a board in. It sends a reading at once and then one a second.
func connect(t *testing.T, addr, device string, mute bool) *board {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	dial, done := context.WithTimeout(ctx, answerTimeout)
	defer done()
	conn, _, err := websocket.Dial(dial, "ws://"+addr+"/", nil)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	b := &board{t: t, device: device, mute: mute, conn: conn, states: make(chan state, 1000)}
	var running sync.WaitGroup
	if !mute {
		b.send(ctx, `{"HELLO":1,"IDDEVICE":%q,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"LOST":0,"UP":1000,"LED":0}`)
	}
	running.Go(func() { b.read(ctx) })
	running.Go(func() { b.measure(ctx) })
	var once sync.Once
	b.stop = func() { once.Do(func() { cancel(); running.Wait(); _ = conn.CloseNow() }) }
	t.Cleanup(b.stop)
	return b
}

// send writes a message, with the board's id put in. A connection that is over
// is for whoever waits for an answer to notice.
func (b *board) send(ctx context.Context, format string, more ...any) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	_ = b.conn.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, append([]any{b.device}, more...)...))
}

func (b *board) measure(ctx context.Context) {
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		b.send(ctx, `{"IDDEVICE":%q,"TEMP":24.5,"HUM":61}`)
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// read obeys: it switches the LED, and says so.
func (b *board) read(ctx context.Context) {
	rev := uint64(0)
	for {
		_, data, err := b.conn.Read(ctx)
		if err != nil {
			return
		}
		s := state{LED: -1, at: time.Now()}
		if json.Unmarshal(data, &s) != nil || s.LED < 0 || s.Rev < max(rev, 1) {
			continue
		}
		if s.Rev > rev {
			rev = s.Rev
			b.states <- s
		}
		if !b.mute {
			b.send(ctx, `{"IDDEVICE":%q,"BOOT":"9f3c02aa","LED":%d,"REV":%d}`, s.LED, s.Rev)
		}
	}
}

// want waits for the next thing that the board is asked for: led, by the very
// next change, so that none came in between.
func (b *board) want(led int) state {
	b.t.Helper()
	timer := time.NewTimer(answerTimeout)
	defer timer.Stop()
	select {
	case s := <-b.states:
		if s.LED != led || s.Rev != b.last.Rev+1 {
			b.t.Fatalf("board %s was asked for LED=%d by change %d, want LED=%d by change %d", b.device, s.LED, s.Rev, led, b.last.Rev+1)
		}
		b.last = s
		return s
	case <-timer.C:
		b.t.Fatalf("board %s was not asked for LED=%d in %v", b.device, led, answerTimeout)
		panic("unreachable")
	}
}

// forget takes what comes for a second as given.
func (b *board) forget() {
	for {
		select {
		case b.last = <-b.states:
		case <-time.After(time.Second):
			return
		}
	}
}
