package ws

import (
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// keySalt is appended to the client's key (RFC 6455, section 1.3).
const keySalt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

// HandshakeError says why a request did not become a WebSocket. It was
// answered with Status.
type HandshakeError struct {
	Status int
	Reason string
	Fault  Fault
}

// Fault names what a handshake lacks, for programs.
type Fault uint8

// The faults of a handshake.
const (
	FaultNone Fault = iota // the server's own
	FaultMethod
	FaultHTTP
	FaultUpgrade
	FaultVersion
	FaultKey
	FaultBody
)

// Error is a line for logs.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("ws: handshake refused with %d: %s", e.Status, e.Reason)
}

// Accept performs the opening handshake (RFC 6455, section 4.2) and takes the
// connection over. On an error, a *HandshakeError or that of the network, the
// request has been answered and the caller just returns. On success the caller
// owes the Conn a Serve or a Kill; it should return from its http.Handler and
// call Serve on a fresh goroutine, so that net/http's request, buffers and
// stack are freed.
func Accept(w http.ResponseWriter, r *http.Request, o *Options) (*Conn, error) {
	if o == nil {
		o = &Options{}
	}
	if err := checkRequest(w.Header(), r); err != nil {
		o.refuseHandshake(w, r, err)
		return nil, err
	}
	nc, brw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		he := &HandshakeError{http.StatusInternalServerError, "connection cannot be taken over: " + err.Error(), FaultNone}
		o.refuseHandshake(w, r, he)
		return nil, he
	}
	if v, ok := nc.(interface{ Unwatched() net.Conn }); ok {
		nc = v.Unwatched()
	}
	var early []byte // what the client sent without waiting for the answer
	if n := brw.Reader.Buffered(); n > 0 {
		if n > readSize { // net/http's buffer has 4 KiB
			return nil, errors.Join(errors.New("ws: handshake: too much behind the request"), nc.Close())
		}
		early, _ = brw.Reader.Peek(n)
	}
	if err := acceptHandshake(nc, r, o); err != nil {
		return nil, errors.Join(fmt.Errorf("ws: answer handshake: %w", err), nc.Close())
	}
	return newConn(nc, o, early), nil
}

// checkRequest holds the request against section 4.2.1, and puts into h what a
// refusal must say.
func checkRequest(h http.Header, r *http.Request) *HandshakeError {
	switch {
	case r.Method != http.MethodGet:
		h.Set("Allow", http.MethodGet)
		return &HandshakeError{http.StatusMethodNotAllowed, "a WebSocket begins with GET", FaultMethod}
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return &HandshakeError{http.StatusHTTPVersionNotSupported, "a WebSocket needs HTTP/1.1", FaultHTTP}
	case !hasToken(r.Header["Upgrade"], "websocket") || !hasToken(r.Header["Connection"], "upgrade"):
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
		return &HandshakeError{http.StatusUpgradeRequired, "this is a WebSocket address: the request has no Upgrade: websocket", FaultUpgrade}
	case !single(r.Header["Sec-Websocket-Version"], func(v string) bool { return v == "13" }):
		h.Set("Sec-WebSocket-Version", "13")
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
		return &HandshakeError{http.StatusUpgradeRequired, "Sec-WebSocket-Version must be 13", FaultVersion}
	case !single(r.Header["Sec-Websocket-Key"], validKey):
		return &HandshakeError{http.StatusBadRequest, "Sec-WebSocket-Key must be 16 bytes in base64", FaultKey}
	case r.ContentLength != 0:
		return &HandshakeError{http.StatusBadRequest, "a WebSocket handshake has no body", FaultBody}
	}
	return nil
}

// single reports whether there is exactly one value, and it is ok.
func single(values []string, ok func(string) bool) bool {
	return len(values) == 1 && ok(strings.Trim(values[0], " \t"))
}

// validKey asks for 16 bytes. The last character's unused bits may be set, as
// in the example of RFC 6455, section 4.1: the key is only hashed.
func validKey(k string) bool {
	b, err := base64.StdEncoding.DecodeString(k)
	return err == nil && len(b) == 16 && len(k) == 24
}

// hasToken looks for a token in comma-separated header values, without regard
// to case.
func hasToken(values []string, token string) bool {
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(t, " \t"), token) {
				return true
			}
		}
	}
	return false
}

// chooseSubprotocol returns the first subprotocol offered that is supported, "" for none.
func chooseSubprotocol(offered, supported []string) string {
	if len(supported) == 0 {
		return ""
	}
	for _, v := range offered {
		for t := range strings.SplitSeq(v, ",") {
			if t = strings.Trim(t, " \t"); slices.Contains(supported, t) {
				return t
			}
		}
	}
	return ""
}

// acceptHandshake writes the 101 and leaves the connection without deadlines.
func acceptHandshake(nc net.Conn, r *http.Request, o *Options) error {
	sum := sha1.Sum([]byte(strings.Trim(r.Header.Get("Sec-Websocket-Key"), " \t") + keySalt))
	b := make([]byte, 0, 256)
	b = append(b, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	b = base64.StdEncoding.AppendEncode(b, sum[:])
	if p := chooseSubprotocol(r.Header["Sec-Websocket-Protocol"], o.Subprotocols); p != "" {
		b = append(append(b, "\r\nSec-WebSocket-Protocol: "...), p...)
	}
	b = append(b, "\r\n\r\n"...)
	if err := nc.SetDeadline(time.Now().Add(o.writeTimeout())); err != nil {
		return err
	}
	if _, err := nc.Write(b); err != nil {
		return err
	}
	return nc.SetDeadline(time.Time{})
}
