package vaiven

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Rights are what somebody may do; the zero value is nothing.
type Rights uint64

// The rights. Whoever has MayAdmin may do everything.
const (
	MayRead  Rights = 1 << iota // see devices, readings, events
	MaySet                      // change desired states
	MaySend                     // bring readings, as a board does
	MayAdmin                    // admit devices, give tokens, take backups, and all the rest
)

// rightNames are what the rights are called, in the order of their bits.
var rightNames = [...]string{"read", "set", "send", "admin"}

// Has reports whether all of what is in r.
func (r Rights) Has(what Rights) bool { return r&MayAdmin != 0 || r&what == what }

// String is the rights' names with commas.
func (r Rights) String() string { return strings.Join(r.Names(), ",") }

// Names are what the rights are called.
func (r Rights) Names() (names []string) {
	for i, name := range rightNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// ParseRights reads names of rights: read, set, send, admin. The error is for a person.
func ParseRights(names []string, l Lang) (r Rights, err error) {
	for _, name := range names {
		i := slices.Index(rightNames[:], strings.TrimSpace(name))
		if i < 0 {
			return 0, fmt.Errorf(l.Say("%q: want %s", "%q: debe ser %s"), Shorten(name), strings.Join(rightNames[:], ", "))
		}
		r |= 1 << i
	}
	return r, nil
}

// TokenUse is what a token is for.
type TokenUse string

// What tokens are for.
const (
	UseBoard   TokenUse = "board"   // a board proves with it that it is the device
	UseAPI     TokenUse = "api"     // a program or a person shows it to the API
	UseLink    TokenUse = "link"    // lets one browser in, once
	UseBrowser TokenUse = "browser" // a cookie of an administrator's browser
)

// ByAdoption is Granted.By of tokens that boards are given over their connection.
const ByAdoption = "adoption"

// TokenID names a token without telling anything about it: 12 hexadecimal digits.
type TokenID string

// NewToken makes a token of 256 random bits, and its name.
func NewToken() (text string, id TokenID) {
	var b [38]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(b[:32]), TokenID(hex.EncodeToString(b[32:]))
}

// TokenSum is the SHA-256 of a token's text: all that is kept of it. It is also the
// key of a board's proof, so it is shown to nobody.
type TokenSum [sha256.Size]byte

// Admitted says that a person lets a device in: what it sends is taken from now on.
type Admitted struct {
	Stamp
	Device Device
	// Remote is the address, without a port, whose board was waiting for this: it may
	// be given its token over a connection that is not encrypted. "": none was.
	Remote       string
	Concentrator bool // its connection may speak for many devices
	By           string
}

// Granted says that a token was made.
type Granted struct {
	Stamp
	Device  Device // whose board's, of UseBoard; "" otherwise
	Token   TokenID
	Use     TokenUse
	Sum     TokenSum
	Rights  Rights
	Devices []string // patterns of ids that it is for; none: all
	Expires int64    // not good from then on, Unix ms UTC; 0: never
	Name    string   // what people call it
	By      string
	From    TokenID // the link that it was exchanged for, which is used up by this; "": none
}

// Verified says that a board proved for the first time that it has this token: nothing
// unproven speaks for the device any more.
type Verified struct {
	Stamp
	Device Device
	Token  TokenID
}

// Revoked takes back a token, or all that a device was given: its admission and its
// tokens.
type Revoked struct {
	Stamp
	Device Device
	Token  TokenID // "": all of the device
	By     string
}

// Opened says that until a moment every board is let in, unverified.
type Opened struct {
	Stamp
	Until int64 // Unix ms UTC; 0: closed
	By    string
}

// Denied sums up what was tried with a wrong token, a wrong proof, or from a wrong
// place, from one address in a stretch of time.
type Denied struct {
	Stamp
	Device Device // that was claimed, "" for none
	Reason DeniedReason
	Remote string
	Count  uint64 // since the last summary
}

// DeniedReason is why something was denied.
type DeniedReason string

// Why something is denied.
const (
	DeniedToken  DeniedReason = "token"  // no token of this server
	DeniedProof  DeniedReason = "proof"  // of another token
	DeniedLink   DeniedReason = "link"   // a login link that is used, expired or none
	DeniedOrigin DeniedReason = "origin" // a page of another site
	DeniedHost   DeniedReason = "host"   // under a name that is not the server's
)

// Of returns the device of the event.
func (e *Admitted) Of() Device { return e.Device }
func (e *Granted) Of() Device  { return e.Device }
func (e *Verified) Of() Device { return e.Device }
func (e *Revoked) Of() Device  { return e.Device }
func (e *Denied) Of() Device   { return e.Device }

// Of returns "": a door is open to all devices.
func (e *Opened) Of() Device { return "" }

// Standing is a device's right to speak, as the log has it. It is a value without a
// clock; the zero value is a device that nobody let in.
type Standing struct {
	Approved     bool   `json:"approved,omitempty"`     // a person let it in
	Concentrator bool   `json:"concentrator,omitempty"` // its connection may speak for many devices
	Token        bool   `json:"token,omitempty"`        // it was given a token
	Verified     bool   `json:"verified,omitempty"`     // its board has used one: nothing unproven speaks for it
	At           int64  `json:"at,omitempty"`           // when it was let in, Unix ms UTC
	Remote       string `json:"remote,omitempty"`       // Admitted.Remote
}

// Apply takes one event about the device. After *Forgotten by a person the caller lets
// go of the Standing.
func (s *Standing) Apply(ev Event) {
	switch e := ev.(type) {
	case *Admitted:
		s.Approved, s.Concentrator, s.At, s.Remote = true, e.Concentrator, e.At, e.Remote
	case *Granted:
		s.Token = s.Token || e.Use == UseBoard
	case *Verified:
		s.Approved, s.Token, s.Verified = true, true, true
	case *Revoked:
		if e.Token == "" {
			*s = Standing{}
		}
	}
}

// Trust is how far what speaks for a device is believed.
type Trust string

// How far a device is believed.
const (
	TrustVerified   Trust = "verified"   // only what proves that it has the device's token speaks for it
	TrustUnverified Trust = "unverified" // whatever gives its id speaks for it
	TrustUnapproved Trust = "unapproved" // nothing of it is taken until a person lets it in
)

// TokenRequest asks for a token of the API.
type TokenRequest struct {
	Name    string
	Rights  Rights        // one at least
	Devices []string      // patterns; none: all
	For     time.Duration // how long it is good; 0: for ever
	By      string
}

// Principal is somebody who asks for something, as far as the server knows.
type Principal struct {
	Name    string   // for people and for the audit: "token garden", "browser", "this machine"; "": nobody
	Use     TokenUse // of what it showed; "" for what is configured, and for nobody
	Token   TokenID  // that it showed; "": none that the log has
	Rights  Rights
	Devices []string // patterns of ids that it may see and ask of; none: all
	Board   Device   // of UseBoard: the only device that it speaks for
	Expires int64    // of what it showed, Unix ms UTC; 0: never
}

// May reports whether it has all of these rights.
func (p *Principal) May(what Rights) bool { return p.Rights.Has(what) }

// Sees reports whether a device is one that its rights are for.
func (p *Principal) Sees(d Device) bool { return MatchesDevice(p.Devices, d) }

// SeesAll reports whether its rights are for every device.
func (p *Principal) SeesAll() bool { return len(p.Devices) == 0 }

// principalKey is the context's key of a request's Principal.
type principalKey struct{}

// WithPrincipal returns a context of a request that p makes.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, &p)
}

