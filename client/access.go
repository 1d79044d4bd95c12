package client

import (
	"time"

	"vaiven"
	"vaiven/wire"
)

// approvalWindow is for how long a device that was taken in accepts a token over a
// connection that anybody can read: as long as the server gives one behind an approval.
const approvalWindow = 10 * time.Minute

// credentials are the device's token, and how far the present connection has got with
// proving it. Client.mu guards them.
type credentials struct {
	token  string
	barred vaiven.Code // why the server does not let the device speak; "": it does

	// The server said not_approved, and no token was proven since; until is when that
	// ends, zero while nobody has approved the device.
	window bool
	until  time.Time

	// Of the present connection.
	nonce   string // not answered yet
	again   bool   // another HELLO is due at once
	proving bool   // a HELLO with PROOF has no answer yet
}

// connected begins a connection.
func (cr *credentials) connected() { cr.nonce, cr.again, cr.proving = "", false, false }

// proof answers the server's nonce, once. "": there is none, or no token.
func (cr *credentials) proof(d vaiven.Device, b vaiven.Boot) string {
	if cr.nonce == "" || cr.token == "" {
		return ""
	}
	p := vaiven.Proof(vaiven.HashToken(cr.token), cr.nonce, d, b)
	cr.nonce, cr.proving = "", true
	return p
}

// welcomed notes that the server took the device in.
func (cr *credentials) welcomed(now time.Time) {
	if cr.window && cr.until.IsZero() {
		cr.until = now.Add(approvalWindow)
	}
	if cr.proving {
		cr.window = false
	}
	cr.barred, cr.proving = "", false
}

// refused notes why the device is not let in. False: it is about the HELLO before the
// one with PROOF, and says nothing any more.
func (cr *credentials) refused(code vaiven.Code) bool {
	switch {
	case !code.Bars():
		return true
	case code == vaiven.CodeNotAuthorised && (cr.proving || cr.again):
		return false
	case code == vaiven.CodeNotApproved:
		cr.window, cr.until = true, time.Time{}
	}
	cr.barred, cr.proving = code, false
	return true
}

// accepts reports whether a token that comes now may be kept.
func (cr *credentials) accepts(trusted bool, now time.Time) bool {
	return trusted || cr.window && (cr.until.IsZero() || now.Before(cr.until))
}

// Barred is why the server does not let the device speak: vaiven.CodeNotApproved while
// it waits for a person, CodeNotAuthorised where its id has a token that it did not
// show, CodeBadToken. "": nothing of the kind since the last WELCOME. Readings are kept,
// and HELLO is said again, meanwhile.
func (c *Client) Barred() vaiven.Code {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.access.barred
}

// trusted reports whether what is said on a connection of these options can be read by
// the server alone, which showed a certificate that somebody vouches for.
func (o *Options) trusted(secure bool) bool {
	return secure && (o.TLS == nil || !o.TLS.InsecureSkipVerify)
}

// gotNonce has the token proven with another HELLO. A device without one has nothing to
// answer, yet.
func (cn *connection) gotNonce(m *wire.ServerMessage) {
	c := cn.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.o.Course {
		return
	}
	c.access.nonce = m.Nonce
	c.access.again = c.access.again || c.access.token != ""
	c.nudge()
}

// gotToken keeps a token that the server gives, if the server is one that may.
func (cn *connection) gotToken(m *wire.ServerMessage) {
	c := cn.c
	c.mu.Lock()
	taken := vaiven.ValidToken(m.Token) && c.access.accepts(cn.trusted, time.Now())
	if taken {
		c.access.token, c.access.again = m.Token, !c.o.Course
	}
	c.mu.Unlock()
	if !taken {
		c.o.Logger.Debug("a token that was not asked for", "device", c.device)
		return
	}
	c.nudge()
	if c.o.OnToken != nil {
		c.o.OnToken(m.Token)
	}
}
