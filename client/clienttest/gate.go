package clienttest

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"vaiven"
	"vaiven/wire"
)

// Gate is who may speak, as the real server has it: devices that wait for approval,
// tokens, and their proof. Its Intercept goes into Options. Devices are strangers
// until they are approved or given a token.
type Gate struct {
	Retry time.Duration // said with refusals; set before use

	mu      sync.Mutex
	devices map[vaiven.Device]*pass
	clear   int // handshakes that showed a token in the clear
}

// pass is what the gate knows of a device.
type pass struct {
	approved, hand bool // hand: it is to be given a token
	token          string
	used           bool // the token was shown or proven
	proofs         int
	conns          map[*Conn]*proven
}

type proven struct {
	nonce string
	ok    bool
}

// NewGate returns a gate that knows nobody.
func NewGate() *Gate {
	return &Gate{Retry: 10 * time.Second, devices: make(map[vaiven.Device]*pass)}
}

// NewToken returns a random token.
func NewToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	return vaiven.TokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

func (g *Gate) of(d vaiven.Device) *pass {
	p := g.devices[d]
	if p == nil {
		p = &pass{conns: make(map[*Conn]*proven)}
		g.devices[d] = p
	}
	return p
}

// Approve lets a device in, which is given a token with its next HELLO.
func (g *Gate) Approve(d vaiven.Device) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.of(d)
	p.approved, p.hand = true, true
}

// Give lets a device in that has, or is to have, the token; used says that it was
// proven before.
func (g *Gate) Give(d vaiven.Device, token string, used bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.of(d)
	p.approved, p.hand, p.token, p.used = true, false, token, used
}

// Token is a device's token, and how many times it was proven by HMAC.
func (g *Gate) Token(d vaiven.Device) (token string, proofs int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.of(d)
	return p.token, p.proofs
}

// InTheClear is how many handshakes showed an Authorization without TLS.
func (g *Gate) InTheClear() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clear
}

// Intercept refuses what is not let in, and has tokens proven.
func (g *Gate) Intercept(c *Conn, it *wire.Item) bool {
	if it.Device == "" {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.of(it.Device)
	pc := p.conns[c]
	if pc == nil {
		pc = &proven{}
		p.conns[c] = pc
		g.look(c, p, pc)
	}
	switch {
	case !p.approved:
		return g.refuse(c, it, vaiven.CodeNotApproved)
	case pc.ok:
		return false
	case it.Kind == wire.Hello && it.Proof != "":
		if !vaiven.SameProof(it.Proof, vaiven.Proof(vaiven.HashToken(p.token), pc.nonce, it.Device, it.Boot)) {
			return g.refuse(c, it, vaiven.CodeBadToken)
		}
		p.used, pc.ok = true, true
		p.proofs++
		return false
	case it.Kind == wire.Hello:
		g.ask(c, it.Device, p, pc)
	}
	return p.used && g.refuse(c, it, vaiven.CodeNotAuthorised)
}

// look takes the token of the handshake.
func (g *Gate) look(c *Conn, p *pass, pc *proven) {
	bearer, shown := strings.CutPrefix(c.Request.Header.Get("Authorization"), "Bearer ")
	if shown && c.Request.TLS == nil {
		g.clear++
	}
	if shown && p.token != "" && bearer == p.token {
		p.used, pc.ok = true, true
	}
}

// ask has a token proven, or gives one.
func (g *Gate) ask(c *Conn, d vaiven.Device, p *pass, pc *proven) {
	if p.hand {
		p.hand, p.token = false, NewToken()
		c.Write(wire.AppendToken(nil, d, p.token))
		return
	}
	if p.token == "" {
		return
	}
	if pc.nonce == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // it never fails
		pc.nonce = hex.EncodeToString(b[:])
	}
	c.Write(wire.AppendNonce(nil, d, pc.nonce))
}

func (g *Gate) refuse(c *Conn, it *wire.Item, code vaiven.Code) bool {
	c.Write(wire.AppendError(nil, &vaiven.Error{
		Code: code, At: -1, Device: it.Device, Boot: it.Boot, Seq: it.Seq, Retry: g.Retry,
	}, vaiven.English))
	return true
}
