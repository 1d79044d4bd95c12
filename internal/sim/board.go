package sim

import (
	"context"
	"errors"
	"maps"
	"math"
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
	o         *Options
	tally     *tally
	id        string
	rand      *rand.Rand
	weather   *weather
	switches  *switches
	lag       lag
	accidents accidents
	client    atomic.Pointer[client.Client] // once it is dialled
	dialled   chan error                    // how its first dial ended, while nobody has asked; nil: there is none
	barred    chan struct{}                 // has an element once the server did not let it in
	unacked   uint64                        // readings sent in the course's form
	nan       []byte
}

func newBoard(o *Options, t *tally, index int) *board {
	r := rand.New(rand.NewPCG(o.Seed, uint64(index)))
	b := &board{o: o, tally: t, id: string(o.id(index)), rand: r, weather: newWeather(r), barred: make(chan struct{}, 1)}
	b.accidents.dial, b.accidents.done = o.NetDial, &t.accidents
	b.switches, b.lag = newSwitches(o), newLag(o.Lag)
	id := strconv.Quote(b.id)
	if n, err := strconv.Atoi(b.id); err == nil && len(b.id) <= 3 {
		id = strconv.Itoa(n)
	}
	b.nan = []byte(`{"IDDEVICE":` + id + `,"TEMP":nan,"HUM":nan}`)
	return b
}

// options of the board's client. Ring and Window are the same, so that a board
// at full speed goes as fast as it is acknowledged.
func (b *board) options(background bool) client.Options {
	co := client.Options{
		URL: b.o.URL, Device: b.id, Token: b.o.Tokens[vaiven.Device(b.id)], FW: "sim", Course: b.o.Course,
		Ring: b.o.Window, Window: b.o.Window, Backoff: b.o.Backoff, Background: background,
		TLS: b.o.TLS, NetDial: b.accidents.netDial, Rand: b.o.Rand, Logger: b.o.Logger,
		States:    b.switches.declared(),
		OnDesired: b.receiveDesired, OnLate: b.noteLate, OnError: b.noteError, OnAck: b.noteAcked,
	}
	if b.o.OnToken != nil {
		co.OnToken = func(token string) { b.o.OnToken(vaiven.Device(b.id), token) }
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
	slow.Go(func() { b.lag.run(life, b.applyDesired) })
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
		b.accidents.arm(vanish)
	case luck < b.o.Loss+b.o.Drop:
		b.accidents.arm(sever)
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

func (b *board) noteAcked(a client.Acked) {
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

func (b *board) noteError(err error) {
	if r, ok := errors.AsType[*client.Refusal](err); ok {
		b.tally.rejected.Add(1)
		if r.Code.Bars() {
			b.noteBarred(r.Code)
		}
	}
	if b.o.OnError != nil {
		b.o.OnError(vaiven.Device(b.id), err)
	}
}

func (b *board) noteBarred(why vaiven.Code) {
	select {
	case b.barred <- struct{}{}:
	default:
	}
	if b.o.OnBarred != nil {
		b.o.OnBarred(vaiven.Device(b.id), why)
	}
}

// receiveDesired is told what the server wants.
func (b *board) receiveDesired(d client.Desired) {
	if b.o.Lag > 0 {
		b.lag.add(d)
		return
	}
	b.applyDesired(d)
}

// applyDesired is what a slow board comes to later: by then it may be too late.
func (b *board) applyDesired(d client.Desired) {
	if !b.switches.apply(d) {
		b.noteLate(d)
		return
	}
	b.tally.switched.Add(1)
	if b.o.OnState != nil {
		b.o.OnState(vaiven.Device(b.id), d.States)
	}
}

func (b *board) noteLate(d client.Desired) {
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

// Board is a simulated board as somebody sees it who stands in front of it. Its
// methods may be called from several goroutines, also after the board has ended.
type Board struct{ b *board }

// ID returns the board's device id.
func (h Board) ID() vaiven.Device { return vaiven.Device(h.b.id) }

// Connected reports whether the server has the board's connection.
func (h Board) Connected() bool {
	c := h.b.client.Load()
	return c != nil && c.Connected()
}

// States returns what the board has now, whatever it says to the server.
func (h Board) States() []vaiven.Value { return h.b.switches.now() }

// Toggle presses the board's own switch, and returns what the state is then. It
// is false for a state that the board does not have.
func (h Board) Toggle(state string) (float64, bool) {
	num, ok := h.b.switches.toggle(state)
	if ok {
		h.b.tally.local.Add(1)
	}
	return num, ok
}

// Drop pulls the cable: the connection ends without a word, and the board dials
// again.
func (h Board) Drop() { h.b.accidents.cut() }

// pace lets a reading through every interval, beginning at a random moment
// within the first one: boards of a classroom are not in step. An interval of 0
// lets everything through.
type pace struct {
	interval time.Duration
	next     time.Time
	timer    *time.Timer
}

func newPace(interval time.Duration, r *rand.Rand) *pace {
	first := time.Duration(r.Float64() * float64(interval))
	return &pace{interval: interval, next: time.Now().Add(first), timer: time.NewTimer(first)}
}

// wait returns when the next reading is due, or with ctx's error. When the
// client is done there is nothing to wait for: sending will say why. Readings
// that come late do not pile up: a board measures once when it should have
// several times.
func (p *pace) wait(ctx context.Context, done <-chan struct{}) error {
	if p.interval == 0 {
		return ctx.Err()
	}
	select {
	case <-p.timer.C:
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	now := time.Now()
	for !p.next.After(now) {
		p.next = p.next.Add(p.interval)
	}
	p.timer.Reset(p.next.Sub(now))
	return nil
}

func (p *pace) stop() { p.timer.Stop() }

// weather is the room around one board, as a DHT11 sees it: temperature in
// tenths of a degree, humidity in whole percent. Both wander about a value of
// their own and are drawn back to it.
type weather struct {
	rand      *rand.Rand
	temp, hum walk
}

type walk struct {
	value, home, step, lo, hi float64
}

func newWeather(r *rand.Rand) *weather {
	temp := 20 + 8*r.Float64()
	hum := 45 + 25*r.Float64()
	return &weather{
		rand: r,
		temp: walk{value: temp, home: temp, step: 0.15, lo: 0, hi: 50},
		hum:  walk{value: hum, home: hum, step: 0.6, lo: 20, hi: 90},
	}
}

func (w *walk) next(r *rand.Rand) float64 {
	w.value += w.step*r.NormFloat64() + 0.02*(w.home-w.value)
	w.value = min(max(w.value, w.lo), w.hi)
	return w.value
}

// measure takes the next reading.
func (w *weather) measure() []vaiven.Value {
	return []vaiven.Value{
		{Name: "TEMP", Num: math.Round(w.temp.next(w.rand)*10) / 10},
		{Name: "HUM", Num: math.Round(w.hum.next(w.rand))},
	}
}
