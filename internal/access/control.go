package access

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/atomicfile"
)

// How long what is given out is good.
const (
	LinkFor    = 15 * time.Minute
	BrowserFor = 30 * 24 * time.Hour
	TicketFor  = time.Minute
)

// ShortestToken is how many characters a token has at least that a person chose.
const ShortestToken = 16

// LocalFile is the file in the data folder with the token of the commands on the same
// machine.
const LocalFile = "cli-token"

// Errors of what was shown.
var (
	ErrUnknown error = &DeniedError{"no token of this server"}
	ErrLink    error = &DeniedError{"no login link that is good"}
)

// DeniedError says that what was shown is good for nothing. A room that does not know
// this one tells it by its method.
type DeniedError struct{ text string }

func (e *DeniedError) Error() string { return e.text }

// Denied marks it.
func (e *DeniedError) Denied() {}

// ThrottledError says that an address has tried too often in vain.
type ThrottledError struct{ Retry time.Duration }

func (e *ThrottledError) Error() string {
	return fmt.Sprintf("too many wrong tokens; again in %v", e.Retry)
}

// RetryAfter is how long the address must wait.
func (e *ThrottledError) RetryAfter() time.Duration { return e.Retry }

// Options configure NewControl. Book, Write and Stamp are required.
type Options struct {
	Book *Book
	// Write writes events into one record of the log, and returns once every view has
	// applied it.
	Write func(ctx context.Context, events ...vaiven.Event) error
	Stamp func() vaiven.Stamp

	Open       bool   // every board is let in, unverified, and everybody may look: a class
	PublicView bool   // everybody may look
	Configured string // a token that the configuration has, with all rights; "": none

	Failed func(err error) // what could not be recorded; may be nil
}

// Control answers who may do what, and writes down what administrators decide.
type Control struct {
	o          Options
	configured vaiven.TokenSum
	local      vaiven.TokenSum // zero: there is none
	waiting    waiting
	failures   failures
}

// NewControl returns the control over a book.
func NewControl(o Options) *Control {
	c := &Control{o: o}
	if o.Configured != "" {
		c.configured = vaiven.HashToken(o.Configured)
	}
	if o.Failed == nil {
		c.o.Failed = func(error) {}
	}
	return c
}

// Run writes what was tried in vain into the log, as summaries, until ctx is done. It
// returns nil.
func (c *Control) Run(ctx context.Context) error {
	tick := time.NewTicker(summaryTick)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.record(ctx, c.failures.due(time.Now(), false))
		case <-ctx.Done():
			c.record(context.WithoutCancel(ctx), c.failures.due(time.Now(), true))
			return nil
		}
	}
}

// OpenLocal reads the token of the commands on this machine from the data folder, and
// makes one where there is none. It stays the same from start to start, so that a command
// that outlives a restart goes on; one that others could read is replaced.
func (c *Control) OpenLocal(dir string) error {
	path := filepath.Join(dir, LocalFile)
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o077 == 0 {
		b, err := os.ReadFile(path)
		if text := strings.TrimSpace(string(b)); err == nil && vaiven.ValidToken(text) {
			c.local = vaiven.HashToken(text)
			return nil
		}
	}
	text, _ := vaiven.NewToken()
	if err := atomicfile.WritePrivate(path, []byte(text+"\n")); err != nil {
		return err
	}
	c.local = vaiven.HashToken(text)
	return nil
}

func (c *Control) now() int64 { return c.o.Stamp().At }

// Nobody is whoever shows nothing.
func (c *Control) Nobody() vaiven.Principal {
	if c.o.Open || c.o.PublicView {
		return vaiven.Principal{Rights: vaiven.MayRead}
	}
	return vaiven.Principal{}
}

// IsOpen reports whether every board is let in now, unverified.
func (c *Control) IsOpen() bool { return c.o.Open || c.OpenUntil() != 0 }

// IsClass reports whether every board is let in for as long as this server runs, and may
// confirm changes and make them: a class.
func (c *Control) IsClass() bool { return c.o.Open }

// Admits reports whether something of a device may be taken that proves nothing.
func (c *Control) Admits(d vaiven.Device) bool {
	s := c.o.Book.Standing(d)
	return !s.Verified && (s.Approved || c.IsOpen())
}

// Trust is how far what speaks for a device is believed now.
func (c *Control) Trust(d vaiven.Device) vaiven.Trust {
	switch {
	case c.o.Book.Standing(d).Verified:
		return vaiven.TrustVerified
	case c.Admits(d):
		return vaiven.TrustUnverified
	}
	return vaiven.TrustUnapproved
}

