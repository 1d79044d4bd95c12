package gateway

import (
	"context"

	"vaiven"
)

// Notice is something that a person should see and that the log does not hold.
type Notice struct {
	Device vaiven.Device
	Remote string
	Text   string
}

// noticeQueue is how many notices may wait for whoever shows them: a terminal
// can stand still for hours. What finds it full is not shown.
const noticeQueue = 256

// tell queues a notice about a board of c; it never waits.
func (c *conn) tell(d vaiven.Device, text string) {
	c.g.tell(Notice{Device: d, Remote: address(c.remote), Text: text})
}

func (g *Gateway) tell(n Notice) {
	select {
	case g.notices <- n:
	default:
	}
}

func (g *Gateway) runNotices(ctx context.Context) {
	for {
		select {
		case n := <-g.notices:
			g.o.Notice(n)
		case <-ctx.Done():
			return
		}
	}
}
