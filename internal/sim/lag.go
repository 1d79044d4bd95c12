package sim

import (
	"context"
	"time"

	"vaiven/client"
)

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

// put is called by one goroutine, the client's.
func (l *lag) put(d client.Desired) {
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
