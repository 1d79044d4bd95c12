package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/internal/limit"
	"vaiven/internal/ws"
	"vaiven/wire"
)

// webSocket is a connection over a WebSocket, and the peer behind it. It is told
// everything at once.
type webSocket struct {
	conn
	socket *ws.Conn
	pacing pacing // of the goroutine that handles messages

	handling atomic.Bool  // a message is being handled: maybe for long, if the log is slow
	answered atomic.Int64 // when it showed to be alive against a newcomer last, as uptime has it; 0: never
}

// ServeHTTP upgrades a board's request and hands the connection to a goroutine
// of its own, so that net/http's buffers and stack are given back.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	remote, place := g.Remote(r), limit.FromContext(r.Context())
	from, denied := g.Identify(r)
	if denied != nil {
		g.stats.BadHandshakes.Add(1)
		g.refuseCredentials(w, denied)
		return
	}
	if from.By != nil {
		place.Trust()
	}
	if code, why := g.admitConnection(remote, place.Trusted()); code != 0 {
		g.stats.RefusedConnections.Add(1)
		w.Header().Set("Retry-After", "5")
		http.Error(w, why, code)
		return
	}
	socket, err := ws.Accept(w, r, &g.ws)
	if err != nil {
		g.stats.BadHandshakes.Add(1)
		g.address.Release(remote.Addr())
		return
	}
	c := &webSocket{conn: conn{g: g, remote: remote, opened: g.uptime(), shown: from.By, secure: from.Secure}, socket: socket}
	c.peer = c
	g.mu.Lock()
	closed := g.closed
	if !closed {
		g.open[c] = struct{}{} // Shutdown waits for it
		g.conns.Add(1)
	}
	g.mu.Unlock()
	if closed {
		g.address.Release(remote.Addr())
		socket.Kill()
		return
	}
	g.stats.Connections.Add(1)
	g.stats.Handshakes.Add(1)
	socket.Start(c, c.ended)
}

// admitConnection counts a connection, or says why there may be none: for who is trusted
// there is room.
func (g *Gateway) admitConnection(remote netip.AddrPort, trusted bool) (code int, why string) {
	g.mu.Lock()
	full, closed := len(g.open) >= g.o.MaxConnections, g.closed
	g.mu.Unlock()
	switch {
	case closed || g.draining.Load():
		return http.StatusServiceUnavailable, g.o.Lang.Say("the server is shutting down", "el servidor se está cerrando")
	case trusted:
		g.address.Add(remote.Addr())
	case full:
		return http.StatusServiceUnavailable, g.o.Lang.Say("too many connections", "demasiadas conexiones")
	case !g.address.Acquire(remote.Addr()):
		return http.StatusTooManyRequests, g.o.Lang.Say(
			"too many connections from your address", "demasiadas conexiones desde tu dirección")
	}
	return 0, ""
}

// Message handles one message; package ws calls it on the connection's
// goroutine. What it blocks on stops the reading of this socket alone.
func (w *webSocket) Message(op ws.Op, p []byte) {
	w.g.stats.Messages.Add(1)
	if w.protocolState == nil {
		w.protocolState = &protocolState{dec: wire.Decoder{Rules: &w.g.o.Rules, MaxDevices: w.g.o.MaxDevices}, yield: w.handleItem}
	}
	w.handling.Store(true)
	w.awaitPace(len(p) + messageCost)
	w.number++
	w.dec.Decode(op == ws.Binary, p, w.yield)
	w.handling.Store(false)
	if w.owing {
		w.acknowledgeRepeats()
	}
}

// send writes the message. A full queue drops the connection in package ws.
func (w *webSocket) send(p []byte) error { return w.socket.Write(ws.Text, p) }

// deliver writes the desired states, if they are news.
func (w *webSocket) deliver(d *device, now time.Duration) {
	want, due := w.g.dueDesired(d, &w.conn, now, nothingNew)
	if !due {
		return
	}
	var err error
	if word := w.g.o.LedText; word[0] != "" && word[1] != "" && !d.greeting.hello {
		err = w.sendInWords(d, want)
	} else {
		err = w.send(w.g.desiredMessage(d, want))
	}
	if err == nil {
		w.g.noteDelivered(d, want, now)
	}
}

// sendInWords is for sketches that compare plain text: LED is a bare word. The
// caller holds d.mu.
func (w *webSocket) sendInWords(d *device, want vaiven.Desired) error {
	led, ok := vaiven.Find(want.States, "LED")
	if ok {
		word := w.g.o.LedText[0]
		if led == 0 {
			word = w.g.o.LedText[1]
		}
		if err := w.send([]byte(word)); err != nil || len(want.States) == 1 {
			return err
		}
		want.States = slices.DeleteFunc(slices.Clone(want.States), func(v vaiven.Value) bool { return v.Name == "LED" })
	}
	return w.send(w.g.desiredMessage(d, want))
}