// PrincipalOf is who makes the request of a context: somebody without any right where
// nobody said who. It is not to be changed.
func PrincipalOf(ctx context.Context) *Principal {
	if p, ok := ctx.Value(principalKey{}).(*Principal); ok {
		return p
	}
	return &Principal{}
}

// MatchesDevice reports whether a device is one of the patterns, in which * stands for
// any characters, as 1* and lab-*; no pattern at all is every device.
func MatchesDevice(patterns []string, d Device) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, string(d))
		return ok && err == nil
	})
}

// CheckPatterns refuses patterns that can match no device. The error is for a person.
func CheckPatterns(patterns []string, l Lang) error {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil || p == "" || len(p) > 64 || strings.ContainsFunc(p, neverInPattern) {
			return fmt.Errorf("%q: %s", Shorten(p), WantPattern(l))
		}
	}
	return nil
}

// neverInPattern tells characters that are in no id and stand for none.
func neverInPattern(r rune) bool {
	return r >= utf8.RuneSelf || !alnum(byte(r)) && !strings.ContainsRune("._-*?[]^", r)
}

// WantPattern says how CheckPatterns wants them.
func WantPattern(l Lang) string {
	return l.Say("want ids, or patterns as 1* or lab-*", "deben ser identificadores, o patrones como 1* o lab-*")
}

// Waiting is a board that waits until a person lets it in.
type Waiting struct {
	Device Device
	Remote string // address, without a port
	Since  int64  // Unix ms UTC
	Last   int64  // when it came last
	Count  uint64 // messages of it that were refused
	Hello  bool   // it says HELLO: it can be given a token
	FW     string // as HELLO has it
}
