package gateway

import (
	"time"

	"vaiven"
	"vaiven/wire"
)

const (
	// errorsPerSecond is how many error messages a connection is sent, and one more
	// for each device that it speaks for. Refusals for now have a budget of their
	// own, as large as the devices that it may speak for: each of them waits to be
	// told when to come again.
	errorsPerSecond = 20
	// deviceErrors is how many error messages a device is sent on a connection one
	// after the other, and errorEvery how often another in the long run: a board that
	// answers every error with the same message is not played with for ever.
	deviceErrors = 20
	errorEvery   = busyRetry
)

// errorBudget bounds the error messages of one connection: a flood of bad input is
// counted, not answered message by message.
type errorBudget struct {
	forGood, forNow perSecond
	devices         map[vaiven.Device]*deviceBudget // as many as one connection speaks for; "" stands for the others
}

// deviceBudget bounds those of one device.
type deviceBudget struct {
	left int
	at   time.Time // when one was added last
	told bool      // that no more are sent, since the budget was full
}

// take reports whether e is answered, and whether it is the last for now, which is
// to be told. What settles a SEQ counts for the connection alone: it does not come
// again.
func (b *errorBudget) take(e *vaiven.Error, now time.Time, links, devices int) (answer, last bool) {
	if e.Reason == wire.ReasonFlood && e.Lo > 1 {
		return false, false // said of the first in the message
	}
	if e.Code.ForNow() {
		answer = b.forNow.take(now, devices)
	} else {
		answer = b.forGood.take(now, errorsPerSecond+links)
	}
	if !answer || e.Seq != 0 && e.Code.Settles() {
		return answer, false
	}
	return b.of(e.Device, now, devices).take(now)
}

func (b *errorBudget) of(d vaiven.Device, now time.Time, devices int) *deviceBudget {
	if b.devices[d] == nil && len(b.devices) >= devices {
		d = ""
	}
	x := b.devices[d]
	if x == nil {
		if b.devices == nil {
			b.devices = make(map[vaiven.Device]*deviceBudget, 1)
		}
		x = &deviceBudget{left: deviceErrors, at: now}
		b.devices[d] = x
	}
	return x
}

func (x *deviceBudget) take(now time.Time) (answer, last bool) {
	if n := now.Sub(x.at) / errorEvery; n > 0 {
		x.left = min(x.left+int(min(n, deviceErrors)), deviceErrors)
		x.at = x.at.Add(n * errorEvery)
	}
	if x.left == 0 {
		return false, false
	}
	if x.left == deviceErrors {
		x.told = false
	}
	x.left--
	last = x.left == 0 && !x.told
	x.told = x.told || last
	return true, last
}

type perSecond struct {
	second int64
	used   int
}

func (b *perSecond) take(now time.Time, limit int) bool {
	if s := now.Unix(); s != b.second {
		b.second, b.used = s, 0
	}
	b.used++
	return b.used <= limit
}

// tooManyErrors tells board and terminal, once, that what is wrong is counted from
// now on, and seldom answered.
func (c *conn) tooManyErrors(e *vaiven.Error) {
	many := &vaiven.Error{
		Code: vaiven.CodeTooFast, Reason: wire.ReasonErrors, Hi: deviceErrors, At: -1, Device: e.Device, Retry: errorEvery,
	}
	c.send(wire.AppendError(nil, many, c.g.o.Lang))
	c.tell(e.Device, wire.Explain(many, c.g.o.Lang))
}
