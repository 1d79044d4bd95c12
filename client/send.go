package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"vaiven"
	"vaiven/wire"
)

// Send takes a reading and returns its SEQ. The reading is then kept and sent
// until the server has it on disk, whatever happens to connections; Send does
// not wait for that (see Flush and Options.OnAck).
//
// A full ring makes Send wait until there is room or ctx is done, unless
// Options.DropOldest is set. Errors: ctx's; a *vaiven.Error for values that no
// server takes; ErrClosed, *Finished and whatever else Err says.
func (c *Client) Send(ctx context.Context, r Reading) (uint64, error) {
	if c.o.Course {
		return 0, ErrCourse
	}
	if err := c.checkValues(r.Values); err != nil {
		return 0, err
	}
	s := slot{values: slices.Clone(r.Values), taken: r.Taken}
	if s.taken.IsZero() {
		s.taken = c.o.Clock()
	}
	seq, err := c.holdReading(ctx, s)
	if err != nil {
		return 0, err
	}
	c.nudge()
	return seq, nil
}

// holdReading puts a reading into the ring.
func (c *Client) holdReading(ctx context.Context, s slot) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.endError(); err != nil {
			return 0, err
		}
		if c.out.full() && c.o.DropOldest {
			c.out.giveUp()
		}
		if !c.out.full() {
			return c.out.push(s), nil
		}
		if err := c.awaitChange(ctx); err != nil {
			return 0, err
		}
	}
}

// awaitChange waits for a change of the state. The caller holds mu, which is
// let go meanwhile.
func (c *Client) awaitChange(ctx context.Context) error {
	if c.change == nil {
		c.change = make(chan struct{})
	}
	ch := c.change
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-ch:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endError says why nothing more is taken, if so. The caller holds mu.
func (c *Client) endError() error {
	if c.err != nil {
		return c.err
	}
	if c.closing {
		return ErrClosed
	}
	return nil
}

// Flush waits until everything that was sent before is settled, told to OnAck
// and written, or until ctx is done. It returns nil, ctx's error, or Err's when
// the client ended with readings left.
func (c *Client) Flush(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for upto := c.out.nextSeq(); c.hasUnsettled(upto); {
		if c.err != nil {
			return c.err
		}
		if err := c.awaitChange(ctx); err != nil {
			return err
		}
	}
	return nil
}

// hasUnsettled reports whether something before upto is not settled, or waits
// to be written. A state report without a connection goes with the next HELLO,
// and is not waited for. The caller holds mu.
func (c *Client) hasUnsettled(upto uint64) bool {
	return c.out.n > 0 && c.out.head < upto || c.telling || len(c.raw) > 0 || len(c.states.due) > 0 && c.stats.Connected
}

// SendUnacked sends a reading in the course's form, without BOOT and SEQ: it
// goes over the present connection or the next one, once, and nobody says
// whether it arrived. It returns when the reading was written to the socket.
func (c *Client) SendUnacked(ctx context.Context, values []vaiven.Value) error {
	if err := c.checkValues(values); err != nil {
		return err
	}
	return c.SendRaw(ctx, wire.AppendReading(nil, wire.DeviceReading{
		Device: c.device, Age: wire.AgeAbsent, Values: values,
	}))
}

// maxRaw is how many messages of SendRaw wait at most; then SendRaw waits.
const maxRaw = 64

// rawMessage waits for the writer.
type rawMessage struct {
	text []byte
	done chan error // holds one: what came of the write
}

// SendRaw sends text as one message as it is, for gateways that pass messages
// on and for trying out what a server does with wrong ones. It waits for a
// connection, and returns when the message was written to the socket.
func (c *Client) SendRaw(ctx context.Context, text []byte) error {
	m := &rawMessage{text: text, done: make(chan error, 1)}
	if err := c.enqueue(ctx, m); err != nil {
		return err
	}
	c.nudge()
	select {
	case err := <-m.done:
		return err
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.raw = slices.DeleteFunc(c.raw, func(w *rawMessage) bool { return w == m })
		c.changed()
		return ctx.Err()
	}
}

func (c *Client) enqueue(ctx context.Context, m *rawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := c.endError(); err != nil {
			return err
		}
		if len(c.raw) < maxRaw {
			c.raw = append(c.raw, m)
			return nil
		}
		if err := c.awaitChange(ctx); err != nil {
			return err
		}
	}
}

// checkValues refuses what every server would refuse, before it gets a SEQ.
func (c *Client) checkValues(values []vaiven.Value) error {
	if err := (vaiven.Rules{}).Check(values); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	for i, v := range values {
		if vaiven.ProtocolKey(v.Name) {
			return fmt.Errorf("client: %w", &vaiven.Error{Code: vaiven.CodeBadName, Key: v.Name, At: -1})
		}
		if _, twice := vaiven.Find(values[:i], v.Name); twice {
			return fmt.Errorf("client: %s is there twice", v.Name)
		}
		if _, state := vaiven.Find(c.o.States, v.Name); state {
			return errors.New("client: " + v.Name + " is a state: use Report")
		}
	}
	return nil
}
