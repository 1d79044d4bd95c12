package access

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"vaiven"
)

// Bounds of a Book. The oldest makes room; of tokens for the API nothing does, since
// only administrators make them.
const (
	maxLinks    = 32
	maxBrowsers = 256
	maxTokens   = 10_000 // of the API; what comes beyond is not good
)

// Book is the view of who may do what. It implements the pump's View and Restorer.
type Book struct {
	mu      sync.RWMutex
	devices map[vaiven.Device]*device
	tokens  map[vaiven.TokenID]*vaiven.Granted  // of the API, links and sessions
	order   []vaiven.TokenID                    // of tokens, oldest first
	sums    map[vaiven.TokenSum]*vaiven.Granted // of all tokens, boards' too
	from    int64                               // every board is let in from then, Unix ms UTC,
	until   int64                               // until then
	begun   bool                                // the log has something about who may do what

	watching sync.Mutex
	watchers []func(vaiven.Device)
}

// device is one that was let in, or given a token.
type device struct {
	vaiven.Standing
	tokens []*vaiven.Granted // at most two: the one that is used, and a new one that is not yet
	used   vaiven.TokenID    // the one that was verified, "" for none
}

// NewBook returns an empty Book.
func NewBook() *Book {
	b := &Book{}
	b.clear()
	return b
}

func (b *Book) clear() {
	b.devices = make(map[vaiven.Device]*device)
	b.tokens = make(map[vaiven.TokenID]*vaiven.Granted)
	b.sums = make(map[vaiven.TokenSum]*vaiven.Granted)
	b.order, b.from, b.until, b.begun = nil, 0, 0, false
}

// Watch calls fn whenever something about a device's right to speak is another, with
// "" when a door was opened or closed or a token of the API taken back. fn is called by
// the pump, and must be quick.
func (b *Book) Watch(fn func(vaiven.Device)) {
	b.watching.Lock()
	defer b.watching.Unlock()
	b.watchers = append(b.watchers, fn)
}

// Name is the view's name in the checkpoint.
func (b *Book) Name() string { return "access" }

// Apply takes a record's events. It never fails.
func (b *Book) Apply(_ uint64, entries []vaiven.Entry) error {
	var changed []vaiven.Device
	b.mu.Lock()
	for i := range entries {
		if b.apply(entries[i].Event) {
			changed = append(changed, entries[i].Event.Of())
		}
	}
	b.mu.Unlock()
	if len(changed) == 0 {
		return nil
	}
	b.watching.Lock()
	watchers := slices.Clone(b.watchers)
	b.watching.Unlock()
	for _, d := range changed {
		for _, fn := range watchers {
			fn(d)
		}
	}
	return nil
}

// apply takes one event, and reports whether it changed anything. b.mu is held.
func (b *Book) apply(ev vaiven.Event) bool {
	b.begun = b.begun || vaiven.KindOf(ev)&vaiven.AccessKinds != 0
	switch e := ev.(type) {
	case *vaiven.Admitted:
		b.deviceOf(e.Device).Apply(e)
	case *vaiven.Granted:
		return b.grant(e)
	case *vaiven.Verified:
		b.verify(e)
	case *vaiven.Revoked:
		b.revoke(e)
	case *vaiven.Opened:
		b.from, b.until = e.At, e.Until
	case *vaiven.Forgotten:
		if e.Through != 0 || b.devices[e.Device] == nil { // one that was silent for long may come back
			return false
		}
		b.drop(e.Device)
	default:
		return false
	}
	return true
}

func (b *Book) deviceOf(id vaiven.Device) *device {
	d := b.devices[id]
	if d == nil {
		d = &device{}
		b.devices[id] = d
	}
	return d
}

// drop forgets a device and its tokens.
func (b *Book) drop(id vaiven.Device) {
	if d := b.devices[id]; d != nil {
		for _, t := range d.tokens {
			delete(b.sums, t.Sum)
		}
		delete(b.devices, id)
	}
}

// grant takes a token. A session counts only if its link is good at that moment, and
// uses it up: of two that follow one link, the first in the log has it.
func (b *Book) grant(e *vaiven.Granted) bool {
	if b.sums[e.Sum] != nil || e.Sum == (vaiven.TokenSum{}) {
		return false
	}
	if e.Use == vaiven.UseBoard {
		return b.grantBoard(e)
	}
	b.prune(e.At)
	if e.From != "" {
		link := b.tokens[e.From]
		if link == nil || link.Use != vaiven.UseLink || e.Use != vaiven.UseBrowser {
			return false
		}
		b.dropToken(e.From)
	}
	limit := map[vaiven.TokenUse]int{vaiven.UseLink: maxLinks, vaiven.UseBrowser: maxBrowsers, vaiven.UseAPI: maxTokens}[e.Use]
	var same []vaiven.TokenID
	for _, id := range b.order {
		if b.tokens[id].Use == e.Use {
			same = append(same, id)
		}
	}
	switch {
	case b.tokens[e.Token] != nil, limit == 0, len(same) >= limit && e.Use == vaiven.UseAPI:
		return false
	case len(same) >= limit:
		b.dropToken(same[0])
	}
	b.tokens[e.Token], b.sums[e.Sum] = e, e
	b.order = append(b.order, e.Token)
	return true
}

