package access

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven"
)

// rig is a control whose log is a book.
type rig struct {
	*Control
	book *Book

	mu     sync.Mutex
	now    int64
	events []vaiven.Event
	err    error
}

func newRig(t testing.TB, o Options) *rig {
	t.Helper()
	r := &rig{book: NewBook(), now: 1_000_000}
	o.Book = r.book
	o.Stamp = func() vaiven.Stamp {
		r.mu.Lock()
		defer r.mu.Unlock()
		return vaiven.Stamp{At: r.now}
	}
	o.Write = func(_ context.Context, events ...vaiven.Event) error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.err != nil {
			return r.err
		}
		r.events = append(r.events, events...)
		for _, ev := range events {
			if err := r.book.Apply(1, []vaiven.Entry{{Event: ev}}); err != nil {
				return err
			}
		}
		return nil
	}
	r.Control = NewControl(o)
	return r
}

func (r *rig) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now += d.Milliseconds()
}

var stranger = netip.MustParseAddr("192.168.1.66")

// TestLoginOnce proves that of many browsers with one link one comes in, and that the
// others are told that it is no link.
func TestLoginOnce(t *testing.T) {
	r := newRig(t, Options{})
	secret, _, err := r.LoginLink(t.Context(), "serve")
	if err != nil {
		t.Fatal(err)
	}
	var in, out int
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			cookie, _, err := r.Login(t.Context(), secret, stranger)
			mu.Lock()
			defer mu.Unlock()
			switch p, good := r.Browser(cookie); {
			case err == nil && good && p.May(vaiven.MayAdmin):
				in++
			case errors.Is(err, ErrLink):
				out++
			default:
				t.Errorf("login: %v", err)
			}
		})
	}
	all.Wait()
	if in != 1 || out != 7 {
		t.Errorf("%d came in, %d did not", in, out)
	}
}

func TestLoginLate(t *testing.T) {
	r := newRig(t, Options{})
	secret, _, _ := r.LoginLink(t.Context(), "serve")
	r.later(LinkFor)
	if _, _, err := r.Login(t.Context(), secret, stranger); !errors.Is(err, ErrLink) {
		t.Errorf("after %v: %v", LinkFor, err)
	}
	secret, _, _ = r.LoginLink(t.Context(), "serve")
	r.later(LinkFor - time.Millisecond)
	cookie, _, err := r.Login(t.Context(), secret, stranger)
	if err != nil {
		t.Fatal(err)
	}
	r.later(BrowserFor)
	if _, ok := r.Browser(cookie); ok {
		t.Error("a session has no end")
	}
}

// TestAClockThatWasAhead proves that what is soon to end does not last for as long as the
// clock was wrong.
func TestAClockThatWasAhead(t *testing.T) {
	r := newRig(t, Options{})
	r.later(1000 * time.Hour)
	secret, _, _ := r.LoginLink(t.Context(), "serve")
	if _, err := r.OpenFor(t.Context(), time.Minute, "cli"); err != nil || !r.Admits("101") {
		t.Fatal("the door is not open", err)
	}
	r.later(-time.Minute) // another node's clock
	if !r.Admits("101") {
		t.Error("the door is closed at another node")
	}
	r.later(-time.Hour)
	if r.Admits("101") || r.OpenUntil() != 0 {
		t.Error("the door stays open")
	}
	if _, _, err := r.Login(t.Context(), secret, stranger); !errors.Is(err, ErrLink) {
		t.Errorf("the link stays good: %v", err)
	}
}

