package gateway

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/internal/access"
)

// house is a gateway whose boards are let in by somebody, behind a proxy that says where
// they are.
type house struct {
	*rig
	door    *access.Control
	waiting chan vaiven.Waiting
}

func startHouse(t *testing.T, class bool, edit ...func(*Options)) *house {
	t.Helper()
	h := &house{waiting: make(chan vaiven.Waiting, 100)}
	h.rig = start(t, Limit{}, withTwins(&h.rig, append(edit, func(o *Options) {
		m := o.Log.(*memory)
		m.access = access.NewBook()
		h.door = access.NewControl(access.Options{
			Book: m.access, Stamp: o.Stamp, Open: class,
			Write: func(ctx context.Context, events ...vaiven.Event) error { return m.Append(ctx, events, nil) },
		})
		o.Access = h.door
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		o.Waiting = func(w vaiven.Waiting) { h.waiting <- w }
		m.access.Watch(func(d vaiven.Device) { h.g.AccessChanged(d) })
	})...))
	return h
}

const (
	kitchen = "192.0.2.10"
	garden  = "192.0.2.20"
)

func (h *house) from(address string) *board { return h.dial("X-Forwarded-For", address) }

// approve lets 101 in as a person does that sees it wait at an address, "" for none.
func (h *house) approve(address string, concentrator bool) {
	h.t.Helper()
	var from netip.Addr
	if address != "" {
		from = netip.MustParseAddr(address)
	}
	if err := h.door.Approve(h.t.Context(), "101", from, concentrator, "test"); err != nil {
		h.t.Fatal(err)
	}
}

