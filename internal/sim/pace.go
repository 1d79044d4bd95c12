package sim

import (
	"context"
	"math/rand/v2"
	"time"
)

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
