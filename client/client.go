package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"vaiven"
)

// Client is one device. Make it with Dial, end it with Close.
type Client struct {
	o      Options
	device vaiven.Device
	boot   vaiven.Boot // "" in the course's form
	begun  time.Time   // UP counts from here, on Options.Clock

	cancel context.CancelFunc
	wake   chan struct{} // holds one: there may be something to write
	opened chan struct{} // closed by the first WELCOME
	done   chan struct{} // closed when run has returned

	mu      sync.Mutex
	out     outbox
	raw     []*rawMessage // at most maxRaw
	states  ownStates
	access  credentials
	stats   Stats
	telling bool          // what was settled is being told to OnAck
	closing bool          // Close was called
	err     error         // how it ended
	change  chan struct{} // made by who waits, closed by who changes something
}

// Dial makes a device and connects it.
//
// Without Options.Background it returns when the server has welcomed the
// device (in the course's form: when the WebSocket is open), and when the first
// attempt fails it returns why, as a *Disconnected, and leaves nothing behind:
// a wrong address is told at once. From then on the client reconnects by
// itself. With Options.Background only wrong options are errors.
//
// ctx bounds Dial, not the life of the Client, which lasts until Close.
func Dial(ctx context.Context, o Options) (*Client, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	go c.run(life)
	if c.o.Background {
		return c, nil
	}
	select {
	case <-c.opened:
		return c, nil
	case <-c.done:
		return nil, fmt.Errorf("client: %s: %w", o.URL, c.Err())
	case <-ctx.Done():
		c.abort()
		if code := c.Barred(); code != "" {
			return nil, fmt.Errorf("client: %s: %w (%s)", o.URL, ctx.Err(), code)
		}
		return nil, fmt.Errorf("client: %s: %w", o.URL, ctx.Err())
	}
}

func newClient(o Options) (*Client, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Client{
		o: o, begun: o.Clock(), access: credentials{token: o.Token}, states: ownStates{now: o.States},
		wake: make(chan struct{}, 1), opened: make(chan struct{}), done: make(chan struct{}),
		out: newOutbox(o),
	}
	c.stats.Rejected = make(map[vaiven.Code]uint64)
	if c.device, err = vaiven.ParseDevice(o.Device); err != nil {
		return nil, fmt.Errorf("client: device: %w", err)
	}
	switch {
	case o.Course:
	case o.Boot == "":
		c.boot, err = newBoot(o.Rand)
	default:
		c.boot, err = vaiven.ParseBoot(o.Boot)
	}
	if err != nil {
		return nil, fmt.Errorf("client: boot: %w", err)
	}
	return c, nil
}

// Device returns the device's id as the server writes it.
func (c *Client) Device() vaiven.Device { return c.device }

// Boot returns the name of this power-up, "" in the course's form.
func (c *Client) Boot() vaiven.Boot { return c.boot }

// Next returns the SEQ that the next reading will get.
func (c *Client) Next() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.nextSeq()
}

// Done is closed when the client has ended: by Close, or since the server said
// that there is nothing left to do. Err then says which.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is nil while the client lives. Afterwards it is ErrClosed, a *Finished,
// or what no reconnecting can cure: a *Refusal with CodeBadBoot.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close lets no further reading in, waits until those held are acknowledged or
// ctx is done, closes the WebSocket and waits for everything of the client to
// end. A ctx without deadline waits for a server that is away for ever; a ctx
// that is done already closes at once. The error is ErrUnacknowledged when
// readings were left. Calling it again waits again and is harmless.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closing = true
	c.changed()
	c.mu.Unlock()
	_ = c.Flush(ctx) // what it could not deliver is counted below
	c.abort()
	c.mu.Lock()
	defer c.mu.Unlock()
	if left := c.out.n; left > 0 && !errors.Is(c.err, ErrFinished) {
		return fmt.Errorf("%w: %d", ErrUnacknowledged, left)
	}
	return nil
}

// abort ends the client without waiting for acknowledgements.
func (c *Client) abort() {
	c.cancel()
	<-c.done
}

// run holds one connection after another until the client ends.
func (c *Client) run(ctx context.Context) {
	defer close(c.done)
	defer c.cancel()
	wait := pause{Backoff: c.o.Backoff, rand: c.o.Rand}
	for {
		cn := &connection{c: c, begun: time.Now()}
		err := cn.run(ctx)
		end := c.finalError(ctx, cn, err)
		if end == nil {
			end = c.awaitReconnect(ctx, cn, err, &wait)
		}
		if end != nil {
			c.recordEnd(end)
			return
		}
	}
}