// given makes a token for 101's board.
func (h *house) given() string {
	h.t.Helper()
	token, err := h.door.AddDevice(h.t.Context(), "101", false, "test")
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

func (b *board) refused(code string) map[string]any {
	b.r.t.Helper()
	m := b.want("CODE")
	if m["CODE"] != code {
		b.r.t.Fatalf("refused with %v, want %s", m, code)
	}
	return m
}

const greet = `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1}`

// proves says HELLO with what answers the nonce.
func (b *board) proves(token, nonce string) {
	b.r.t.Helper()
	proof := vaiven.Proof(vaiven.HashToken(token), nonce, "101", "9f3c02aa")
	b.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","PROOF":"%s"}`, proof)
}

// nonce is what the server asks to prove.
func (b *board) nonce() string {
	b.r.t.Helper()
	return b.want("NONCE")["NONCE"].(string)
}

// verifies proves the token from the beginning, and waits until everybody knows.
func (b *board) verifies(h *house, token string) {
	h.t.Helper()
	b.send(greet)
	nonce := b.nonce()
	if !h.door.Standing("101").Verified {
		b.want("WELCOME")
	} else {
		b.refused("not_authorised")
	}
	b.proves(token, nonce)
	b.want("WELCOME")
	h.until("it is verified", func() bool { return h.door.Standing("101").Verified })
}

// TestAdoption is the life of a board: it comes, waits, is let in, is given its token,
// proves it, is alone from then on, and is sent away in the end.
func TestAdoption(t *testing.T) {
	h := startHouse(t, false)
	b := h.from(kitchen)
	b.send(greet)
	if m := b.refused("not_approved"); m["RETRY"] != 10000.0 || m["IDDEVICE"] != 101.0 || !strings.Contains(m["ERROR"].(string), "devices approve 101") {
		t.Errorf("told %v", m)
	}
	b.send(reading, 1, 20)
	b.refused("not_approved")
	if w := <-h.waiting; w.Device != "101" || w.Remote != kitchen || !w.Hello {
		t.Errorf("a person is told of %+v", w)
	}
	if all := h.door.Waiting(); len(all) != 1 || all[0].Count != 2 {
		t.Errorf("waiting %+v", all)
	}
	if told := events[*vaiven.Rejected](h.m); len(told) != 0 {
		t.Errorf("who waits is in the log too: %+v", told)
	}
	h.g.mu.Lock()
	if len(h.g.devices) != 0 {
		t.Error("the gateway keeps a device that nobody let in")
	}
	h.g.mu.Unlock()
	h.m.set(func() {
		for _, e := range h.m.log {
			if e.Of() != "" {
				t.Errorf("the log has %+v", e)
			}
		}
	})

	h.approve(kitchen, false)
	token := b.want("TOKEN")["TOKEN"].(string)
	if keys := h.door.Keys("101"); len(keys) != 1 || keys[0].Sum != vaiven.HashToken(token) {
		t.Fatal("the token was told before the log had it")
	}
	b.send(greet)
	nonce := b.nonce()
	b.want("WELCOME")
	if again := b.want("TOKEN")["TOKEN"]; again != token { // it may not have arrived
		t.Errorf("another token: %v", again)
	}
	b.proves(token, nonce)
	b.want("WELCOME")
	b.send(reading, 1, 20)
	b.wantAck(1)
	h.until("it is verified", func() bool { return h.door.Standing("101").Verified })
	if v, all := events[*vaiven.Verified](h.m), events[*vaiven.Hello](h.m); len(v) != 1 || len(all) != 2 {
		t.Errorf("%d times verified, %d hellos", len(v), len(all))
	}

	for _, address := range []string{garden, kitchen} {
		x := h.from(address)
		x.send(reading, 2, 99)
		x.refused("not_authorised")
		x.send(`{"IDDEVICE":101,"LED":1,"REV":7}`)
		x.refused("not_authorised")
		x.send(greet)
		wrong := x.nonce()
		if wrong == nonce {
			t.Error("the same nonce on two connections")
		}
		x.refused("not_authorised")
		stranger, _ := vaiven.NewToken()
		x.proves(stranger, wrong)
		x.refused("bad_token")
		x.proves(token, wrong) // it was answered
		x.nonce()
		x.refused("not_authorised")
	}
	b.send(reading, 2, 20) // it never noticed
	b.wantAck(2)

	if _, err := h.door.RevokeDevice(t.Context(), "101", "test"); err != nil {
		t.Fatal(err)
	}
	if why := b.wantClose(websocket.StatusCode(statusRevoked)); why != "revoked" {
		t.Errorf("closed because %s", why)
	}
	c := h.from(kitchen)
	c.send(reading, 3, 20)
	c.refused("not_approved")
	if got := len(events[*vaiven.Reading](h.m)); got != 2 {
		t.Errorf("%d readings", got)
	}
}

// TestATokenGoesToNobodyElse: only the board that waited is given it, over TLS too, only
// for a while, and never when a person has one in hand.
func TestATokenGoesToNobodyElse(t *testing.T) {
	clock := new(atomic.Int64)
	h := startHouse(t, false, func(o *Options) {
		o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli() + clock.Load(), Synced: true} }
	})
	isGivenNothing := func(headers ...string) {
		t.Helper()
		x := h.dial(headers...)
		x.send(greet)
		x.want("WELCOME")
		x.send(`{"IDDEVICE":102,"TEMP":1}`)
		x.refused("not_approved") // and nothing before it
		_ = x.c.CloseNow()
		h.until("it is gone", func() bool { return !h.g.Connected("101") })
	}
	h.approve("", false) // whoever it is
	isGivenNothing("X-Forwarded-For", garden, "X-Forwarded-Proto", "https")
	h.approve(kitchen, false)
	isGivenNothing("X-Forwarded-For", garden)
	isGivenNothing("X-Forwarded-For", garden, "X-Forwarded-Proto", "https")
	clock.Store(adoptionFor.Milliseconds())
	isGivenNothing("X-Forwarded-For", kitchen)
	isGivenNothing("X-Forwarded-For", kitchen, "X-Forwarded-Proto", "https")
	clock.Store(-adoptionFor.Milliseconds() - 1000) // it was approved when the clock was ahead
	isGivenNothing("X-Forwarded-For", kitchen)

	tls := h.dial("X-Forwarded-For", kitchen, "X-Forwarded-Proto", "https")
	token := h.given()
	tls.send(greet)
	tls.nonce()
	if m := tls.want(""); m["CODE"] != "device_in_use" && m["WELCOME"] == nil {
		t.Errorf("told %v", m)
	}
	tls.send(`{"IDDEVICE":102,"TEMP":1}`)
	tls.refused("not_approved")
	if keys := h.door.Keys("101"); len(keys) != 1 || keys[0].Sum != vaiven.HashToken(token) {
		t.Error("the token that a person has was replaced")
	}
}

