package gateway

import (
	"context"
	"net/http"
	"net/netip"

	"vaiven"
	"vaiven/internal/ws"
	"vaiven/wire"
)

// Refused counts what was refused from an address before a board was known, and
// records it as bad messages are: the first of each kind at once, then a count.
func (g *Gateway) Refused(remote netip.AddrPort, e *vaiven.Error) {
	g.refuse(nil, remote, e)
}

// RefusedRequest is Refused for an HTTP request.
func (g *Gateway) RefusedRequest(r *http.Request, e *vaiven.Error) { g.Refused(g.Remote(r), e) }

// refuse counts a refusal, and records it if it is the first of its kind.
func (g *Gateway) refuse(d *device, remote netip.AddrPort, e *vaiven.Error) {
	g.stats.reject(e.Code)
	key := rejectKey{device: e.Device, code: e.Code, reason: e.Reason}
	if e.Device == "" {
		key.from = remote.Addr()
	}
	now := g.uptime()
	due, first := g.rejects.add(key, d, e, remote, now)
	if first {
		g.schedule.wake(&g.rejects, now+summaryEvery)
	}
	if due != nil {
		g.recordRejected(context.Background(), key, due)
	}
}

// handshakeFault is what a handshake that was refused is called in the domain;
// nil when the board is not to blame.
func handshakeFault(r *http.Request, he *ws.HandshakeError) *vaiven.Error {
	e := &vaiven.Error{Code: vaiven.CodeBadHandshake, At: -1}
	switch he.Fault {
	case ws.FaultMethod:
		e.Reason, e.Got = vaiven.FaultMethod, vaiven.Shorten(r.Method)
	case ws.FaultHTTP:
		e.Reason = vaiven.FaultHTTP10
	case ws.FaultUpgrade:
		e.Reason = vaiven.FaultUpgrade
	case ws.FaultVersion:
		e.Reason = vaiven.FaultVersion
	case ws.FaultKey:
		e.Reason = vaiven.FaultKey
	case ws.FaultBody:
		e.Reason = vaiven.FaultBody
	default:
		return nil
	}
	return e
}

// refuseHandshake answers a handshake that was refused, in the server's language,
// and counts it.
func (g *Gateway) refuseHandshake(w http.ResponseWriter, r *http.Request, he *ws.HandshakeError) {
	text := g.o.Lang.Say("the server could not take the connection over", "el servidor no pudo hacerse cargo de la conexión")
	if e := handshakeFault(r, he); e != nil {
		text = wire.Explain(e, g.o.Lang)
		g.RefusedRequest(r, e)
	}
	http.Error(w, text, he.Status)
}

// Refused implements ws.Refuser: the board did what RFC 6455 does not allow. Bad
// text and a message that is too large are answered like any bad message, before
// the close frame.
func (c *conn) Refused(ce *ws.CloseError) {
	e := &vaiven.Error{Code: vaiven.CodeBadFrame, Reason: ce.Reason, Got: ce.Reason, At: -1}
	switch ce.Code {
	case ws.StatusBadText:
		e = wire.NotUTF8(nil) // package ws has discarded what came
	case ws.StatusTooBig:
		e = &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: vaiven.FaultMessage, Hi: float64(c.g.o.MaxMessage), At: -1}
	}
	var d *device
	if c.speech != nil && len(c.links) == 1 {
		d = c.links[0].dev
		e.Device = d.id
	}
	if e.Code == vaiven.CodeBadFrame {
		c.g.refuse(d, c.remote, e)
		return
	}
	if c.speech == nil {
		c.speech = &speech{}
	}
	c.reject(d, e)
}
