package client_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
	"vaiven/client"
	"vaiven/client/clienttest"
	"vaiven/wire"
)

// most is a source of the largest random numbers: every wait is its ceiling.
type most struct{}

func (most) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 0xff
	}
	return len(p), nil
}

// inBubble runs a test in which time only passes when everything waits.
func inBubble(t *testing.T, o clienttest.Options, run func(t *testing.T, s *clienttest.Server, co client.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		pipe := clienttest.NewPipe()
		o.Listener = pipe
		s := clienttest.New(o)
		defer s.Close()
		run(t, s, client.Options{
			URL: "ws://vaiven.test", Device: "101", NetDial: pipe.Dial, Rand: most{}, Boot: "9f3c02aa",
		})
	})
}

func mustDial(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestBusyWaitsForRetry(t *testing.T) {
	var refused, again time.Time
	intercept := func(c *clienttest.Conn, it *wire.Item) bool {
		switch {
		case it.Seq == 3 && refused.IsZero():
			refused = time.Now()
			c.Write(wire.AppendError(nil, &vaiven.Error{
				Code: vaiven.CodeBusy, At: -1, Device: it.Device, Boot: it.Boot, Seq: 3, Retry: 5 * time.Second,
			}, vaiven.English))
			return true
		case it.Seq == 3 && again.IsZero():
			again = time.Now()
		}
		return false
	}
	inBubble(t, clienttest.Options{Intercept: intercept}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := mustDial(t, o)
		defer end(c)
		sendN(t, c, 10)
		flush(t, c)
		checkStored(t, s, c, 10)
		if d := again.Sub(refused); d < 5*time.Second || d > 6*time.Second {
			t.Errorf("sent again after %v", d)
		}
		if n := c.Stats().Connects; n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

func TestLostInTheMiddleIsSentAgainAfterTenSeconds(t *testing.T) {
	var swallowed, again time.Time
	intercept := func(c *clienttest.Conn, it *wire.Item) bool {
		if it.Seq != 10 {
			return false
		}
		if swallowed.IsZero() {
			swallowed = time.Now()
			return true
		}
		again = time.Now()
		return false
	}
	inBubble(t, clienttest.Options{Intercept: intercept}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := mustDial(t, o)
		defer end(c)
		sendN(t, c, 10)
		flush(t, c)
		checkStored(t, s, c, 10)
		if d := again.Sub(swallowed); d < 10*time.Second || d > 11*time.Second {
			t.Errorf("sent again after %v", d)
		}
	})
}

func TestAServerThatAcknowledgesNothingIsLeft(t *testing.T) {
	intercept := func(_ *clienttest.Conn, it *wire.Item) bool { return it.Seq != 0 }
	inBubble(t, clienttest.Options{Intercept: intercept}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		var errs notes[error]
		o.OnError = errs.add
		c := mustDial(t, o)
		defer end(c)
		sendN(t, c, 1)
		time.Sleep(45 * time.Second)
		synctest.Wait()
		if len(errs.get()) == 0 {
			t.Errorf("still there: %+v", c.Stats())
		}
	})
}

func TestAgeIsComputedAtEachSend(t *testing.T) {
	var ages notes[int64]
	intercept := func(_ *clienttest.Conn, it *wire.Item) bool {
		if it.Seq != 0 {
			ages.add(it.Age)
			return len(ages.get()) == 1
		}
		return false
	}
	inBubble(t, clienttest.Options{Intercept: intercept}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := mustDial(t, o)
		defer end(c)
		taken := time.Now().Add(-2 * time.Second)
		if _, err := c.Send(t.Context(), client.Reading{Values: values(1), Taken: taken}); err != nil {
			t.Fatal(err)
		}
		flush(t, c)
		if a := ages.get(); len(a) != 2 || a[0] != 2000 || a[1] != 12000 {
			t.Errorf("ages %v", a)
		}
	})
}

func TestAgeBeyondTheLimitIsUnknown(t *testing.T) {
	inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := mustDial(t, o)
		defer end(c)
		old := time.Now().Add(-91 * 24 * time.Hour)
		if _, err := c.Send(t.Context(), client.Reading{Values: values(1), Taken: old}); err != nil {
			t.Fatal(err)
		}
		flush(t, c)
		if r := s.Stored("101", c.Boot()); r[0].Age != wire.AgeUnknown {
			t.Errorf("age %d", r[0].Age)
		}
	})
}

// TestComingBack follows when a board returns after a close.
func TestComingBack(t *testing.T) {
	for name, tt := range map[string]struct {
		code     int
		bye      time.Duration // negative: none
		from, to time.Duration
	}{
		"going away":               {1001, -1, 0, 2 * time.Second},
		"going away, RETRY":        {1001, 25 * time.Second, 25 * time.Second, 26 * time.Second},
		"done, but with RETRY":     {1000, 30 * time.Second, 30 * time.Second, 31 * time.Second},
		"try again later":          {1013, -1, 0, 2 * time.Second},
		"policy":                   {1008, -1, 59 * time.Second, 61 * time.Second},
		"not authorised":           {4401, -1, 59 * time.Second, 61 * time.Second},
		"device in use":            {4409, -1, 59 * time.Second, 61 * time.Second},
		"policy, RETRY above that": {1008, 90 * time.Second, 90 * time.Second, 91 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
				var errs notes[error]
				o.OnError = errs.add
				c := mustDial(t, o)
				defer end(c)
				closed := time.Now()
				if tt.bye < 0 {
					s.Conns()[0].Close(tt.code, "reason")
				} else {
					s.Conns()[0].Bye("reason", tt.bye, tt.code)
				}
				synctest.Wait() // the board is on its own
				sendN(t, c, 1)
				flushFor(t, c, 3*time.Minute)
				if d := time.Since(closed); d < tt.from || d > tt.to {
					t.Errorf("came back after %v, want %v to %v", d, tt.from, tt.to)
				}
				if !isDisconnected(errs.get(), tt.code) {
					t.Errorf("errors %v", errs.get())
				}
			})
		})
	}
}

