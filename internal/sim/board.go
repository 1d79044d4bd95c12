package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/client"
)

// board is one simulated device.
type board struct {
	o        *Options
	tally    *tally
	id       string
	rand     *rand.Rand
	weather  *weather
	switches *switches
	lag      lag
	luck     accidents
	client   atomic.Pointer[client.Client] // once it is dialled
	unacked  uint64                        // readings sent in the course's form
	nan      []byte
}

func newBoard(o *Options, t *tally, index int) *board {
	r := rand.New(rand.NewPCG(o.Seed, uint64(index)))
	b := &board{o: o, tally: t, id: fmt.Sprintf("%03d", o.First+index), rand: r, weather: newWeather(r)}
	b.luck.dial, b.luck.done = o.NetDial, &t.accidents
	b.switches, b.lag = newSwitches(o), newLag(o.Lag)
	b.nan = nanMessage(b.id)
	return b
}

// nanMessage is what the course's sketch sends when its sensor does not answer.
func nanMessage(id string) []byte {
	if n, err := strconv.Atoi(id); err == nil && len(id) <= 3 {
		id = strconv.Itoa(n)
	} else {
		id = strconv.Quote(id)
	}
	return []byte(`{"IDDEVICE":` + id + `,"TEMP":nan,"HUM":nan}`)
}

// options of the board's client. Ring and Window are the same, so that a board
// at full speed goes as fast as it is acknowledged.
func (b *board) options(background bool) client.Options {
	co := client.Options{
		URL: b.o.URL, Device: b.id, Token: b.o.Token, FW: "sim", Course: b.o.Course,
		Ring: b.o.Window, Window: b.o.Window, Backoff: b.o.Backoff, Background: background,
		TLS: b.o.TLS, NetDial: b.luck.netDial, Rand: b.o.Rand, Logger: b.o.Logger,
		States:    b.switches.declared(),
		OnDesired: b.desired, OnLate: b.late, OnError: b.failed, OnAck: b.acked,
	}
	if b.o.Single {
		co.BatchBytes = -1
	}
	if b.o.Course { // as the Arduino library connects
		co.Header = http.Header{"Origin": {"file://"}}
		co.Subprotocols = []string{"arduino"}
	}
	return co
}

// dial makes the board's client.
func (b *board) dial(ctx context.Context, background bool) error {
	c, err := client.Dial(ctx, b.options(background))
	if err != nil {
		return err
	}
	b.client.Store(c)
	b.switches.attach(c)
	if b.o.OnBoard != nil {
		b.o.OnBoard(Board{b})
	}
	return nil
}

// run does everything that the board was asked to, and ends its client.
func (b *board) run(ctx context.Context) error {
	life, over := context.WithCancel(context.WithoutCancel(ctx))
	var slow sync.WaitGroup
	slow.Go(func() { b.lag.run(life, b.do) })
	defer slow.Wait()
	defer over()
	err := b.work(ctx)
	c := b.client.Load()
	wait := b.o.Linger
	if err != nil {
		wait = b.o.Grace
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	if err == nil { // the end of the context cuts the wait short
		stop := context.AfterFunc(ctx, func() { time.AfterFunc(b.o.Grace, cancel) })
		defer stop()
	}
	if closeErr := c.Close(end); err == nil {
		err = closeErr
	}
	if ended := c.Err(); ended != nil && !errors.Is(ended, client.ErrClosed) {
		err = ended // what the server said counts for more than what it led to
	}
	return err
}

// work takes readings and sends them until there are enough.
func (b *board) work(ctx context.Context) error {
	pace := newPace(b.o.Interval, b.rand)
	defer pace.stop()
	for n := uint64(0); b.o.Readings == 0 || n < b.o.Readings; n++ {
		if err := pace.wait(ctx, b.client.Load().Done()); err != nil {
			return err
		}
		if b.o.Local > 0 && b.rand.Float64() < b.o.Local {
			Board{b}.Toggle(b.o.States[0])
		}
		if b.rand.Float64() < b.o.NaN {
			if err := b.client.Load().SendRaw(ctx, b.nan); err != nil && !broken(err) {
				return err
			}
			b.tally.nan.Add(1)
		}
		if err := b.send(ctx, b.weather.measure()); err != nil {
			return err
		}
	}
	return nil
}

// send sends one reading, with the accidents that happen to it.
func (b *board) send(ctx context.Context, values []vaiven.Value) error {
	switch luck := b.rand.Float64(); {
	case luck < b.o.Loss:
		b.luck.arm(vanish)
	case luck < b.o.Loss+b.o.Drop:
		b.luck.arm(sever)
	}
	c := b.client.Load()
	if !b.o.Course {
		if _, err := c.Send(ctx, client.Reading{Values: values}); err != nil {
			return err
		}
		b.tally.sent.Add(1)
		return nil
	}
	if err := c.SendUnacked(ctx, values); err != nil {
		if broken(err) {
			return nil // lost, as it would be for a real board
		}
		return err
	}
	b.unacked++
	b.tally.sent.Add(1)
	return nil
}

// broken reports whether err is of one write to one connection, which the board
// survives, and not of the client or the context.
func broken(err error) bool {
	return !errors.Is(err, client.ErrClosed) && !errors.Is(err, client.ErrFinished) &&
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) && !refused(err)
}

func refused(err error) bool {
	_, ok := errors.AsType[*client.Refusal](err)
	return ok
}

func (b *board) acked(a client.Acked) {
	b.tally.resent.Add(uint64(max(0, a.Sends-1)))
	if a.Refused != "" {
		return
	}
	b.tally.acked.Add(1)
	b.tally.latency.Add(time.Since(a.Sent))
	if b.o.OnAcked != nil {
		b.o.OnAcked(vaiven.Device(b.id), a.Boot, a.Seq, a.Values)
	}
}

func (b *board) failed(err error) {
	if refused(err) {
		b.tally.rejected.Add(1)
	}
	if b.o.OnError != nil {
		b.o.OnError(vaiven.Device(b.id), err)
	}
}

// desired is told what the server wants.
func (b *board) desired(d client.Desired) {
	if b.o.Lag > 0 {
		b.lag.put(d)
		return
	}
	b.do(d)
}

// do is what a slow board comes to later: by then it may be too late.
func (b *board) do(d client.Desired) {
	if !b.switches.set(d) {
		b.late(d)
		return
	}
	b.tally.switched.Add(1)
	if b.o.OnState != nil {
		b.o.OnState(vaiven.Device(b.id), d.States)
	}
}

func (b *board) late(d client.Desired) {
	b.tally.late.Add(1)
	if b.o.OnLate != nil {
		b.o.OnLate(vaiven.Device(b.id), d)
	}
}

// result is what came of the board, which ended with err.
func (b *board) result(ctx context.Context, err error, rejected map[vaiven.Code]uint64) (Device, client.Stats) {
	d := Device{ID: vaiven.Device(b.id), Err: err}
	var st client.Stats
	if c := b.client.Load(); c != nil {
		st = c.Stats()
		d.Boot = c.Boot()
	}
	d.Sent, d.Acked, d.Resent, d.Refused = st.Sent+b.unacked, st.Acked, st.Resent, st.Refused
	for code, n := range maps.All(st.Rejected) {
		rejected[code] += n
	}
	switch {
	case err == nil:
		d.Outcome = Completed
	case errors.Is(err, client.ErrFinished):
		d.Outcome = Finished
	case ctx.Err() != nil:
		d.Outcome = Stopped
	}
	return d, st
}
