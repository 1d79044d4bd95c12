package sim

import (
	"context"
	"slices"
	"sync"
	"time"

	"vaiven"
	"vaiven/client"
)

// switches are a board's states: what the server wants is done and reported,
// and so is what somebody does at the board itself. What is desired may come
// while the board is still dialling, before there is anybody to report through.
type switches struct {
	mute bool // never reports

	mu     sync.Mutex
	client *client.Client
	states []vaiven.Value
	rev    uint64 // to be reported
	due    bool   // nothing was reported yet, for want of a client
}

func newSwitches(o *Options) *switches {
	s := &switches{mute: o.Mute || o.Course}
	for _, name := range o.States {
		s.states = append(s.states, vaiven.Value{Name: name})
	}
	return s
}

// attach gives the switches their client.
func (s *switches) attach(c *client.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client = c
	if s.due {
		s.report(s.rev)
	}
}

// declared is what HELLO says: the states at power-up.
func (s *switches) declared() []vaiven.Value {
	if s.mute {
		return nil
	}
	return s.now()
}

func (s *switches) now() []vaiven.Value {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.states)
}

// apply does what the server wants, as far as the board has such states, unless
// its time is over by now.
func (s *switches) apply(d client.Desired) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.Until.IsZero() && time.Now().After(d.Until) {
		return false
	}
	for _, v := range d.States {
		s.setState(v)
	}
	s.report(d.Rev)
	return true
}

// toggle is somebody at the board: 0 becomes 1, all else 0. It is false for a
// state that the board does not have.
func (s *switches) toggle(name string) (float64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	num, ok := vaiven.Find(s.states, name)
	if !ok {
		return 0, false
	}
	v := vaiven.Value{Name: name}
	if num == 0 {
		v.Num = 1
	}
	s.setState(v)
	s.report(0)
	return v.Num, true
}

func (s *switches) setState(v vaiven.Value) {
	if i := slices.IndexFunc(s.states, func(o vaiven.Value) bool { return o.Name == v.Name }); i >= 0 {
		s.states[i].Num = v.Num
	}
}

// report tells the server. The caller holds mu, so that reports leave in the
// order of what they say. A client that has ended needs none.
func (s *switches) report(rev uint64) {
	s.rev, s.due = rev, s.client == nil
	if s.client != nil && !s.mute {
		_ = s.client.Report(s.states, rev)
	}
}

// maxLagging is how much a slow board has before it; of more, the oldest is
// given up, as a board forgets that has no room.
const maxLagging = 32

// lag keeps what the server wants for as long as a slow board takes to do it.
type lag struct {
	after time.Duration // 0: at once
	queue chan client.Desired
}

func newLag(after time.Duration) lag {
	return lag{after: after, queue: make(chan client.Desired, maxLagging)}
}

// add is called by one goroutine, the client's.
func (l *lag) add(d client.Desired) {
	for {
		select {
		case l.queue <- d:
			return
		default:
		}
		select {
		case <-l.queue:
		default:
		}
	}
}

// run does one thing after another, each after its time, until ctx is done.
func (l *lag) run(ctx context.Context, do func(client.Desired)) {
	wait := time.NewTimer(0)
	defer wait.Stop()
	for {
		var d client.Desired
		select {
		case d = <-l.queue:
		case <-ctx.Done():
			return
		}
		wait.Reset(l.after)
		select {
		case <-wait.C:
			do(d)
		case <-ctx.Done():
			return
		}
	}
}