// Standing returns a device's right to speak.
func (c *Control) Standing(d vaiven.Device) vaiven.Standing { return c.o.Book.Standing(d) }

// Keys are the tokens that prove that a board is the device.
func (c *Control) Keys(d vaiven.Device) []vaiven.Granted { return c.o.Book.Keys(d) }

// Watch calls fn as [Book.Watch] does.
func (c *Control) Watch(fn func(vaiven.Device)) { c.o.Book.Watch(fn) }

// Authenticate says who shows that token, from an address. The error is ErrUnknown,
// which is counted, or a *ThrottledError.
func (c *Control) Authenticate(text string, from netip.Addr) (vaiven.Principal, error) {
	sum := vaiven.HashToken(text)
	if c.local != (vaiven.TokenSum{}) && subtle.ConstantTimeCompare(sum[:], c.local[:]) == 1 {
		return vaiven.Principal{Name: "this machine", Rights: vaiven.MayAdmin}, nil
	}
	if strings.HasPrefix(text, vaiven.TokenPrefix) { // of 256 random bits: nobody guesses one
		if t, ok := c.o.Book.Find(text, c.now()); ok && (t.Use == vaiven.UseAPI || t.Use == vaiven.UseBoard) {
			return principal(t), nil
		}
		if !strings.HasPrefix(c.o.Configured, vaiven.TokenPrefix) {
			return vaiven.Principal{}, c.Deny(vaiven.DeniedToken, from, "")
		}
	}
	if c.failures.wait(from, time.Now()) > 0 { // a person chose it: guesses are counted out, whether right or wrong
		return vaiven.Principal{}, c.Deny(vaiven.DeniedToken, from, "")
	}
	if c.o.Configured != "" && subtle.ConstantTimeCompare(sum[:], c.configured[:]) == 1 {
		return vaiven.Principal{Name: "the server's token", Rights: vaiven.MayAdmin}, nil
	}
	return vaiven.Principal{}, c.Deny(vaiven.DeniedToken, from, "")
}

// IsGood reports whether what somebody showed is still good: it was not taken back, and
// has not expired. What is configured is good for as long as this process runs.
func (c *Control) IsGood(p vaiven.Principal) bool {
	switch {
	case p.Token == "":
		return true
	case p.Board != "":
		return slices.ContainsFunc(c.o.Book.Keys(p.Board), func(k vaiven.Granted) bool { return k.Token == p.Token })
	}
	_, ok := c.o.Book.Token(p.Token, c.now())
	return ok
}

// Deny counts something that was tried in vain. It returns ErrUnknown, or a
// *ThrottledError if that address has tried too often.
func (c *Control) Deny(why vaiven.DeniedReason, from netip.Addr, d vaiven.Device) error {
	wait := c.failures.add(why, from, d, time.Now())
	if wait > 0 {
		return &ThrottledError{wait}
	}
	return ErrUnknown
}

func (c *Control) record(ctx context.Context, denied []vaiven.Denied) {
	for i := range denied {
		denied[i].Stamp = c.o.Stamp()
		ctx, cancel := context.WithTimeout(ctx, recordWait)
		err := c.o.Write(ctx, &denied[i])
		cancel()
		if err != nil {
			c.failures.giveBack(denied[i:])
			c.o.Failed(err)
			return
		}
	}
}

// principal is whoever shows a token.
func principal(t vaiven.Granted) vaiven.Principal {
	p := vaiven.Principal{Use: t.Use, Token: t.Token, Rights: t.Rights, Devices: t.Devices, Expires: t.Expires}
	switch t.Use {
	case vaiven.UseBoard:
		p.Name, p.Board, p.Rights, p.Devices = "board "+string(t.Device), t.Device, vaiven.MaySend, []string{string(t.Device)}
	case vaiven.UseBrowser:
		p.Name, p.Rights = "browser", vaiven.MayAdmin
	default:
		p.Name = "token " + cmp.Or(t.Name, string(t.Token))
	}
	return p
}

// Browser says whose a browser's cookie is.
func (c *Control) Browser(cookie string) (vaiven.Principal, bool) {
	t, ok := c.o.Book.Find(cookie, c.now())
	if !ok || t.Use != vaiven.UseBrowser {
		return vaiven.Principal{}, false
	}
	return principal(t), true
}