// pongWait is how long the first connection of a device has to answer before a
// second one takes over.
const pongWait = 3 * time.Second

// alive pings the board and reports whether anything came back in time. One whose
// message is being handled right now is there; it is not read from meanwhile, so it
// could not answer. Who has just answered is spared a ping for each message of a
// newcomer.
func (w *webSocket) alive(d *device, _ *conn, _ wire.ItemKind) bool {
	if at := time.Duration(w.answered.Load()); at != 0 && w.g.uptime() < at+refusedFor {
		return true
	}
	asked := time.Now()
	w.socket.Ping()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for time.Since(asked) < pongWait && d.conn.Load() == &w.conn {
		<-poll.C
		if w.handling.Load() || w.socket.LastSeen().After(asked) {
			w.answered.Store(int64(w.g.uptime()))
			return true
		}
	}
	return false
}

// hangUp starts the closing handshake.
func (w *webSocket) hangUp(code uint16, text string) { w.socket.Close(code, text) }

// ended is what happens when the socket is closed: the log learns that the devices
// are gone, and why in a word.
func (w *webSocket) ended(err error) {
	if w.protocolState != nil {
		why := ""
		var ce *ws.CloseError
		switch {
		case !errors.As(err, &ce):
			why = "lost"
		case ce.Local && slices.Contains(brokenRules, ce.Code):
			why = fmt.Sprintf("%d %s", ce.Code, ce.Reason)
		}
		w.g.door.leave(&w.conn, w.waiting)
		w.detach(why)
	}
	g := w.g
	g.address.Release(w.remote.Addr())
	g.mu.Lock()
	delete(g.open, w)
	g.mu.Unlock()
	g.stats.Connections.Add(-1)
	g.conns.Done()
}

// brokenRules are the close codes that say that the board did something that no
// server takes: its author wants to see which.
var brokenRules = []uint16{ws.StatusProtocol, ws.StatusBadText, ws.StatusTooBig, ws.StatusPolicy}

// Refused implements ws.Refuser: the board did what RFC 6455 does not allow. Bad
// text and a message that is too large are answered like any bad message, before
// the close frame.
func (w *webSocket) Refused(ce *ws.CloseError) {
	e := &vaiven.Error{Code: vaiven.CodeBadFrame, Reason: ce.Reason, Got: ce.Reason, At: -1}
	switch ce.Code {
	case ws.StatusBadText:
		e = wire.NotUTF8(nil) // package ws has discarded what came
	case ws.StatusTooBig:
		e = &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: vaiven.FaultMessage, Hi: float64(w.g.o.MaxMessage), At: -1}
	}
	var d *device
	if w.protocolState != nil && len(w.members) == 1 {
		d = w.members[0].dev
		e.Device = d.id
	}
	if e.Code == vaiven.CodeBadFrame {
		w.g.countRefusal(d, w.remote, e)
		return
	}
	if w.protocolState == nil {
		w.protocolState = &protocolState{}
	}
	w.reject(d, e)
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

// address is how a person is told where a board is: without a port where a
// proxy did not say it.
func address(from netip.AddrPort) string {
	if from.Port() == 0 {
		return from.Addr().String()
	}
	return from.String()
}

// Remote is the board's address: the peer's, or what a trusted proxy says that
// its peer was (the last address in X-Forwarded-For that is no trusted proxy).
func (g *Gateway) Remote(r *http.Request) netip.AddrPort {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	if !g.trusted(peer.Addr()) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		addr, ok := parseHop(hop)
		if !ok {
			g.tellUnreadable(peer, hop)
			break
		}
		if !g.trusted(addr.Addr()) {
			return addr
		}
	}
	return peer
}

// parseHop reads an address as proxies write it: bare, in brackets, with a port
// or without.
func parseHop(s string) (netip.AddrPort, bool) {
	if a, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), true
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		s, _ = strings.CutSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return netip.AddrPortFrom(a.Unmap(), 0), err == nil
}

// tellUnreadable says once that a proxy's header cannot be read; a request that
// did not come through one has none.
func (g *Gateway) tellUnreadable(peer netip.AddrPort, hop string) {
	if hop == "" || !g.unreadable.CompareAndSwap(false, true) {
		return
	}
	g.tell(Notice{Remote: address(peer), Text: fmt.Sprintf(g.o.Lang.Say(
		"a trusted proxy writes %q into X-Forwarded-For, which is no address: its boards seem to come from the proxy",
		"un proxy de confianza escribe %q en X-Forwarded-For, que no es una dirección: sus placas parecen venir del proxy"),
		vaiven.Shorten(hop))})
}

func (g *Gateway) trusted(a netip.Addr) bool {
	for _, p := range g.o.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