// TestATokenForWhoIsConnected: a board that was let in without its address, as at an upgrade,
// is given its token when a person approves it where it is.
func TestATokenForWhoIsConnected(t *testing.T) {
	h := startHouse(t, false)
	h.approve("", false)
	b := h.from(kitchen)
	b.send(greet)
	b.want("WELCOME")
	h.approve(kitchen, false)
	if token := b.want("TOKEN")["TOKEN"].(string); h.door.Keys("101")[0].Sum != vaiven.HashToken(token) {
		t.Error("it was told another token than the log has")
	}
}

// TestToAskForANonceIsNoFailure: a board that comes again and proves its token leaves no
// refusal in the log; one that only says HELLO again does.
func TestToAskForANonceIsNoFailure(t *testing.T) {
	h := startHouse(t, false)
	token := h.given()
	for range 3 {
		b := h.from(kitchen)
		b.verifies(h, token)
		b.leaves()
	}
	if told := events[*vaiven.Rejected](h.m); len(told) != 0 {
		t.Errorf("refused: %+v", told[0])
	}
	x := h.from(garden)
	for range 2 {
		x.send(greet)
		x.nonce()
		x.refused("not_authorised")
	}
	h.until("the second HELLO is a refusal", func() bool {
		told := events[*vaiven.Rejected](h.m)
		return len(told) == 1 && told[0].Code == vaiven.CodeNotAuthorised && told[0].Count == 1
	})
}

// TestABurntBoardIsReplaced: the new one has another token, and from its first use on the
// old one's is nothing.
func TestABurntBoardIsReplaced(t *testing.T) {
	h := startHouse(t, false)
	old := h.given()
	a := h.from(kitchen)
	a.verifies(h, old)
	fresh := h.given()
	a.send(reading, 1, 20)
	a.wantAck(1)
	b := h.from(garden)
	b.send(greet)
	nonce := b.nonce()
	b.refused("not_authorised")
	a.leaves()
	b.proves(fresh, nonce)
	if m := b.wantWelcome(); m["ACK"] != 1.0 {
		t.Errorf("the history is not kept: %v", m)
	}
	h.until("the old token is none", func() bool { return len(h.door.Keys("101")) == 1 })
	c := h.from(kitchen)
	c.send(greet)
	nonce = c.nonce()
	c.refused("not_authorised")
	c.proves(old, nonce)
	c.refused("bad_token")
}

// TestWhatProvesNothingConfirmsNothing: outside of a class its reports are recorded, and
// neither confirm a change, nor make one, nor move REV.
func TestWhatProvesNothingConfirmsNothing(t *testing.T) {
	for _, class := range []bool{false, true} {
		t.Run(fmt.Sprint("class ", class), func(t *testing.T) {
			h := startHouse(t, class)
			h.approve("", false)
			b := h.from(kitchen)
			b.send(`{"IDDEVICE":101,"LED":0}`)
			h.until("its report", func() bool { return len(events[*vaiven.Report](h.m)) == 1 })
			h.ask("101", 1, led(1))
			b.want("REV")
			b.send(`{"IDDEVICE":101,"LED":1,"REV":1}`)
			h.until("its report", func() bool { return len(events[*vaiven.Report](h.m)) == 2 })
			b.send(`{"IDDEVICE":101,"LED":0}`)
			h.until("its report", func() bool { return len(events[*vaiven.Report](h.m)) == 3 })
			b.send(`{"IDDEVICE":101,"TEMP":20,"LED":1,"REV":9}`)
			h.until("its reading", func() bool { return len(events[*vaiven.Reading](h.m)) == 1 })
			changes, ends := len(events[*vaiven.Change](h.m)), h.ends("101")
			rev := events[*vaiven.Report](h.m)[1].Rev + events[*vaiven.Reading](h.m)[0].Rev
			if class {
				if changes != 2 || !slices.Contains(ends, "confirmed") || rev != 10 {
					t.Errorf("%d changes, ends %v, REV %d: a class is as it was", changes, ends, rev)
				}
			} else if changes != 1 || len(ends) != 0 || rev != 0 {
				t.Errorf("%d changes, ends %v, REV %d", changes, ends, rev)
			}
		})
	}
}