// grantBoard keeps the token that the board uses, until it uses the new one. One that a
// board is given over its connection is nothing if meanwhile the board was sent away, or a
// person was given another.
func (b *Book) grantBoard(e *vaiven.Granted) bool {
	d := b.deviceOf(e.Device)
	byPerson := func(t *vaiven.Granted) bool { return t.By != vaiven.ByAdoption }
	if e.By == vaiven.ByAdoption && (!d.Approved || d.Verified || slices.ContainsFunc(d.tokens, byPerson)) {
		if d.Standing == (vaiven.Standing{}) {
			delete(b.devices, e.Device) // as it was
		}
		return false
	}
	d.Apply(e)
	d.tokens = slices.DeleteFunc(d.tokens, func(t *vaiven.Granted) bool {
		if t.Token == d.used {
			return false
		}
		delete(b.sums, t.Sum)
		return true
	})
	d.tokens = append(d.tokens, e)
	b.sums[e.Sum] = e
	return true
}

// verify makes a board's token the only one.
func (b *Book) verify(e *vaiven.Verified) {
	d := b.deviceOf(e.Device)
	if !slices.ContainsFunc(d.tokens, func(t *vaiven.Granted) bool { return t.Token == e.Token }) {
		return // it was taken back before
	}
	d.Apply(e)
	d.used = e.Token
	d.tokens = slices.DeleteFunc(d.tokens, func(t *vaiven.Granted) bool {
		if t.Token == e.Token {
			return false
		}
		delete(b.sums, t.Sum)
		return true
	})
}

func (b *Book) revoke(e *vaiven.Revoked) {
	switch d := b.devices[e.Device]; {
	case e.Token == "":
		b.drop(e.Device)
	case d != nil:
		d.tokens = slices.DeleteFunc(d.tokens, func(t *vaiven.Granted) bool {
			if t.Token != e.Token {
				return false
			}
			delete(b.sums, t.Sum)
			return true
		})
	default:
		b.dropToken(e.Token)
	}
}

func (b *Book) dropToken(id vaiven.TokenID) {
	if t := b.tokens[id]; t != nil {
		delete(b.sums, t.Sum)
		delete(b.tokens, id)
		b.order = slices.DeleteFunc(b.order, func(o vaiven.TokenID) bool { return o == id })
	}
}

// prune drops what had expired at a moment of the log.
func (b *Book) prune(at int64) {
	for _, id := range slices.Clone(b.order) {
		if t := b.tokens[id]; t.Expires != 0 && t.Expires <= at {
			b.dropToken(id)
		}
	}
}

// Find returns the token of that text, if it is one that is good at a moment, Unix ms
// UTC. What is looked up is the SHA-256 of what was shown, so the time that it takes
// tells nothing about any token.
func (b *Book) Find(text string, now int64) (vaiven.Granted, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	t := b.sums[vaiven.HashToken(text)]
	if t == nil || t.Expires != 0 && t.Expires <= now {
		return vaiven.Granted{}, false
	}
	return *t, true
}

// Token returns a token of the API, a link or a session, by its name.
func (b *Book) Token(id vaiven.TokenID, now int64) (vaiven.Granted, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	t := b.tokens[id]
	if t == nil || t.Expires != 0 && t.Expires <= now {
		return vaiven.Granted{}, false
	}
	return *t, true
}

// Tokens returns those of the API and the sessions that are good at a moment, oldest
// first.
func (b *Book) Tokens(now int64) (list []vaiven.Granted) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, id := range b.order {
		if t := b.tokens[id]; t.Use != vaiven.UseLink && (t.Expires == 0 || t.Expires > now) {
			list = append(list, *t)
		}
	}
	return list
}

// Standing returns a device's right to speak.
func (b *Book) Standing(id vaiven.Device) vaiven.Standing {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if d := b.devices[id]; d != nil {
		return d.Standing
	}
	return vaiven.Standing{}
}

// Keys are the tokens that prove that a board is the device: the one that it uses, and
// one that it was given since.
func (b *Book) Keys(id vaiven.Device) (keys []vaiven.Granted) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if d := b.devices[id]; d != nil {
		for _, t := range d.tokens {
			keys = append(keys, *t)
		}
	}
	return keys
}

