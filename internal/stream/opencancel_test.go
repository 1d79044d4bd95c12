package stream

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
)

// endsWhenAsked is a context that ends when it was asked a number of times whether it
// has.
type endsWhenAsked struct {
	context.Context
	end  context.CancelFunc
	left atomic.Int64
}

func (c *endsWhenAsked) ask() {
	if c.left.Add(-1) == 0 {
		c.end()
	}
}

func (c *endsWhenAsked) Done() <-chan struct{} { c.ask(); return c.Context.Done() }
func (c *endsWhenAsked) Err() error            { c.ask(); return c.Context.Err() }

// TestOpenThatIsToldToEndSaysNothing ends the opening of a log at every step at which
// it looks whether it shall: nothing is wrong then, and nothing is said.
func TestOpenThatIsToldToEndSaysNothing(t *testing.T) {
	dir := t.TempDir()
	l := start(t, Options{Dir: dir})
	l.append(reading(101, 1))
	l.await(1)
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	for n := int64(1); ; n++ {
		var said bytes.Buffer
		inner, end := context.WithCancel(testContext(t))
		ctx := &endsWhenAsked{Context: inner, end: end}
		ctx.left.Store(n)
		l, err := Open(ctx, Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelWarn}))})
		ended := inner.Err() != nil
		end()
		if err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		} else if !errors.Is(err, context.Canceled) {
			t.Fatalf("ended when asked for the %dth time: %v", n, err)
		}
		if said.Len() > 0 {
			t.Fatalf("ended when asked for the %dth time: it says\n%s", n, said.String())
		}
		if !ended {
			if n < 10 {
				t.Fatalf("it was asked %d times only", n)
			}
			return // nothing is left at which it could end
		}
	}
}