// LoginLink makes the secret of a link that opens one browser session as administrator,
// once, within LinkFor.
func (c *Control) LoginLink(ctx context.Context, by string) (secret string, expires int64, err error) {
	secret, id := vaiven.NewToken()
	g := &vaiven.Granted{Stamp: c.o.Stamp(), Token: id, Use: vaiven.UseLink, Sum: vaiven.HashToken(secret), Rights: vaiven.MayAdmin, By: by}
	g.Expires = g.At + LinkFor.Milliseconds()
	return secret, g.Expires, c.o.Write(ctx, g)
}

// Login exchanges a link's secret for a session's cookie. The error is ErrLink, which
// is counted, a *ThrottledError, or the log's.
func (c *Control) Login(ctx context.Context, secret string, from netip.Addr) (cookie string, expires int64, err error) {
	link, ok := c.o.Book.Find(secret, c.now())
	if !ok || link.Use != vaiven.UseLink || isAhead(link.At, c.now()) {
		var wait *ThrottledError
		if err := c.Deny(vaiven.DeniedLink, from, ""); errors.As(err, &wait) {
			return "", 0, err
		}
		return "", 0, ErrLink
	}
	cookie, id := vaiven.NewToken()
	g := &vaiven.Granted{Stamp: c.o.Stamp(), Token: id, Use: vaiven.UseBrowser, Sum: vaiven.HashToken(cookie), Rights: vaiven.MayAdmin, From: link.Token, By: from.String()}
	g.Expires = g.At + BrowserFor.Milliseconds()
	if err := c.o.Write(ctx, g); err != nil {
		return "", 0, err
	}
	if _, good := c.Browser(cookie); !good { // somebody else was first with this link
		return "", 0, ErrLink
	}
	return cookie, g.Expires, nil
}

// CreateToken makes a token of the API. Its text is told this once.
func (c *Control) CreateToken(ctx context.Context, r vaiven.TokenRequest) (text string, g vaiven.Granted, err error) {
	text, id := vaiven.NewToken()
	g = vaiven.Granted{
		Stamp: c.o.Stamp(), Token: id, Use: vaiven.UseAPI, Sum: vaiven.HashToken(text), Rights: r.Rights, Devices: r.Devices, Name: r.Name, By: r.By,
	}
	if r.For > 0 {
		g.Expires = g.At + r.For.Milliseconds()
	}
	if err := c.o.Write(ctx, &g); err != nil {
		return "", g, err
	}
	if _, kept := c.o.Book.Token(id, c.now()); !kept {
		return "", g, fmt.Errorf("there are %d tokens already", maxTokens)
	}
	return text, g, nil
}

// Tokens are those of the API and the browsers' sessions that are good now.
func (c *Control) Tokens() []vaiven.Granted { return c.o.Book.Tokens(c.now()) }

// RevokeToken takes back a token of the API or a session; false: there is none.
func (c *Control) RevokeToken(ctx context.Context, id vaiven.TokenID, by string) (bool, error) {
	if _, ok := c.o.Book.Token(id, c.now()); !ok {
		return false, nil
	}
	return true, c.o.Write(ctx, &vaiven.Revoked{Stamp: c.o.Stamp(), Token: id, By: by})
}

// AddDevice lets a device in and makes a token for its board, which is told this once.
// A token that is in use stays good until the new one is used: a burnt board can be
// replaced, and keeps its id and its history. A concentrator stays one.
func (c *Control) AddDevice(ctx context.Context, d vaiven.Device, concentrator bool, by string) (token string, err error) {
	token, g := c.boardToken(d, by)
	events := []vaiven.Event{g}
	if s := c.o.Book.Standing(d); !s.Approved || concentrator && !s.Concentrator {
		events = append([]vaiven.Event{&vaiven.Admitted{Stamp: g.Stamp, Device: d, Concentrator: concentrator, By: by}}, events...)
	}
	if err := c.o.Write(ctx, events...); err != nil {
		return "", err
	}
	c.waiting.remove(d)
	return token, nil
}

// mostAdded are the devices of one record of AddDevices.
const mostAdded = 200

