package client

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"vaiven"
)

// Options say who the device is, where the server is, and what to do about
// trouble. URL and Device are needed; everything else has a useful zero value.
type Options struct {
	// URL of the gateway: ws://host:8080 or wss://host:8443, with or without a
	// path. http and https work as well.
	URL string
	// Device is the board's id, as vaiven.ParseDevice reads it.
	Device string
	// Boot names this power-up: 8 to 16 hexadecimal digits. Empty: chosen at
	// random, which is right unless the program also keeps its readings.
	Boot string
	// Next is the first SEQ to give, for a program that keeps Boot across
	// restarts. Default 1.
	Next uint64
	// Token is the device's own, "" for none. Over wss it goes as "Authorization:
	// Bearer" to a server whose certificate was verified; over ws, which anybody on the
	// network can read, and over wss with InsecureSkipVerify, it is never sent, and
	// proven instead. A token that the server hands out replaces it; see OnToken.
	Token string
	// FW is the version of the board's program, said in HELLO. At most 64 bytes.
	FW string
	// States are what the board can switch, with the present value of each. Nil
	// for a board that switches nothing.
	States []vaiven.Value

	// Course makes a device as the course's sketch is: no HELLO, no BOOT, no
	// SEQ, no acknowledgements. Only SendUnacked and SendRaw work then.
	Course bool

	// Ring is how many readings without acknowledgement are kept. Default 1024.
	Ring int
	// DropOldest decides what Send does with a full ring: give up the oldest
	// reading and count it in Stats.Lost, instead of waiting.
	DropOldest bool
	// Window is how many readings may be on their way without acknowledgement,
	// at most Ring. Default 256.
	Window int
	// BatchBytes is up to how many bytes of readings are sent in one message
	// when several are waiting. Default 8 KiB; negative: one reading a message.
	BatchBytes int

	// Backoff says how long to wait between connections.
	Backoff Backoff
	// Background lets Dial return at once and leaves connecting, for as long as
	// it takes, to the background. Without it Dial waits for the first WELCOME.
	Background bool

	// TLS configures wss connections. Nil: the system's roots.
	TLS *tls.Config
	// CA, when not empty, is the certificate (PEM) of the only authority that is
	// trusted, as `vaiven ca --pem` prints it. A server that another one signed for is
	// refused before anything is said to it; Dial's error is then a
	// *tls.CertificateVerificationError.
	CA []byte
	// Header is added to the WebSocket handshake.
	Header http.Header
	// Subprotocols are offered in the handshake.
	Subprotocols []string
	// NetDial opens the TCP connection. Nil: a net.Dialer.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// OnDesired is told what the server wants: all desired states of the device,
	// each time that they are sent. Answer with Client.Report. It is not told of
	// what came too late (OnLate), nor of what is older than what came before; an
	// equal Rev is a repetition, for a server that heard no report.
	OnDesired func(Desired)
	// OnLate is told of desired states that came when their time was over: they
	// must not be applied. Nothing is to be done about them.
	OnLate func(Desired)
	// OnError is told of what the server refused (*Refusal) and of connections
	// that failed (*Disconnected).
	OnError func(error)
	// OnAck is told of each reading that was settled, in order of SEQ.
	OnAck func(Acked)
	// OnToken is given a token that the server hands out, to be kept (it is a secret)
	// and passed as Token next time. It may be given several: the last one counts. One
	// that comes over ws is taken only if this Client was told not_approved before: from
	// another it would be a stranger's.
	OnToken func(string)

	// DialTimeout bounds TCP, TLS and WebSocket handshake together. Default 15 s.
	DialTimeout time.Duration
	// WelcomeTimeout bounds the wait for the answer to HELLO. Default 10 s.
	WelcomeTimeout time.Duration
	// WriteTimeout bounds one write to the socket. Default 10 s.
	WriteTimeout time.Duration
	// StallTimeout is how long readings may be on their way without any progress
	// before they are sent again. Default 10 s.
	StallTimeout time.Duration
	// PingAfter is after how much silence the server is asked. Default 30 s.
	PingAfter time.Duration
	// IdleTimeout is after how much silence the connection is dropped. Default 60 s.
	IdleTimeout time.Duration
	// CloseTimeout bounds the close handshake. Default 2 s.
	CloseTimeout time.Duration

	// Clock is read for AGE and UP only; waiting is done by package time.
	// Default time.Now.
	Clock func() time.Time
	// Rand gives the random bytes of Boot and of the waits. Default crypto/rand.
	Rand io.Reader
	// Logger receives what is worth telling at debug level. Nil: nothing.
	Logger *slog.Logger
}