// clocksDiffer is by how much the clocks of two nodes may, ms.
const clocksDiffer = 60_000

// isAhead reports whether something was made when a clock was ahead that has been set right
// since: what is to end soon would else last until that clock's time comes.
func isAhead(made, now int64) bool { return made > now+clocksDiffer }

// OpenUntil is until when every board is let in, as of a moment, Unix ms UTC, 0 for not at
// all.
func (b *Book) OpenUntil(now int64) int64 {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.until <= now || isAhead(b.from, now) {
		return 0
	}
	return b.until
}

// Begun reports whether the log has anything about who may do what: one of a version
// that did not ask has not.
func (b *Book) Begun() bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.begun
}

// bookState is what a checkpoint keeps.
type bookState struct {
	Version int           `json:"version"`
	Begun   bool          `json:"begun,omitempty"`
	From    int64         `json:"from,omitempty"`
	Until   int64         `json:"until,omitempty"`
	Devices []deviceState `json:"devices,omitempty"`
	Tokens  []tokenState  `json:"tokens,omitempty"` // oldest first
}

type deviceState struct {
	ID       vaiven.Device   `json:"id"`
	Standing vaiven.Standing `json:"standing"`
	Used     vaiven.TokenID  `json:"used,omitempty"`
	Tokens   []tokenState    `json:"tokens,omitempty"`
}

type tokenState struct {
	ID      vaiven.TokenID  `json:"id"`
	Use     vaiven.TokenUse `json:"use"`
	Sum     string          `json:"sum"` // hexadecimal
	At      int64           `json:"at"`
	Rights  vaiven.Rights   `json:"rights,omitempty"`
	Devices []string        `json:"devices,omitempty"`
	Expires int64           `json:"expires,omitempty"`
	Name    string          `json:"name,omitempty"`
	By      string          `json:"by,omitempty"`
	Device  vaiven.Device   `json:"device,omitempty"`
}

const bookVersion = 1

func keepToken(t *vaiven.Granted) tokenState {
	return tokenState{t.Token, t.Use, hex.EncodeToString(t.Sum[:]), t.At, t.Rights, t.Devices, t.Expires, t.Name, t.By, t.Device}
}

func (s *tokenState) token() (*vaiven.Granted, error) {
	t := &vaiven.Granted{Stamp: vaiven.Stamp{At: s.At}, Device: s.Device, Token: s.ID, Use: s.Use, Rights: s.Rights, Devices: s.Devices, Expires: s.Expires, Name: s.Name, By: s.By}
	sum, err := hex.DecodeString(s.Sum)
	if err != nil || len(sum) != len(t.Sum) {
		return nil, fmt.Errorf("access: snapshot: token %s has no sum", s.ID)
	}
	t.Sum = vaiven.TokenSum(sum)
	return t, nil
}

// Snapshot returns the whole book as JSON.
func (b *Book) Snapshot() ([]byte, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	s := bookState{Version: bookVersion, Begun: b.begun, From: b.from, Until: b.until}
	for _, id := range slices.Sorted(maps.Keys(b.devices)) {
		d := b.devices[id]
		kept := deviceState{ID: id, Standing: d.Standing, Used: d.used}
		for _, t := range d.tokens {
			kept.Tokens = append(kept.Tokens, keepToken(t))
		}
		s.Devices = append(s.Devices, kept)
	}
	for _, id := range b.order {
		s.Tokens = append(s.Tokens, keepToken(b.tokens[id]))
	}
	p, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("access: %w", err)
	}
	return p, nil
}

// Restore makes the book that of a Snapshot, or empty for nil.
func (b *Book) Restore(snap []byte) error {
	var s bookState
	if snap != nil {
		if err := json.Unmarshal(snap, &s); err != nil {
			return fmt.Errorf("access: snapshot: %w", err)
		}
		if s.Version != bookVersion {
			return fmt.Errorf("access: snapshot of version %d", s.Version)
		}
	}
	next := NewBook()
	next.from, next.until, next.begun = s.From, s.Until, s.Begun
	for i := range s.Devices {
		kept := &s.Devices[i]
		d := &device{Standing: kept.Standing, used: kept.Used}
		for j := range kept.Tokens {
			t, err := kept.Tokens[j].token()
			if err != nil {
				return err
			}
			d.tokens = append(d.tokens, t)
			next.sums[t.Sum] = t
		}
		next.devices[kept.ID] = d
	}
	for i := range s.Tokens {
		t, err := s.Tokens[i].token()
		if err != nil {
			return err
		}
		next.tokens[t.Token], next.sums[t.Sum] = t, t
		next.order = append(next.order, t.Token)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.devices, b.tokens, b.sums, b.order, b.from, b.until, b.begun = next.devices, next.tokens, next.sums, next.order, next.from, next.until, next.begun
	return nil
}