// AddDevices is AddDevice for many, none a concentrator; tokens are by device. An error
// may leave some of them added.
func (c *Control) AddDevices(ctx context.Context, ids []vaiven.Device, by string) (tokens map[vaiven.Device]string, err error) {
	tokens = make(map[vaiven.Device]string, len(ids))
	for some := range slices.Chunk(ids, mostAdded) {
		var events []vaiven.Event
		for _, d := range some {
			token, g := c.boardToken(d, by)
			if !c.o.Book.Standing(d).Approved {
				events = append(events, &vaiven.Admitted{Stamp: g.Stamp, Device: d, By: by})
			}
			events, tokens[d] = append(events, g), token
		}
		if err := c.o.Write(ctx, events...); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// boardToken makes a token for a device's board, and its record.
func (c *Control) boardToken(d vaiven.Device, by string) (string, *vaiven.Granted) {
	text, id := vaiven.NewToken()
	return text, &vaiven.Granted{
		Stamp: c.o.Stamp(), Device: d, Token: id, Use: vaiven.UseBoard, Sum: vaiven.HashToken(text), Rights: vaiven.MaySend, By: by,
	}
}

// BoardToken makes a token for the board of a device that was let in, and its record,
// which whoever calls writes into the log before the board is told.
func (c *Control) BoardToken(d vaiven.Device) (text string, record *vaiven.Granted) {
	return c.boardToken(d, vaiven.ByAdoption)
}

// Approve lets a device in that waits, or will come. From is the address of the board
// that is meant, the zero Addr for any: who is approved twice stays where it was.
func (c *Control) Approve(ctx context.Context, d vaiven.Device, from netip.Addr, concentrator bool, by string) error {
	a := &vaiven.Admitted{Stamp: c.o.Stamp(), Device: d, Concentrator: concentrator, By: by}
	if a.Remote = c.o.Book.Standing(d).Remote; from.IsValid() {
		a.Remote = from.String()
	}
	if err := c.o.Write(ctx, a); err != nil {
		return err
	}
	c.waiting.remove(d)
	return nil
}

// RevokeDevice takes back all that a device was given; false: that was nothing.
func (c *Control) RevokeDevice(ctx context.Context, d vaiven.Device, by string) (bool, error) {
	if c.o.Book.Standing(d) == (vaiven.Standing{}) {
		return false, nil
	}
	return true, c.o.Write(ctx, &vaiven.Revoked{Stamp: c.o.Stamp(), Device: d, By: by})
}

// OpenUntil is until when every board is let in, Unix ms UTC; 0: they are not, but for a
// class, see IsClass.
func (c *Control) OpenUntil() int64 {
	return c.o.Book.OpenUntil(c.now())
}

// OpenFor lets every board in for a while, unverified; 0 closes the door.
func (c *Control) OpenFor(ctx context.Context, d time.Duration, by string) (until int64, err error) {
	o := &vaiven.Opened{Stamp: c.o.Stamp(), By: by}
	if d > 0 {
		o.Until = o.At + d.Milliseconds()
	}
	return o.Until, c.o.Write(ctx, o)
}

// Ticket is what a page puts into the address of a live feed, where it can send no
// header: it stands for p for TicketFor. Every node knows it, since it is signed with
// what the log has of p's token. "" for somebody who has none.
func (c *Control) Ticket(p vaiven.Principal) string {
	key, ok := c.ticketKey(string(p.Token))
	if !ok || p.Token == "" && !p.May(vaiven.MayAdmin) { // a viewer has shown nothing
		return ""
	}
	head := string(p.Token) + "." + strconv.FormatInt(c.now()+TicketFor.Milliseconds(), 10)
	return head + "." + sign(key, head)
}

// Redeem says for whom a ticket stands.
func (c *Control) Redeem(ticket string) (vaiven.Principal, bool) {
	head, signature, ok := cutLast(ticket, '.')
	id, until, ok2 := cutLast(head, '.')
	expires, err := strconv.ParseInt(until, 10, 64)
	key, known := c.ticketKey(id)
	if !ok || !ok2 || err != nil || !known || expires <= c.now() || !hmac.Equal([]byte(signature), []byte(sign(key, head))) {
		return vaiven.Principal{}, false
	}
	if id == "" {
		return vaiven.Principal{Name: "the server's token", Rights: vaiven.MayAdmin}, true
	}
	t, ok := c.o.Book.Token(vaiven.TokenID(id), c.now())
	return principal(t), ok
}

// ticketKey is what tickets of a token are signed with; of the one that is configured
// the name is "", and without it the one of this machine's commands.
func (c *Control) ticketKey(id string) (vaiven.TokenSum, bool) {
	if id != "" {
		t, ok := c.o.Book.Token(vaiven.TokenID(id), c.now())
		return t.Sum, ok
	}
	if c.o.Configured != "" {
		return c.configured, true
	}
	return c.local, c.local != (vaiven.TokenSum{})
}

func sign(key vaiven.TokenSum, head string) string {
	mac := hmac.New(sha256.New, key[:])
	_, _ = mac.Write([]byte("vaiven ticket 1\n" + head)) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// cutLast cuts s at the last sep.
func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}
