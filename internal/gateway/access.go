package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"vaiven"
	"vaiven/wire"
)

// Access tells who may speak for which device. It is asked with every message, by many
// goroutines, and must be quick.
type Access interface {
	Standings
	Credentials
	Doorkeeper
}

// Standings tell what the log has of devices.
type Standings interface {
	// Admits reports whether something of the device may be taken that proves nothing.
	Admits(d vaiven.Device) bool
	// IsClass reports whether what proves nothing may confirm changes, and make them.
	IsClass() bool
	Standing(d vaiven.Device) vaiven.Standing
}

// Credentials tell whose a token is.
type Credentials interface {
	// Authenticate says who shows a token. An error is counted already; one with a
	// method RetryAfter says when the address may try again.
	Authenticate(text string, from netip.Addr) (vaiven.Principal, error)
	// IsGood reports whether what somebody showed is still good.
	IsGood(p vaiven.Principal) bool
	// Keys are the tokens that prove that a board is the device, the one in use first.
	Keys(d vaiven.Device) []vaiven.Granted
}

// Doorkeeper notes who comes in vain, and has tokens for those who may come in.
type Doorkeeper interface {
	// Wait notes that a message of a device was refused because nobody let it in, and
	// reports whether that is news.
	Wait(d vaiven.Device, from netip.Addr, hello bool, fw string) (fresh bool)
	// Deny counts something that was tried in vain; the error is as Authenticate has it.
	Deny(why vaiven.DeniedReason, from netip.Addr, d vaiven.Device) error
	// BoardToken makes a token for a device's board; record is to be in the log before
	// the board is told.
	BoardToken(d vaiven.Device) (text string, record *vaiven.Granted)
}

// everybody is the Access of a gateway that was given none: a class without tokens.
type everybody struct{}

func (everybody) Admits(vaiven.Device) bool                              { return true }
func (everybody) IsClass() bool                                          { return true }
func (everybody) Standing(vaiven.Device) (s vaiven.Standing)             { return s }
func (everybody) IsGood(vaiven.Principal) bool                           { return true }
func (everybody) Keys(vaiven.Device) []vaiven.Granted                    { return nil }
func (everybody) BoardToken(vaiven.Device) (_ string, _ *vaiven.Granted) { return "", nil }
func (everybody) Authenticate(string, netip.Addr) (p vaiven.Principal, err error) {
	return p, nil
}
func (everybody) Wait(vaiven.Device, netip.Addr, bool, string) bool { return false }
func (everybody) Deny(vaiven.DeniedReason, netip.Addr, vaiven.Device) error {
	return nil
}

// Sender is where a message comes from, and who sends it as far as that was shown.
type Sender struct {
	Remote netip.AddrPort
	By     *vaiven.Principal // nil: nobody
	Secure bool              // nobody between can read it
}

// Identify says who sends a request: by a token in Authorization, as Bearer, or as the
// password of Basic with the board's id as the user. The error has CodeBadToken, or
// CodeTooFast for an address that must wait; it was counted.
func (g *Gateway) Identify(r *http.Request) (Sender, *vaiven.Error) {
	s := Sender{Remote: g.Remote(r), Secure: g.Secure(r)}
	user, text, shown := vaiven.ParseAuthorization(r.Header.Get("Authorization"))
	if !shown {
		return s, nil
	}
	from := s.Remote.Addr()
	p, err := g.o.Access.Authenticate(text, from)
	if err == nil && user != "" && p.Board != "" {
		if d, bad := vaiven.ParseDevice(user); bad != nil || d != p.Board {
			err = g.o.Access.Deny(vaiven.DeniedToken, from, p.Board)
		}
	}
	if err != nil {
		return s, deniedError(err, "")
	}
	s.By = &p
	if p.Board != "" && !s.Secure {
		g.tellClear(p.Board, s.Remote)
	}
	return s, nil
}

// deniedError is what a board is told whose token was wrong.
func deniedError(err error, id vaiven.Device) *vaiven.Error {
	e := refused(vaiven.CodeBadToken, id)
	var wait interface{ RetryAfter() time.Duration }
	if errors.As(err, &wait) {
		e.Code, e.Retry = vaiven.CodeTooFast, max(wait.RetryAfter(), time.Second)
		e.Reason = wire.ReasonGuesses
	}
	return e
}

// Secure reports whether a request came over TLS, to this server or to a proxy that is
// trusted and says so.
func (g *Gateway) Secure(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && g.trusted(peer.Addr().Unmap()) && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// tellClear points out, once for each device, that its token can be read on its way.
func (g *Gateway) tellClear(d vaiven.Device, from netip.AddrPort) {
	if !g.door.isNewsOfClear(d) {
		return
	}
	g.tell(Notice{Device: d, Remote: address(from), Text: g.o.Lang.Say(
		"sends its token unencrypted, where everybody in the network can read it: connect it by wss://",
		"envía su clave sin cifrar, y cualquiera en la red puede leerla: conéctala por wss://")})
}

// refuseCredentials answers a handshake with a wrong token.
func (g *Gateway) refuseCredentials(w http.ResponseWriter, e *vaiven.Error) {
	code := http.StatusUnauthorized
	if e.Code == vaiven.CodeTooFast {
		code = http.StatusTooManyRequests
		w.Header().Set("Retry-After", fmt.Sprint(int64((e.Retry+time.Second-1)/time.Second)))
	} else {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	http.Error(w, g.o.Lang.Say("that is no token of this server", "esa no es una clave de este servidor"), code)
}
