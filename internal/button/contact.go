package button

import (
	"context"
	"time"
)

// contact is one button. After Open its own goroutine uses it.
type contact struct {
	p       *Panel
	b       Binding
	in      input // nil: the line could not be had
	trouble trouble
}

// open tries to get the line.
func (c *contact) open() {
	c.trouble.p, c.trouble.line = c.p, c.b.Line
	in, err := c.p.lines.Input(c.b, c.p.o.Debounce)
	if err != nil {
		c.trouble.noteFailure(err)
		return
	}
	c.trouble.noteWorking()
	c.in = in
}

// close gives the line back.
func (c *contact) close() error {
	if c.in == nil {
		return nil
	}
	in := c.in
	c.in = nil
	return in.Close()
}

// run reads the button until ctx is done, over all that happens to its line.
func (c *contact) run(ctx context.Context) {
	for ctx.Err() == nil {
		if c.in == nil {
			if !c.trouble.awaitRetry(ctx) {
				return
			}
			c.open()
			continue
		}
		began := time.Now()
		err := c.read(ctx)
		_ = c.close() // the line is given up either way
		c.trouble.resetPause(time.Since(began))
		if ctx.Err() == nil {
			c.trouble.noteFailure(err)
		}
	}
}

// read turns edges into presses until the line fails or ctx is done.
func (c *contact) read(ctx context.Context) error {
	in := c.in
	defer context.AfterFunc(ctx, func() { _ = in.Close() })()
	pressed, err := in.Pressed() // a button that is held down now was pressed before
	if err != nil {
		return err
	}
	if in.Debounced() {
		return c.countEdges(in)
	}
	return c.debounce(in, pressed)
}

// countEdges takes every edge down for a press: the kernel has debounced it.
func (c *contact) countEdges(in input) error {
	for {
		e, _, err := in.Wait(checkEvery)
		switch {
		case err != nil:
			return err
		case e == down:
			c.p.queuePress(c.b)
		case e == none: // quiet: is the line still there?
			if _, err := in.Pressed(); err != nil {
				return err
			}
		}
	}
}

// debounce is for raw edges: a level counts when no edge came for the debounce
// time, by the kernel's clock. A computer that is busy may run us only when the
// button is up again: the press lies between its edges then.
func (c *contact) debounce(in input, pressed bool) error {
	wait, last, since := checkEvery, none, time.Duration(0)
	count := func(now bool) {
		if now && !pressed {
			c.p.queuePress(c.b)
		}
		pressed = now
	}
	for {
		e, at, err := in.Wait(wait)
		if err != nil {
			return err
		}
		if e != none {
			if last != none && at-since >= c.p.o.Debounce {
				count(last == down)
			}
			wait, last, since = c.p.o.Debounce, e, at
			continue
		}
		now, err := in.Pressed()
		if err != nil {
			return err
		}
		count(now)
		wait, last = checkEvery, none
	}
}