// TestTheBoardWithItsTokenTakesItsPlace from whoever says to be it.
func TestTheBoardWithItsTokenTakesItsPlace(t *testing.T) {
	h := startHouse(t, true)
	token := h.given()
	x := h.from(garden)
	x.send(`{"IDDEVICE":101,"TEMP":99}`)
	h.until("it is believed", func() bool { return h.g.Connected("101") })
	b := h.dial("X-Forwarded-For", kitchen, "Authorization", "Bearer "+token)
	b.send(reading, 1, 20)
	b.wantAck(1)
	x.wantClose(4409)
	h.until("it is pointed out that others can read the token", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.ContainsFunc(h.notices, func(n Notice) bool { return n.Device == "101" && strings.Contains(n.Text, "wss://") })
	})
	b.send(`{"IDDEVICE":102,"TEMP":20}`) // a token is one board's
	b.refused("bad_token")
}

// TestAuthorization of a handshake is right or the connection is refused.
func TestAuthorization(t *testing.T) {
	h := startHouse(t, false)
	token := h.given()
	stranger, _ := vaiven.NewToken()
	basic := func(user, password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for header, want := range map[string]int{
		"Bearer " + token: http.StatusSwitchingProtocols, "bearer " + token: http.StatusSwitchingProtocols,
		basic("101", token): http.StatusSwitchingProtocols, basic("0101", token): http.StatusUnauthorized,
		basic("102", token): http.StatusUnauthorized, "Bearer " + stranger: http.StatusUnauthorized,
		"Bearer": http.StatusUnauthorized,
		// A proxy's own: whoever shows it has shown nothing of ours.
		"Basic !": http.StatusSwitchingProtocols, "Digest x": http.StatusSwitchingProtocols, basic("ana", "her secret"): http.StatusSwitchingProtocols,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		c, resp, err := websocket.Dial(ctx, h.url, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {header}}})
		cancel()
		if err == nil {
			_ = c.CloseNow()
		}
		if resp == nil || resp.StatusCode != want {
			t.Errorf("%s: %v, want %d", header, err, want)
		}
	}
}

// TestAGapOfAnothersBoot: who knows a BOOT and comes from elsewhere settles nothing of it,
// as long as nobody can say that it is the board.
func TestAGapOfAnothersBoot(t *testing.T) {
	h := startHouse(t, true)
	b := h.from(kitchen)
	b.hasSent(1, 10)
	b.leaves()
	x := h.from(garden)
	x.send(helloOf, 13, 13)
	if m := x.want("CODE"); m["CODE"] != "too_fast" || m["RETRY"] == nil {
		t.Errorf("told %v", m)
	}
	x.leaves()
	b = h.from(kitchen)
	b.hasSent(11, 12)
	if got := events[*vaiven.Gap](h.m); len(got) != 0 {
		t.Errorf("gaps %+v", got)
	}
	b.send(helloOf, 15, 15)
	b.want("WELCOME")
}

