package gateway

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"vaiven"
	"vaiven/wire"
)

// proofs are what a connection was asked to prove, and has proved, by device.
type proofs struct {
	nonces map[vaiven.Device]string // over a WebSocket: sent, and not answered
	fresh  vaiven.Device            // whose nonce the HELLO at hand was the first to ask for; "": nobody's
	proven map[vaiven.Device]vaiven.TokenID
}

// prove takes what a HELLO says of the board's token: a PROOF that is right holds for
// as long as the connection does; a board that has a token and shows none is sent what
// to prove it with. The error is of a PROOF that is wrong, which is counted.
func (c *conn) prove(it *wire.Item) *vaiven.Error {
	d, keys := it.Device, c.g.o.Access.Keys(it.Device)
	c.proofs.fresh = ""
	proved := func(k vaiven.Granted) bool { return k.Token == c.proofs.proven[d] }
	if len(keys) == 0 || slices.ContainsFunc(keys, proved) || c.shown != nil && c.shown.Board == d {
		return nil
	}
	if it.Proof != "" {
		nonces := c.takeNonces(d)
		for _, nonce := range nonces {
			for i := range keys {
				if vaiven.SameProof(it.Proof, vaiven.Proof(keys[i].Sum, nonce, d, it.Boot)) {
					c.noteProof(d, keys[i].Token)
					return nil
				}
			}
		}
		if len(nonces) > 0 {
			return deniedError(c.g.o.Access.Deny(vaiven.DeniedProof, c.remote.Addr(), d), d)
		}
		// It answers what this connection was never asked: it is asked now.
	}
	if c.request == nil && c.proofs.nonces[d] == "" {
		c.proofs.fresh = d
	}
	_ = c.peer.send(wire.AppendNonce(nil, d, c.nonceFor(d)))
	return nil
}

func (c *conn) noteProof(d vaiven.Device, token vaiven.TokenID) {
	if c.proofs.proven == nil {
		c.proofs.proven = make(map[vaiven.Device]vaiven.TokenID, 1)
	}
	c.proofs.proven[d] = token
}

// nonceFor is what the device's board is to prove its token with, the same until it has
// been answered. Only devices that have a token are asked, so that there are no more
// than a connection may speak for.
func (c *conn) nonceFor(d vaiven.Device) string {
	if c.request != nil {
		return c.g.postNonce(c.remote.Addr().String(), d, c.g.nonceTurn())
	}
	nonce := c.proofs.nonces[d]
	if nonce == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		nonce = hex.EncodeToString(b[:])
		if c.proofs.nonces == nil || len(c.proofs.nonces) >= c.g.o.MaxDevices {
			c.proofs.nonces = make(map[vaiven.Device]string, 1)
		}
		c.proofs.nonces[d] = nonce
	}
	return nonce
}

// takeNonces are the nonces that a PROOF may answer. Each is answered once.
func (c *conn) takeNonces(d vaiven.Device) []string {
	if c.request != nil {
		addr, turn := c.remote.Addr().String(), c.g.nonceTurn()
		return []string{c.g.postNonce(addr, d, turn), c.g.postNonce(addr, d, turn-1)}
	}
	nonce := c.proofs.nonces[d]
	if nonce == "" {
		return nil
	}
	delete(c.proofs.nonces, d)
	return []string{nonce}
}

// nonceEvery is how long a nonce over HTTP is new; it is good for as long again.
const nonceEvery = time.Minute

func (g *Gateway) nonceTurn() int64 { return int64(g.uptime() / nonceEvery) }

// postNonce is the nonce of a device's board at an address that comes by HTTP, made of a
// secret of this process: nothing need be remembered of whoever asks for one.
func (g *Gateway) postNonce(addr string, d vaiven.Device, turn int64) string {
	mac := hmac.New(sha256.New, g.door.secret[:])
	_, _ = fmt.Fprintf(mac, "vaiven nonce 1\n%s\n%s\n%d", addr, d, turn) // never fails
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// firstUse is the record that the member's board was the first to use its token, nil if
// the log has that. It stands in one record with what comes with it.
func (c *conn) firstUse(m *member) *vaiven.Verified {
	if m == nil || m.warrant.first == "" {
		return nil
	}
	return &vaiven.Verified{Stamp: c.g.o.Stamp(), Device: m.dev.id, Token: m.warrant.first}
}
