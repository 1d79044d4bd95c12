package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Deadlines of a board: without an ack for so long it sends again from the
// first reading that lacks one, and a network step that takes longer is given up.
const (
	resendAfter = 10 * time.Second
	stepTimeout = 5 * time.Second
	redialEvery = 20 * time.Millisecond
)

// Board is a device that wants no reading lost: BOOT, SEQ, HELLO, a window of
// readings on their way, and resending until acknowledged (go-back-N). It sends
// as fast as acks allow, and dials again at once when the connection is gone.
type Board struct {
	Device string
	Ledger *Ledger
	Window uint64        // readings on their way at a time; default 32
	Pace   time.Duration // between readings; default none
	Limit  uint64        // readings of this power-up; default no limit but the scale's
	Fail   func(error)   // told what the server may never do

	byes atomic.Int64

	mu   sync.Mutex
	addr string
	drop context.CancelFunc // of the present connection
	n    int                // number of this power-up, from 1
	boot string
	next uint64 // first SEQ never sent
	ack  uint64
}

// NewBoard returns a board that is switched on and not yet connected. fail is
// usually t.Error wrapped: it may be called from other goroutines.
func NewBoard(device, addr string, l *Ledger, fail func(error)) *Board {
	b := &Board{Device: device, Ledger: l, Window: 32, Fail: fail, addr: addr}
	b.Restart()
	return b
}

// Restart is a power-up: what was not acknowledged is forgotten, a new BOOT
// begins.
func (b *Board) Restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restart()
}

func (b *Board) restart() {
	b.n++
	b.boot = fmt.Sprintf("%016x", rand.Uint64())
	b.next, b.ack = 1, 0
	b.hangUp()
}

// Move drops the connection; the next goes to another server.
func (b *Board) Move(addr string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr = addr
	b.hangUp()
}

func (b *Board) hangUp() {
	if b.drop != nil {
		b.drop()
	}
}

// Settled reports whether everything that was sent has been acknowledged, up to
// Limit if there is one.
func (b *Board) Settled() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ack+1 == b.next && (b.Limit == 0 || b.ack >= b.Limit)
}

// Goodbyes is how often a server has said BYE.
func (b *Board) Goodbyes() int { return int(b.byes.Load()) }

// Acked is the last acknowledged SEQ of this power-up.
func (b *Board) Acked() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ack
}

// Run connects and sends until ctx is done.
func (b *Board) Run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = b.connection(ctx) // whatever the reason: dial again
		select {
		case <-ctx.Done():
		case <-time.After(redialEvery):
		}
	}
}

// link is one connection of a board, in one life of it.
type link struct {
	b       *Board
	conn    *websocket.Conn
	life    Life
	boot    string
	welcome chan struct{} // closed by the first WELCOME
	moved   chan struct{} // holds a token when acks or orders came
	again   chan time.Duration
}

func (b *Board) connection(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b.mu.Lock()
	if b.next > maxSeq {
		b.restart()
	}
	b.drop = cancel
	addr, hello := b.addr, b.hello()
	k := &link{
		b: b, life: Life{b.Device, b.n}, boot: b.boot,
		welcome: make(chan struct{}), moved: make(chan struct{}, 1), again: make(chan time.Duration, 1),
	}
	b.mu.Unlock()

	dial, stop := context.WithTimeout(ctx, stepTimeout)
	defer stop()
	conn, _, err := websocket.Dial(dial, "ws://"+addr+"/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"file://"}}, Subprotocols: []string{"arduino"},
	})
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	k.conn = conn
	if err := k.write(ctx, hello); err != nil {
		return err
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer cancel()
		k.read(ctx)
	}()
	err = k.send(ctx)
	cancel()
	<-read
	return err
}

// hello is called with the lock held.
func (b *Board) hello() string {
	return fmt.Sprintf(`{"HELLO":1,"IDDEVICE":%q,"BOOT":%q,"OLDEST":%d,"NEXT":%d,"LOST":0,"UP":1000}`,
		b.Device, b.boot, b.ack+1, b.next)
}

func (k *link) write(ctx context.Context, s string) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return k.conn.Write(ctx, websocket.MessageText, []byte(s))
}