// TestWhatCounts proves which token is taken for what: a link is no token of the API,
// nor is a cookie, and a board's is good for its board alone.
func TestWhatCounts(t *testing.T) {
	r := newRig(t, Options{Configured: "a-long-enough-secret"})
	if err := r.OpenLocal(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	link, _, _ := r.LoginLink(t.Context(), "serve")
	other, _, _ := r.LoginLink(t.Context(), "serve")
	cookie, _, err := r.Login(t.Context(), other, stranger)
	if err != nil {
		t.Fatal(err)
	}
	board, err := r.AddDevice(t.Context(), "101", false, "cli")
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := r.CreateToken(t.Context(), vaiven.TokenRequest{Name: "garden", Rights: vaiven.MayRead, Devices: []string{"1*"}, For: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what, text string
		rights     vaiven.Rights
		board      vaiven.Device
	}{
		{"a link", link, 0, ""},
		{"a cookie", cookie, 0, ""},
		{"nothing", "", 0, ""},
		{"the configured one", "a-long-enough-secret", vaiven.MayAdmin, ""},
		{"a board's", board, vaiven.MaySend, "101"},
		{"a scoped one", text, vaiven.MayRead, ""},
	} {
		p, err := r.Authenticate(c.text, stranger)
		if p.Rights != c.rights || p.Board != c.board || (err == nil) != (c.rights != 0) {
			t.Errorf("%s: %+v, %v", c.what, p, err)
		}
	}
	if _, ok := r.Browser(text); ok {
		t.Error("a token of the API is taken as a cookie")
	}
	p, _ := r.Authenticate(text, stranger)
	if !p.Sees("101") || p.Sees("201") || p.SeesAll() {
		t.Errorf("scoped: %+v", p)
	}
	r.later(time.Hour)
	if _, err := r.Authenticate(text, stranger); !errors.Is(err, ErrUnknown) {
		t.Errorf("expired: %v", err)
	}
}

func TestRevoked(t *testing.T) {
	r := newRig(t, Options{})
	text, g, _ := r.CreateToken(t.Context(), vaiven.TokenRequest{Rights: vaiven.MayAdmin})
	if ok, err := r.RevokeToken(t.Context(), g.Token, "cli"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := r.Authenticate(text, stranger); !errors.Is(err, ErrUnknown) {
		t.Errorf("a revoked token: %v", err)
	}
	if ok, _ := r.RevokeToken(t.Context(), g.Token, "cli"); ok {
		t.Error("revoked twice")
	}
	board, _ := r.AddDevice(t.Context(), "101", false, "cli")
	if ok, err := r.RevokeDevice(t.Context(), "101", "cli"); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if _, err := r.Authenticate(board, stranger); err == nil || r.Admits("101") {
		t.Error("a revoked board speaks")
	}
	if ok, _ := r.RevokeDevice(t.Context(), "101", "cli"); ok {
		t.Error("a board that has nothing was revoked")
	}
}

// TestDoor proves who is admitted: whoever is approved, everybody while the door is
// open, and nothing unproven of a verified board in either case.
func TestDoor(t *testing.T) {
	r := newRig(t, Options{})
	if r.Admits("101") {
		t.Error("a stranger is admitted")
	}
	r.Wait("101", stranger, true, "")
	if err := r.Approve(t.Context(), "101", stranger, false, "cli"); err != nil {
		t.Fatal(err)
	}
	if !r.Admits("101") || r.Admits("102") || len(r.Waiting()) != 0 || r.Standing("101").Remote != stranger.String() {
		t.Error("approved: ", r.Standing("101"), r.Waiting())
	}
	if err := r.Approve(t.Context(), "101", netip.Addr{}, false, "cli"); err != nil || r.Standing("101").Remote != stranger.String() {
		t.Error("approved twice: ", r.Standing("101"), err)
	}
	if _, err := r.OpenFor(t.Context(), time.Minute, "cli"); err != nil || !r.Admits("102") {
		t.Error("the open door admits nobody", err)
	}
	if err := r.Approve(t.Context(), "102", stranger, false, "cli"); err != nil {
		t.Fatal(err)
	}
	_, g := r.BoardToken("102")
	_ = r.o.Write(t.Context(), g, &vaiven.Verified{Device: "102", Token: g.Token})
	if r.Admits("102") {
		t.Error("something unproven of a verified board is taken")
	}
	r.later(time.Minute)
	if r.Admits("103") {
		t.Error("the door has no end")
	}
	_, _ = r.OpenFor(t.Context(), time.Hour, "cli")
	if _, _ = r.OpenFor(t.Context(), 0, "cli"); r.Admits("103") {
		t.Error("the door is not closed")
	}
	if class := newRig(t, Options{Open: true}); !class.Admits("103") || !class.Nobody().Rights.Has(vaiven.MayRead) || class.Nobody().Rights.Has(vaiven.MaySet) {
		t.Error("a class: ", class.Nobody())
	}
}

// TestConfiguredLikeOurs proves that a token of the configuration may be written as the
// server's own are.
func TestConfiguredLikeOurs(t *testing.T) {
	text, _ := vaiven.NewToken()
	other, _ := vaiven.NewToken()
	r := newRig(t, Options{Configured: text})
	if p, err := r.Authenticate(text, stranger); err != nil || !p.May(vaiven.MayAdmin) {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := r.Authenticate(other, stranger); !errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	good, _, _ := r.CreateToken(t.Context(), vaiven.TokenRequest{Rights: vaiven.MayRead})
	for range 2 * tryBurst {
		_, _ = r.Authenticate(other, stranger)
	}
	if _, err := r.Authenticate(good, stranger); err != nil {
		t.Errorf("a token of the log behind wrong ones: %v", err)
	}
}

// TestGuesses proves that an address that guesses is told to wait, that no other is,
// that whoever has the right token of 256 bits always comes in, and that the log tells
// how many there were.
func TestGuesses(t *testing.T) {
	r := newRig(t, Options{Configured: "a-long-enough-secret"})
	good, _, _ := r.CreateToken(t.Context(), vaiven.TokenRequest{Rights: vaiven.MayRead})
	refused := 0
	for range 10_000 {
		var wait *ThrottledError
		if _, err := r.Authenticate("a-wrong-enough-secret", stranger); errors.As(err, &wait) {
			refused++
			if wait.Retry <= 0 || wait.Retry > tryEvery {
				t.Fatalf("wait %v", wait.Retry)
			}
		} else if !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
	}
	if refused < 9_900 {
		t.Errorf("%d of 10000 guesses were told to wait", refused)
	}
	var wait *ThrottledError
	if _, err := r.Authenticate("a-long-enough-secret", stranger); !errors.As(err, &wait) {
		t.Errorf("who guesses learns from being right: %v", err)
	}
	if _, err := r.Authenticate("a-long-enough-secret", netip.MustParseAddr("192.168.1.67")); err != nil {
		t.Errorf("another address: %v", err)
	}
	if _, err := r.Authenticate(good, stranger); err != nil {
		t.Errorf("a token of 256 bits: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = r.Run(ctx)
	d, ok := r.events[len(r.events)-1].(*vaiven.Denied)
	if !ok || d.Remote != stranger.String() || d.Reason != vaiven.DeniedToken || d.Count < 20 {
		t.Errorf("the log says %+v", r.events[len(r.events)-1])
	}
}

// TestDeniedNotLost proves that what could not be recorded is recorded later, in full.
func TestDeniedNotLost(t *testing.T) {
	var failed error
	r := newRig(t, Options{Failed: func(err error) { failed = err }})
	for range 5 {
		_ = r.Deny(vaiven.DeniedProof, stranger, "101")
	}
	r.err = errors.New("the disk is full")
	r.record(t.Context(), r.failures.due(time.Now(), true))
	if !errors.Is(failed, r.err) {
		t.Errorf("told %v", failed)
	}
	r.err = nil
	r.record(t.Context(), r.failures.due(time.Now(), true))
	d, ok := r.events[0].(*vaiven.Denied)
	if !ok || d.Count != 5 || d.Device != "101" {
		t.Errorf("the log says %+v", r.events)
	}
}

// TestTickets proves that a ticket stands for whoever took it, ends, ends with its
// token, and cannot be made of another one; and that nobody has none.
func TestTickets(t *testing.T) {
	r := newRig(t, Options{Configured: "a-long-enough-secret"})
	text, g, _ := r.CreateToken(t.Context(), vaiven.TokenRequest{Rights: vaiven.MayRead, Devices: []string{"1*"}})
	p, _ := r.Authenticate(text, stranger)
	ticket := r.Ticket(p)
	if got, ok := r.Redeem(ticket); !ok || got.May(vaiven.MayAdmin) || got.Sees("201") {
		t.Fatalf("redeemed %+v, %t", got, ok)
	}
	for _, forged := range []string{"", ".", "..", ticket + "A", strings.Replace(ticket, string(g.Token), "", 1), "x" + ticket, ticket[1:]} {
		if got, ok := r.Redeem(forged); ok {
			t.Errorf("%q stands for %+v", forged, got)
		}
	}
	admin, _ := r.Authenticate("a-long-enough-secret", stranger)
	if got, ok := r.Redeem(r.Ticket(admin)); !ok || !got.May(vaiven.MayAdmin) {
		t.Errorf("of the server's own token: %+v, %t", got, ok)
	}
	for what, nobody := range map[string]vaiven.Principal{"nobody": {}, "a viewer": {Rights: vaiven.MayRead}, "a board": {Use: vaiven.UseBoard, Board: "101", Rights: vaiven.MaySend}} {
		if ticket := r.Ticket(nobody); ticket != "" {
			got, _ := r.Redeem(ticket)
			t.Errorf("%s has a ticket for %+v", what, got)
		}
	}
	if ok, _ := r.RevokeToken(t.Context(), g.Token, "cli"); !ok {
		t.Fatal("not revoked")
	}
	if _, ok := r.Redeem(ticket); ok {
		t.Error("a ticket outlives its token")
	}
	ticket = r.Ticket(admin)
	r.later(TicketFor)
	if _, ok := r.Redeem(ticket); ok {
		t.Error("a ticket has no end")
	}
}

// TestLocalToken proves that the file is for its owner alone, and stays as long as it was.
func TestLocalToken(t *testing.T) {
	dir := t.TempDir()
	read := func() string {
		r := newRig(t, Options{})
		if err := r.OpenLocal(dir); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(dir, LocalFile))
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSpace(string(b))
		if p, err := r.Authenticate(text, stranger); err != nil || !p.May(vaiven.MayAdmin) {
			t.Errorf("%+v, %v", p, err)
		}
		return text
	}
	first := read()
	if read() != first {
		t.Error("another token at the next start: a command that outlives it is locked out")
	}
	path := filepath.Join(dir, LocalFile)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if second := read(); second == first {
		t.Error("a token that others could read is kept")
	}
	if err := os.WriteFile(path, []byte("half a tok"), 0o600); err != nil {
		t.Fatal(err)
	}
	read()
	if info, err := os.Stat(filepath.Join(dir, LocalFile)); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