func flushFor(t *testing.T, c *client.Client, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := c.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestDoneWithoutByeIsTheEnd(t *testing.T) {
	inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := mustDial(t, o)
		s.Conns()[0].Close(1000, "3m0s elapsed")
		<-c.Done()
		if f, ok := errors.AsType[*client.Finished](c.Err()); !ok || f.Reason != "3m0s elapsed" {
			t.Errorf("ended with %v", c.Err())
		}
	})
}

// TestOnlyWelcomeShortensTheWait: a server that takes connections and says
// nothing is asked less and less often.
func TestOnlyWelcomeShortensTheWait(t *testing.T) {
	mute := func(*clienttest.Conn, *wire.Item) bool { return true }
	inBubble(t, clienttest.Options{Intercept: mute}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		var errs notes[error]
		o.OnError, o.Background = errs.add, true
		c := mustDial(t, o)
		defer end(c)
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60}
		for i, err := range errs.get() {
			d, ok := errors.AsType[*client.Disconnected](err)
			if !ok || i < len(want) && d.Retry.Round(time.Millisecond) != want[i]*time.Second {
				t.Errorf("wait %d: %v, want %vs", i, d.Retry, want[i])
			}
		}
		if n := len(errs.get()); n < 6 {
			t.Errorf("only %d attempts", n)
		}
	})
}

func TestDialTellsOfAServerThatDoesNotAnswerHello(t *testing.T) {
	mute := func(*clienttest.Conn, *wire.Item) bool { return true }
	inBubble(t, clienttest.Options{Intercept: mute}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c, err := client.Dial(t.Context(), o)
		if err == nil {
			end(c)
			t.Fatal("no error")
		}
		if _, ok := errors.AsType[*client.Disconnected](err); !ok {
			t.Errorf("error %v", err)
		}
	})
}

func TestNotApprovedIsAskedAgain(t *testing.T) {
	approved := time.Time{}
	intercept := func(c *clienttest.Conn, it *wire.Item) bool {
		if time.Now().Before(approved) {
			c.Write(wire.AppendError(nil, &vaiven.Error{
				Code: vaiven.CodeNotApproved, At: -1, Device: it.Device, Retry: 10 * time.Second,
			}, vaiven.English))
			return true
		}
		return false
	}
	inBubble(t, clienttest.Options{Intercept: intercept}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		approved = time.Now().Add(35 * time.Second)
		begun := time.Now()
		c := mustDial(t, o)
		defer end(c)
		if d := time.Since(begun); d < 40*time.Second || d > 41*time.Second {
			t.Errorf("welcomed after %v", d)
		}
		if st := c.Stats(); st.Rejected[vaiven.CodeNotApproved] != 4 || st.Disconnects != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestAnIdleConnectionIsKept(t *testing.T) {
	inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		c := mustDial(t, o)
		defer end(c)
		time.Sleep(time.Hour)
		synctest.Wait()
		if st := c.Stats(); !st.Connected || st.Connects != 1 {
			t.Errorf("stats %+v", st)
		}
	})
}

// deaf is a connection whose other end is gone without a word, from when it is
// told so: writes go nowhere, reads never end.
type deaf struct {
	net.Conn
	gone   chan struct{}
	closed chan struct{}
}

func (d *deaf) isGone() bool {
	select {
	case <-d.gone:
		return true
	default:
		return false
	}
}

func (d *deaf) Write(p []byte) (int, error) {
	if d.isGone() {
		return len(p), nil
	}
	return d.Conn.Write(p)
}

func (d *deaf) Close() error {
	select {
	case <-d.closed:
	default:
		close(d.closed)
	}
	return d.Conn.Close()
}

func TestASilentServerIsLeftAfterAMinute(t *testing.T) {
	inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		gone := make(chan struct{})
		dialPipe := o.NetDial
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialPipe(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return &deaf{Conn: c, gone: gone, closed: make(chan struct{})}, nil
		}
		var errs notes[error]
		o.OnError = errs.add
		c := mustDial(t, o)
		defer end(c)
		close(gone)
		begun := time.Now()
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if len(errs.get()) == 0 {
			t.Errorf("still connected after %v: %+v", time.Since(begun), c.Stats())
		}
	})
}

func TestCloseIsBoundedWhenTheServerIsGone(t *testing.T) {
	inBubble(t, clienttest.Options{}, func(t *testing.T, s *clienttest.Server, o client.Options) {
		gone := make(chan struct{})
		dialPipe := o.NetDial
		o.NetDial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dialPipe(ctx, network, addr)
			return &deaf{Conn: c, gone: gone, closed: make(chan struct{})}, err
		}
		c := mustDial(t, o)
		close(gone)
		sendN(t, c, 3)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		if err := c.Close(ctx); !errors.Is(err, client.ErrUnacknowledged) {
			t.Errorf("Close: %v", err)
		}
		if d := time.Since(begun); d > 8*time.Second {
			t.Errorf("took %v", d)
		}
	})
}
