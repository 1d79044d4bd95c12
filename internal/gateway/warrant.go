package gateway

import (
	"slices"
	"time"

	"vaiven"
	"vaiven/wire"
)

// trust is what a connection has shown for a device.
type trust uint8

const (
	unproven trust = iota // nothing: whoever says that it is the device
	vouched               // a token of the API that may send for it
	proven                // the device's own token
)

// warrant is by what a connection speaks for a device. The zero value is of one that
// has shown nothing, and was not asked yet.
type warrant struct {
	trust trust
	full  bool              // what it reports confirms changes, and may be one
	by    *vaiven.Principal // who its handshake or request is of, nil: nobody
	proof vaiven.TokenID    // of the token that it proved in a HELLO, "": none
	first vaiven.TokenID    // of the token that it is the first to use: not in the log yet

	asked uint64 // when it was asked for last, as the door counts; 0: it is to be asked for each time
}

// judge says by what somebody speaks for a device: who showed a token with the
// connection or request, nil for nobody, or proved one in a HELLO, "" for none. The
// error is what a board is told that may not.
func (g *Gateway) judge(id vaiven.Device, by *vaiven.Principal, proof vaiven.TokenID) (warrant, *vaiven.Error) {
	a := g.o.Access
	w := warrant{by: by}
	now := g.door.generation.Load() // before anything is asked: what changes meanwhile is asked for again
	st := a.Standing(id)
	key := proof
	if by != nil {
		switch {
		case !a.IsGood(*by):
			return w, refused(vaiven.CodeBadToken, id)
		case by.Board == id:
			key = by.Token
		case by.Board != "" && !a.Standing(by.Board).Concentrator:
			return w, refused(vaiven.CodeBadToken, id)
		case by.Board == "" && by.May(vaiven.MaySend) && by.Sees(id):
			w.trust = vouched
		}
	}
	if key != "" {
		keys := a.Keys(id)
		if i := slices.IndexFunc(keys, func(k vaiven.Granted) bool { return k.Token == key }); i >= 0 {
			w.trust, w.full = proven, true
			if i > 0 || !st.Verified { // the first of them is the one that is used
				w.first = key
			}
		}
		if w.trust == proven && key == proof {
			w.proof = proof
		}
	}
	switch {
	case w.trust == proven:
	case st.Verified && w.trust == unproven:
		return w, refused(vaiven.CodeNotAuthorised, id)
	case w.trust == unproven && !a.Admits(id):
		return w, refused(vaiven.CodeNotApproved, id)
	default:
		w.full = !st.Verified && a.IsClass()
	}
	if lasting := by == nil || by.Expires == 0; lasting && (w.trust > unproven || st.Approved || a.IsClass()) {
		w.asked = now
	} else {
		g.door.lapsing.Store(true)
	}
	return w, nil
}

// approvalRetry is when a board that waits for approval comes again.
const approvalRetry = 10 * time.Second

func refused(code vaiven.Code, id vaiven.Device) *vaiven.Error {
	return &vaiven.Error{Code: code, Device: id, Retry: approvalRetry, At: -1}
}

// take takes another warrant for a device that c speaks for.
func (m *member) take(c *conn, w warrant) {
	m.warrant = w
	m.dev.mu.Lock()
	defer m.dev.mu.Unlock()
	if m.dev.conn.Load() == c {
		m.dev.warrant = w
	}
}

// warrantFor says by what c speaks for the item's device. The error is what the board is
// told that may not.
func (c *conn) warrantFor(m *member, it *wire.Item) (warrant, *vaiven.Error) {
	g := c.g
	if it.Kind == wire.Hello {
		if err := c.prove(it); err != nil {
			return warrant{}, err
		}
	} else if m != nil && m.warrant.asked == g.door.generation.Load() && m.warrant.by == c.shown {
		return m.warrant, nil
	}
	w, err := g.judge(it.Device, c.shown, c.proofs.proven[it.Device])
	if err == nil && w.trust == unproven && g.door.isBarred(bar{it.Device, c.remote.Addr()}, g.uptime()) {
		err = &vaiven.Error{Code: vaiven.CodeDeviceInUse, Reason: wire.ReasonFreed, Retry: time.Minute, At: -1}
	}
	return w, err
}

// refuseUnwarranted tells a board that it may not speak for the item's device. One that
// did until now speaks for it no longer; one that waits to be let in is noted.
func (c *conn) refuseUnwarranted(m *member, it *wire.Item, err *vaiven.Error) {
	g := c.g
	if m != nil && c.request == nil { // other requests of its address may prove more
		m.dev.mu.Lock()
		if m.dev.conn.Load() == c {
			c.lose(m.dev, "", retryWait)
		}
		m.dev.mu.Unlock()
	}
	if err.Code == vaiven.CodeNotApproved {
		known := slices.Contains(c.waiting, it.Device)
		if !known && len(c.waiting) >= g.o.MaxUnproven {
			c.rejectItem(nil, it, it.Boot, c.tooManyUnproven())
			return
		}
		if !known {
			c.waiting = append(c.waiting, it.Device)
		}
		hello := it.Kind == wire.Hello
		if c.request == nil {
			g.door.wait(c, it.Device, hello)
		}
		if g.o.Access.Wait(it.Device, c.remote.Addr(), hello, it.FW) && g.door.allowNews(time.Now()) {
			at := g.o.Stamp().At
			g.tell(Notice{waits: &vaiven.Waiting{
				Device: it.Device, Remote: c.remote.Addr().String(), Since: at, Last: at, Count: 1, Hello: hello, FW: it.FW,
			}})
		}
	}
	if err.Code == vaiven.CodeNotAuthorised && it.Kind == wire.Hello && c.proofs.fresh == it.Device {
		err.Boot = it.Boot
		_ = c.peer.send(wire.AppendError(nil, err, g.o.Lang)) // how every board with a token begins: nothing that went wrong
		return
	}
	c.rejectItem(nil, it, it.Boot, err)
}

// mayAddUnproven reports whether c may speak for one more device without proof.
func (c *conn) mayAddUnproven() bool {
	n := 0
	for i := range c.members {
		if c.members[i].warrant.trust == unproven {
			n++
		}
	}
	return n < c.g.o.MaxUnproven || c.isConcentrator()
}

// isConcentrator reports whether one of those for whom c speaks was approved to speak for
// many.
func (c *conn) isConcentrator() bool {
	a := c.g.o.Access
	if c.shown != nil && c.shown.Board != "" && a.Standing(c.shown.Board).Concentrator {
		return true
	}
	return slices.ContainsFunc(c.members, func(m member) bool { return a.Standing(m.dev.id).Concentrator })
}

func (c *conn) tooManyUnproven() *vaiven.Error {
	return &vaiven.Error{
		Code: vaiven.CodeTooManyDevices, Reason: wire.ReasonManyIDs, Hi: float64(c.g.o.MaxUnproven), At: -1,
	}
}