// TestAConnectionSpeaksForAFew that prove nothing, unless a person approved one of them as
// a concentrator.
func TestAConnectionSpeaksForAFew(t *testing.T) {
	h := startHouse(t, true)
	b := h.from(kitchen)
	for id := 101; id <= 108; id++ {
		b.send(`{"HELLO":1,"IDDEVICE":%d}`, id)
		b.want("WELCOME")
	}
	b.send(`{"HELLO":1,"IDDEVICE":109}`)
	if m := b.refused("too_many_devices"); !strings.Contains(m["ERROR"].(string), "concentrator") {
		t.Errorf("told %v", m)
	}
	var many []string
	for id := 201; id <= 210; id++ {
		many = append(many, fmt.Sprintf(`{"IDDEVICE":%d,"TEMP":20}`, id))
	}
	post := func() int { return h.post(home, "%s", "["+strings.Join(many, ",")+"]").Readings }
	if n := post(); n != 8 {
		t.Errorf("%d readings of one message", n)
	}
	h.approve("", true)
	b.send(`{"HELLO":1,"IDDEVICE":109}`)
	b.want("WELCOME")
	many[9] = `{"IDDEVICE":101,"TEMP":20}`
	b.leaves()
	if n := post(); n != 10 {
		t.Errorf("%d readings of a concentrator's message", n)
	}
	token, nonce := h.given(), ""
	for _, m := range h.post(home, greet).messages {
		if m["NONCE"] != nil {
			nonce = m["NONCE"].(string)
		}
	}
	proof := vaiven.Proof(vaiven.HashToken(token), nonce, "101", "9f3c02aa")
	h.post(home, `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","PROOF":"%s"}`, proof)
	h.until("it is verified", func() bool { return h.door.Standing("101").Verified })
	if n := post(); n != 10 {
		t.Errorf("%d readings of a message of the concentrator that proved it", n)
	}
	for i := range many[:9] {
		many[i] = fmt.Sprintf(`{"IDDEVICE":%d,"TEMP":20}`, 301+i)
	}
	if n := h.post(other, "%s", "["+strings.Join(many, ",")+"]").Readings; n != 8 {
		t.Errorf("%d readings of one that only names the concentrator", n)
	}
}

// TestAWaiterNamesAFew: who is not let in does not fill the list of those who wait.
func TestAWaiterNamesAFew(t *testing.T) {
	h := startHouse(t, false)
	b := h.from(kitchen)
	for id := 101; id <= 108; id++ {
		b.send(`{"IDDEVICE":%d,"TEMP":20}`, id)
		b.refused("not_approved")
	}
	b.send(`{"IDDEVICE":109,"TEMP":20}`)
	b.refused("too_many_devices")
	if n := len(h.door.Waiting()); n != 8 {
		t.Errorf("%d wait", n)
	}
	b.leaves()
	if len(h.g.door.waiters) != 0 || h.g.door.waiting != 0 {
		t.Error("who left is waited for")
	}
}

// TestFree takes a device from whoever squats on it.
func TestFree(t *testing.T) {
	h := startHouse(t, true)
	x := h.from(garden)
	x.send(`{"IDDEVICE":101,"TEMP":99}`)
	h.until("it has it", func() bool { return h.g.Connected("101") })
	if remote, ok := h.g.Free("101"); !ok || !strings.HasPrefix(remote, garden) {
		t.Errorf("freed from %q", remote)
	}
	x.wantClose(4409)
	if _, ok := h.g.Free("101"); ok {
		t.Error("freed again")
	}
	x = h.from(garden)
	x.send(`{"IDDEVICE":101,"TEMP":99}`)
	x.refused("device_in_use")
	b := h.from(kitchen)
	b.send(reading, 1, 20)
	b.wantAck(1)
}

