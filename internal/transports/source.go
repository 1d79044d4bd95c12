package transports

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"time"

	"vaiven/client"
)

// source sends the readings of a run. One goroutine uses it.
type source interface {
	send(ctx context.Context, n int) error
	settle(ctx context.Context) error // waits until all are acknowledged
	close()
}

// board sends to a vaiven, one reading a message.
type board struct{ *client.Client }

func openBoard(ctx context.Context, addr string) (source, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{URL: "ws://" + addr, Device: device, BatchBytes: -1})
	if err != nil {
		return nil, err
	}
	return board{c}, nil
}

func (b board) send(ctx context.Context, n int) error {
	_, err := b.Send(ctx, client.Reading{Values: valuesOf(n)})
	return err
}

func (b board) settle(ctx context.Context) error { return b.Flush(ctx) }

func (b board) close() {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Close(done) // what matters is settled
}

// publisher publishes to a broker with QoS 1, and waits for each
// acknowledgement.
type publisher struct {
	*queue
	buf []byte
}

// mqttBoot is the BOOT of what is published, as long as a board's.
const mqttBoot = "00000000000000a1"

func openPublisher(ctx context.Context, addr string) (source, error) {
	dial, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dial, "tcp", addr)
	if err != nil {
		return nil, err
	}
	q, err := openQueue(ctx, conn, "vaiven-"+device)
	if err != nil {
		return nil, err
	}
	return &publisher{queue: q}, nil
}

func (p *publisher) send(_ context.Context, n int) error {
	p.buf = appendEvent(p.buf[:0], n, mqttBoot, time.Now())
	return p.publish(uint16(n), topic, p.buf)
}

func (p *publisher) settle(context.Context) error { return nil }

// schedule is when each reading is sent, from the run's start: the same for
// every run. The spaces are random, around 1/rate, or a follower that asks at
// regular times could always meet the same moment between two readings.
func schedule(readings int, rate float64) []time.Duration {
	r := rand.New(rand.NewPCG(1, 1))
	at := make([]time.Duration, readings)
	var t float64
	for i := range at {
		t += (0.5 + r.Float64()) / rate
		at[i] = time.Duration(t * float64(time.Second))
	}
	return at
}

// settleTime bounds the wait for the last acknowledgements.
const settleTime = 30 * time.Second

// sendAll sends every reading at its time and returns when each was sent, in
// Unix ns. It ends early when over is closed.
func sendAll(ctx context.Context, s source, at []time.Duration, over <-chan struct{}, sent func()) ([]int64, error) {
	begun := time.Now()
	times := make([]int64, len(at))
	next := time.NewTimer(0)
	defer next.Stop()
	for i, t := range at {
		next.Reset(time.Until(begun.Add(t)))
		select {
		case <-next.C:
		case <-over:
			return nil, errOver
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		times[i] = time.Now().UnixNano()
		if err := s.send(ctx, i+1); err != nil {
			return nil, fmt.Errorf("reading %d: %w", i+1, err)
		}
		sent()
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	return times, s.settle(ctx)
}