// finalError says whether a connection's end is the end of the client, and with
// which error.
func (c *Client) finalError(ctx context.Context, cn *connection, err error) error {
	var refusal *Refusal
	var gone *Disconnected
	switch {
	case ctx.Err() != nil:
		return ErrClosed
	case cn.bye != nil && cn.bye.Retry == 0:
		return &Finished{Reason: cn.bye.Text}
	case errors.As(err, &refusal) && refusal.Code == vaiven.CodeBadBoot:
		return refusal
	case cn.bye == nil && errors.As(err, &gone) && gone.Code == closeDone:
		return &Finished{Reason: gone.Reason}
	}
	return nil
}

// awaitReconnect waits before the next connection. The error is not nil when
// there will be none.
func (c *Client) awaitReconnect(ctx context.Context, cn *connection, err error, wait *pause) error {
	var gone *Disconnected
	if !errors.As(err, &gone) {
		gone = &Disconnected{Err: err}
	}
	if cn.wasGood() {
		wait.reset()
	}
	if hopeless(gone) {
		wait.longest()
	}
	gone.Retry = wait.draw()
	if cn.bye != nil {
		gone.Retry = max(gone.Retry, cn.bye.Retry)
	}
	if !c.o.Background && !c.wasOpened() {
		return gone
	}
	c.o.Logger.Debug("disconnected", "device", c.device, "err", err, "retry", gone.Retry)
	c.reportError(gone)
	t := time.NewTimer(gone.Retry)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ErrClosed
	}
}

func (c *Client) wasOpened() bool {
	select {
	case <-c.opened:
		return true
	default:
		return false
	}
}

// hopeless reports whether coming back soon would only bring the same answer.
func hopeless(d *Disconnected) bool {
	switch d.Code {
	case closePolicy, closeUnauthorised, closeInUse:
		return true
	}
	var r *Refusal
	if errors.As(d.Err, &r) && !r.Code.ForNow() {
		return true
	}
	var h *Handshake
	return errors.As(d.Err, &h) && h.Status >= 400 && h.Status < 500 && h.Status != 429
}

// recordEnd records how the client ended, and wakes up whoever waits.
func (c *Client) recordEnd(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
	for _, m := range c.raw {
		m.done <- err
	}
	c.raw = nil
	c.changed()
}

// changed wakes up all who wait for something of the state. The caller holds mu.
func (c *Client) changed() {
	if c.change != nil {
		close(c.change)
		c.change = nil
	}
}

// nudge tells the writer that there may be something to write.
func (c *Client) nudge() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// reportError hands an error to OnError. The caller does not hold mu.
func (c *Client) reportError(err error) {
	if c.o.OnError != nil {
		c.o.OnError(err)
	}
}

// up is the time since power-up, in ms.
func (c *Client) up(now time.Time) int64 { return max(0, now.Sub(c.begun).Milliseconds()) }

// Stats are counts since Dial.
type Stats struct {
	Sent     uint64 // readings with SEQ given to a socket, each counted once
	Resent   uint64 // times that one was given to a socket again
	Acked    uint64 // readings settled: on disk
	Refused  uint64 // readings settled: refused for good
	Lost     uint64 // readings given up by Options.DropOldest
	Unacked  uint64 // readings without SEQ and raw messages, written
	Messages uint64 // WebSocket messages written

	Pending   int  // readings held now, without acknowledgement
	Connected bool // welcomed, or in the course's form connected

	Connects    uint64 // connections that were welcomed
	Disconnects uint64 // connections that ended, or failed to begin
	GoBacks     uint64 // times that sending began again at an earlier SEQ on one connection
	Stalls      uint64 // of those, for want of an answer
	Foreign     uint64 // acknowledgements with another BOOT, ignored
	Late        uint64 // desired states that came past their deadline, not applied
	Stale       uint64 // desired states with a lower REV than one that came before, not applied

	Rejected map[vaiven.Code]uint64 // errors from the server, by code
}

// Stats returns the counts at this moment.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Rejected = maps.Clone(c.stats.Rejected)
	s.Pending, s.Lost = c.out.n, c.out.lost
	return s
}

// Connected reports whether the server has welcomed the device and is still
// there; in the course's form, whether the WebSocket is open.
func (c *Client) Connected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats.Connected
}