// send keeps the window full: from the first reading without ack, again and
// again from there when the server asks for it or says nothing.
func (k *link) send(ctx context.Context) error {
	select {
	case <-k.welcome:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(stepTimeout):
		return errors.New("no WELCOME")
	}
	pos := k.acked() + 1
	for {
		acked := k.acked()
		pos = max(pos, acked+1)
		if pos <= k.last(acked) {
			if err := k.reading(ctx, pos); err != nil {
				return err
			}
			pos++
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-k.moved:
		case wait := <-k.again:
			if err := sleep(ctx, wait); err != nil {
				return err
			}
			pos = k.acked() + 1
		case <-time.After(resendAfter):
			pos = k.acked() + 1
		}
	}
}

// last is the last SEQ that may be on its way.
func (k *link) last(acked uint64) uint64 {
	limit := uint64(maxSeq)
	if k.b.Limit > 0 {
		limit = min(limit, k.b.Limit)
	}
	return min(acked+k.b.Window, limit)
}

func (k *link) reading(ctx context.Context, seq uint64) error {
	k.b.mu.Lock()
	if k.b.boot != k.boot {
		k.b.mu.Unlock()
		return errors.New("switched off")
	}
	k.b.next = max(k.b.next, seq+1)
	k.b.mu.Unlock()
	k.b.Ledger.offer(k.life, seq)
	err := k.write(ctx, fmt.Sprintf(`{"IDDEVICE":%q,"BOOT":%q,"SEQ":%d,"AGE":0,"TEMP":%d.%03d,"HUM":%d.%02d}`,
		k.b.Device, k.boot, seq, seq/seqScale, seq%seqScale, k.life.N/bootScale, k.life.N%bootScale))
	if err != nil || k.b.Pace == 0 {
		return err
	}
	return sleep(ctx, k.b.Pace)
}

func (k *link) acked() uint64 {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if k.b.boot != k.boot {
		return maxSeq // switched off: nothing of this life is sent any more
	}
	return k.b.ack
}

// message is what a server may say to a board.
type message struct {
	Welcome int     `json:"WELCOME"`
	Boot    string  `json:"BOOT"`
	Ack     *uint64 `json:"ACK"`
	Error   string  `json:"ERROR"`
	Code    string  `json:"CODE"`
	Retry   int64   `json:"RETRY"`
	Bye     *string `json:"BYE"`
}

func (k *link) read(ctx context.Context) {
	first := true
	for {
		_, data, err := k.conn.Read(ctx)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(data, &m); err != nil || len(data) > 1024 {
			k.b.Fail(fmt.Errorf("board %s: the server said %q", k.b.Device, data))
			return
		}
		if m.Bye != nil {
			k.b.byes.Add(1)
		}
		if m.Error != "" {
			k.refused(m, data)
			continue
		}
		if m.Ack == nil || m.Boot != k.boot {
			continue
		}
		if err := k.settle(*m.Ack); err != nil {
			k.b.Fail(err)
			return
		}
		switch {
		case m.Welcome == 1 && first:
			first = false
			close(k.welcome)
		case m.Welcome == 1: // it expects another SEQ than it got
			k.resend(0)
		}
		select {
		case k.moved <- struct{}{}:
		default:
		}
	}
}

// refused obeys a refusal for now; any other is a fault, for this board sends
// nothing that could be refused for good.
func (k *link) refused(m message, data []byte) {
	switch m.Code {
	case "busy", "too_fast", "device_in_use":
		k.resend(time.Duration(m.Retry) * time.Millisecond)
	default:
		k.b.Fail(fmt.Errorf("board %s: refused: %s", k.b.Device, data))
	}
}

func (k *link) resend(after time.Duration) {
	select {
	case k.again <- after:
	default: // asked already
	}
}

func (k *link) settle(ack uint64) error {
	k.b.mu.Lock()
	defer k.b.mu.Unlock()
	if k.b.boot == k.boot {
		k.b.ack = max(k.b.ack, ack)
		k.b.next = max(k.b.next, k.b.ack+1)
	}
	return k.b.Ledger.ack(k.life, ack)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