// Reading is what was measured.
type Reading struct {
	// Values are the measurements: at least one, at most vaiven.MaxValues, each
	// finite and named as vaiven.ValidName wants. Send keeps a copy.
	Values []vaiven.Value
	// Taken is when it was measured, on Options.Clock. Zero: now.
	Taken time.Time
}

// Desired is what the server wants the board's states to be.
type Desired struct {
	States []vaiven.Value
	Rev    uint64    // to be given back to Report
	Until  time.Time // not to be applied later than this, on Options.Clock; zero: no deadline
}

// Acked is a reading that is settled: nothing more will happen to it.
type Acked struct {
	Boot    vaiven.Boot
	Seq     uint64
	Values  []vaiven.Value
	Taken   time.Time   // on Options.Clock
	Sent    time.Time   // first time that it was given to a socket
	Sends   int         // how many times it was given to a socket
	Refused vaiven.Code // "": it is on disk; else it was refused for good, with this code
}

func (o Options) withDefaults() (Options, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return o, fmt.Errorf("client: %w", err)
	}
	switch u.Scheme {
	case "ws", "wss", "http", "https":
	default:
		return o, fmt.Errorf("client: url %q: want ws://HOST:PORT or wss://HOST:PORT", o.URL)
	}
	if u.Host == "" {
		return o, fmt.Errorf("client: url %q has no host", o.URL)
	}
	if o.Ring <= 0 {
		o.Ring = 1024
	}
	if o.Window <= 0 {
		o.Window = 256
	}
	o.Window = min(o.Window, o.Ring)
	if o.BatchBytes == 0 {
		o.BatchBytes = 8 << 10
	}
	if o.BatchBytes > vaiven.MaxMessage {
		return o, fmt.Errorf("client: BatchBytes %d is above the server's limit of %d", o.BatchBytes, vaiven.MaxMessage)
	}
	if o.Next == 0 {
		o.Next = 1
	}
	if len(o.FW) > 64 {
		return o, errors.New("client: FW is longer than 64 bytes")
	}
	if len(o.CA) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(o.CA) {
			return o, errors.New("client: CA holds no certificate in PEM")
		}
		if o.TLS = o.TLS.Clone(); o.TLS == nil {
			o.TLS = &tls.Config{}
		}
		o.TLS.RootCAs = pool
	}
	o.Backoff = o.Backoff.withDefaults()
	o.defaultTimes()
	if len(o.States) > 0 {
		if err := (vaiven.Rules{}).Check(o.States); err != nil {
			return o, fmt.Errorf("client: states: %w", err)
		}
	}
	return o, nil
}

func (o *Options) defaultTimes() {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.DialTimeout, 15 * time.Second},
		{&o.WelcomeTimeout, 10 * time.Second},
		{&o.WriteTimeout, 10 * time.Second},
		{&o.StallTimeout, 10 * time.Second},
		{&o.PingAfter, 30 * time.Second},
		{&o.IdleTimeout, 60 * time.Second},
		{&o.CloseTimeout, 2 * time.Second},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// newBoot returns 16 random hexadecimal digits.
func newBoot(r io.Reader) (vaiven.Boot, error) {
	var b [8]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return "", fmt.Errorf("client: random boot: %w", err)
	}
	return vaiven.Boot(fmt.Sprintf("%x", b[:])), nil
}

// Backoff is how long to wait before the next connection: a random time
// between nothing and a ceiling that begins at Min and doubles with each
// failure up to Max ("full jitter"), so that a thousand boards that lost the
// same server do not come back in the same moment. Only a WELCOME takes the
// ceiling back to Min: a server that accepts connections and drops them must
// not be hammered.
type Backoff struct {
	Min time.Duration // default 1 s
	Max time.Duration // default 60 s
}

func (b Backoff) withDefaults() Backoff {
	if b.Min <= 0 {
		b.Min = time.Second
	}
	if b.Max <= 0 {
		b.Max = 60 * time.Second
	}
	b.Max = max(b.Max, b.Min)
	return b
}

// pause counts the failures in a row and draws the waits.
type pause struct {
	Backoff
	ceiling time.Duration // of the next wait; 0: Min
	rand    io.Reader
}

func (p *pause) reset() { p.ceiling = 0 }

// longest makes the next wait one of the longest: for refusals that coming
// back soon cannot cure, such as a wrong token.
func (p *pause) longest() { p.ceiling = p.Max }

func (p *pause) draw() time.Duration {
	c := max(p.ceiling, p.Min)
	p.ceiling = min(2*c, p.Max)
	return time.Duration(p.fraction() * float64(c))
}

// fraction draws from 0 to 1. Without randomness it is one half, since waiting
// in step with other boards is better than not waiting.
func (p *pause) fraction() float64 {
	var b [8]byte
	if _, err := io.ReadFull(p.rand, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.LittleEndian.Uint64(b[:])>>11) / (1 << 53)
}
