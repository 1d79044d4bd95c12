package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"syscall"
	"time"
)

const (
	readable = uint32(syscall.EPOLLIN)
	writable = uint32(syscall.EPOLLOUT)
)

// Fleet is a number of boards connected to one server. Not for concurrent use.
type Fleet struct {
	to     syscall.SockaddrInet4
	poll   *poller
	boards []board
	epoch  time.Time

	load    Load
	next    int   // board whose turn it is, when paced
	nextDue int64 // when, in ns since epoch

	reached [stageReady + 1]int // boards that came to each stage so far
	sent    uint64
	acked   uint64
	tally   *Tally // nil between runs
	scratch []byte
	buf     [16 << 10]byte
}

// NewFleet prepares n boards for the server at addr (an IPv4 address with its
// port); says makes what board i says. Nothing is dialed before Connect. The
// caller closes the fleet.
func NewFleet(addr string, n int, says func(i int) Protocol) (*Fleet, error) {
	to, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address of the server: %w", err)
	}
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	f := &Fleet{poll: p, boards: make([]board, n), epoch: time.Now()}
	f.to = syscall.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	for i := range f.boards {
		f.boards[i].index, f.boards[i].says = i, says(i)
	}
	return f, nil
}

// Connect opens every connection, at most atOnce under way at a time, and
// returns how long all of them took.
func (f *Fleet) Connect(ctx context.Context, atOnce int) (time.Duration, error) {
	begin := time.Now()
	err := f.advance(ctx, stageOpen, atOnce, func(b *board) error {
		if err := b.dial(f.to); err != nil {
			return err
		}
		return f.poll.add(b.fd, b.index, writable)
	})
	return time.Since(begin), err
}

// Greet lets every board say what comes before its first reading.
func (f *Fleet) Greet(ctx context.Context, atOnce int) error {
	return f.advance(ctx, stageReady, atOnce, func(b *board) error {
		f.scratch = b.says.Greet(f.scratch[:0])
		if len(f.scratch) == 0 {
			f.enter(b, stageReady)
			return nil
		}
		b.stage = stageGreeting
		return f.send(b, f.scratch)
	})
}

// advance begins a step on every board, at most atOnce under way, until all of
// them have come to the stage goal.
func (f *Fleet) advance(ctx context.Context, goal stage, atOnce int, begin func(*board) error) error {
	begun := 0
	for f.reached[goal] < len(f.boards) {
		for begun < len(f.boards) && begun-f.reached[goal] < atOnce {
			if err := begin(&f.boards[begun]); err != nil {
				return fmt.Errorf("board %d: %w", begun, err)
			}
			begun++
		}
		if err := f.turn(ctx, pollAtLeast); err != nil {
			return fmt.Errorf("%d of %d boards came through: %w", f.reached[goal], len(f.boards), err)
		}
	}
	return nil
}

// pollAtLeast bounds how late the loop notices that its context is over.
const pollAtLeast = 50 * time.Millisecond

func (f *Fleet) enter(b *board, s stage) {
	b.stage = s
	f.reached[s]++
}

// Close resets every connection.
func (f *Fleet) Close() {
	for i := range f.boards {
		f.boards[i].close()
	}
	if f.poll != nil {
		f.poll.close()
		f.poll = nil
	}
}

func (f *Fleet) now() int64 { return int64(time.Since(f.epoch)) }

// turn handles what is ready, waiting at most d for it.
func (f *Fleet) turn(ctx context.Context, d time.Duration) error {
	events, err := f.poll.wait(d)
	if err != nil {
		return err
	}
	for i := range events {
		b := &f.boards[events[i].Fd]
		if err := f.handle(b, events[i].Events); err != nil {
			return fmt.Errorf("board %d: %w", b.index, err)
		}
	}
	return ctx.Err()
}

func (f *Fleet) handle(b *board, events uint32) error {
	if b.stage == stageDialing {
		return f.open(b)
	}
	if events&writable != 0 {
		if err := f.flush(b); err != nil {
			return err
		}
	}
	if events&^writable != 0 {
		return f.receive(b)
	}
	return nil
}

func (f *Fleet) open(b *board) error {
	if err := b.dialed(); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err := f.poll.change(b.fd, b.index, readable); err != nil {
		return err
	}
	f.scratch = b.says.Open(f.scratch[:0])
	if len(f.scratch) == 0 {
		f.enter(b, stageOpen)
		return nil
	}
	b.stage = stageOpening
	return f.send(b, f.scratch)
}

func (f *Fleet) flush(b *board) error {
	waiting := b.out
	b.out = nil
	if err := f.send(b, waiting); err != nil || len(b.out) > 0 {
		return err
	}
	return f.poll.change(b.fd, b.index, readable)
}

func (f *Fleet) send(b *board, p []byte) error {
	full, err := b.write(p)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if full {
		return f.poll.change(b.fd, b.index, readable|writable)
	}
	return nil
}

// receive reads once and handles every complete message; what the board owes
// in answer, and the readings that the acknowledgements make room for, leave
// in one write.
func (f *Fleet) receive(b *board) error {
	in, err := b.read(f.buf[:])
	if err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("the server closed the connection")
		}
		return err
	}
	now := f.now()
	out := f.scratch[:0]
	for len(in) > 0 {
		used, reply, news, err := b.says.Receive(in, out)
		if err != nil {
			return err
		}
		if used == 0 {
			break
		}
		in, out = in[used:], reply
		if err := f.note(b, news, now); err != nil {
			return err
		}
	}
	b.in = append(b.in[:0], in...)
	out = f.refill(b, out, now)
	f.scratch = out
	if len(out) == 0 {
		return nil
	}
	return f.send(b, out)
}

func (f *Fleet) note(b *board, n News, now int64) error {
	switch {
	case n.Opened && b.stage == stageOpening:
		f.enter(b, stageOpen)
	case n.Greeted && b.stage == stageGreeting:
		f.enter(b, stageReady)
	}
	if n.Acked <= b.acked {
		return nil
	}
	if n.Acked > b.sent {
		return fmt.Errorf("the server acknowledged reading %d, only %d were sent", n.Acked, b.sent)
	}
	f.acked += n.Acked - b.acked
	for b.acked < n.Acked {
		b.acked++
		if f.tally != nil {
			f.tally.Acked++
			f.tally.Latency.Add(time.Duration(now - b.due[b.acked%MaxWindow]))
		}
	}
	return nil
}