// TestAnOpenDoorIsNoClass: while it is open every board is let in, and confirms nothing;
// when it is shut again, it waits.
func TestAnOpenDoorIsNoClass(t *testing.T) {
	h := startHouse(t, false)
	if _, err := h.door.OpenFor(t.Context(), time.Hour, "test"); err != nil {
		t.Fatal(err)
	}
	b := h.from(kitchen)
	b.send(greet)
	b.want("WELCOME")
	b.send(`{"IDDEVICE":101,"LED":1,"REV":7}`)
	b.send(reading, 1, 20)
	b.wantAck(1)
	if r := events[*vaiven.Report](h.m); len(r) != 1 || r[0].Rev != 0 {
		t.Errorf("reports %+v", r)
	}
	if _, err := h.door.OpenFor(t.Context(), 0, "test"); err != nil {
		t.Fatal(err)
	}
	b.wantClose(websocket.StatusCode(statusRevoked))
}

// TestADoorFallsShut by itself, and so does what a token of the API opened.
func TestADoorFallsShut(t *testing.T) {
	clock := new(atomic.Int64)
	h := startHouse(t, false, func(o *Options) {
		o.Stamp = func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli() + clock.Load(), Synced: true} }
	})
	if _, err := h.door.OpenFor(t.Context(), time.Hour, "test"); err != nil {
		t.Fatal(err)
	}
	text, _, err := h.door.CreateToken(t.Context(), vaiven.TokenRequest{Rights: vaiven.MaySend, Devices: []string{"2*"}, For: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	a, b := h.from(kitchen), h.dial("Authorization", "Bearer "+text)
	a.send(reading, 1, 20)
	a.wantAck(1)
	b.send(`{"HELLO":1,"IDDEVICE":201}`)
	b.want("WELCOME")
	h.g.endLapsed()
	clock.Store(time.Hour.Milliseconds())
	h.g.endLapsed()
	a.wantClose(websocket.StatusCode(statusRevoked))
	b.send(`{"HELLO":1,"IDDEVICE":201}`)
	b.want("WELCOME")
	b.send(`{"HELLO":1,"IDDEVICE":101}`)
	b.refused("not_approved")
	clock.Store(2 * time.Hour.Milliseconds())
	h.g.endLapsed()
	b.wantClose(websocket.StatusCode(statusRevoked))
}

// TestPostProves: over HTTP a board proves its token as over a WebSocket, and its desired
// states are told to nobody else.
func TestPostProves(t *testing.T) {
	h := startHouse(t, false)
	h.post(home, greet).only("CODE")
	h.approve(home.Addr().String(), false)
	a := h.post(home, greet)
	if len(a.messages) != 2 || a.messages[0]["WELCOME"] == nil || a.messages[1]["TOKEN"] == nil {
		t.Fatalf("answered %v", a.messages)
	}
	token := a.messages[1]["TOKEN"].(string)
	nonce := h.post(home, greet).messages[0]["NONCE"].(string)
	proof := vaiven.Proof(vaiven.HashToken(token), nonce, "101", "9f3c02aa")
	proved := fmt.Sprintf(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","OLDEST":1,"NEXT":1,"PROOF":"%s"}`, proof)
	if a := h.post(other, "%s", proved); a.Hellos != 0 || a.Refused != 1 && len(a.messages) == 0 {
		t.Errorf("the proof holds at another address: %+v", a.messages)
	}
	if a := h.post(home, "%s", proved); a.Hellos != 1 {
		t.Fatalf("not believed: %v", a.messages)
	}
	h.until("it is verified", func() bool { return h.door.Standing("101").Verified })
	if a := h.post(home, reading, 1, 20); a.Readings != 1 {
		t.Errorf("not taken: %v", a.messages)
	}
	if a := h.post(other, reading, 2, 99); a.Refusal == nil || a.Refusal.Code != vaiven.CodeNotAuthorised {
		t.Errorf("another address: %+v", a.Refusal)
	}
	h.ask("101", 1, led(1))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if m, err := h.g.AwaitDesired(ctx, Sender{Remote: home}, "101", 0); err != nil || m == nil {
		t.Errorf("its board is told %s, %v", m, err)
	}
	if m, err := h.g.AwaitDesired(ctx, Sender{Remote: other}, "101", 0); err == nil {
		t.Errorf("another address is told %s", m)
	}
}
