package access

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vaiven"
)

// sumOf is the sum of the n-th token of a test.
func sumOf(n int) vaiven.TokenSum { return vaiven.HashToken(fmt.Sprint("token ", n)) }

func at(ms int64) vaiven.Stamp { return vaiven.Stamp{At: ms} }

func apply(t testing.TB, b *Book, events ...vaiven.Event) {
	t.Helper()
	for _, ev := range events {
		if err := b.Apply(1, []vaiven.Entry{{Event: ev}}); err != nil {
			t.Fatal(err)
		}
	}
}

// apart is the book that comes of a snapshot.
func apart(t testing.TB, b *Book) *Book {
	t.Helper()
	snap, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again := NewBook()
	if err := again.Restore(snap); err != nil {
		t.Fatal(err)
	}
	return again
}

// answers are all that a book says of the devices and tokens of the model.
func answers(b *Book, now int64) string {
	var s bytes.Buffer
	for _, d := range modelDevices {
		fmt.Fprintf(&s, "%s %+v", d, b.Standing(d))
		for _, k := range b.Keys(d) {
			fmt.Fprintf(&s, " key %s", k.Token)
		}
		s.WriteByte('\n')
	}
	for n := range modelTokens {
		if g, ok := b.Find(fmt.Sprint("token ", n), now); ok {
			fmt.Fprintf(&s, "token %d is %s %s of %q\n", n, g.Use, g.Token, g.Device)
		}
	}
	for _, g := range b.Tokens(now) {
		fmt.Fprintf(&s, "listed %s\n", g.Token)
	}
	fmt.Fprintf(&s, "open from %d until %d, begun %t\n", b.from, b.until, b.Begun())
	return s.String()
}

var modelDevices = []vaiven.Device{"101", "102", "garden"}

const modelTokens = 12

// drawEvent is one event of the log; tokens are made once each.
func drawEvent(t *rapid.T, now int64, made *int) vaiven.Event {
	d := rapid.SampledFrom(modelDevices).Draw(t, "device")
	token := func() vaiven.TokenID {
		return vaiven.TokenID(fmt.Sprint("id", rapid.IntRange(0, modelTokens-1).Draw(t, "token")))
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0, 1:
		return &vaiven.Admitted{Stamp: at(now), Device: d, Concentrator: rapid.Bool().Draw(t, "concentrator"), Remote: "192.168.1.20", By: "cli"}
	case 2, 3, 4, 5:
		n := min(*made, modelTokens-1)
		*made++
		g := &vaiven.Granted{Stamp: at(now), Token: vaiven.TokenID(fmt.Sprint("id", n)), Sum: sumOf(n)}
		g.Use = rapid.SampledFrom([]vaiven.TokenUse{vaiven.UseBoard, vaiven.UseBoard, vaiven.UseAPI, vaiven.UseLink, vaiven.UseBrowser}).Draw(t, "use")
		switch g.Use {
		case vaiven.UseBoard:
			g.Device = d
		case vaiven.UseBrowser:
			g.From = token()
			g.Expires = now + 1000
		default:
			g.Expires = now + rapid.Int64Range(0, 50).Draw(t, "for")
		}
		return g
	case 6:
		return &vaiven.Verified{Stamp: at(now), Device: d, Token: token()}
	case 7:
		r := &vaiven.Revoked{Stamp: at(now), Device: d}
		if rapid.Bool().Draw(t, "of the API") {
			r.Device, r.Token = "", token()
		}
		return r
	case 8:
		return &vaiven.Opened{Stamp: at(now), Until: now + rapid.Int64Range(-1, 60).Draw(t, "open")}
	}
	return &vaiven.Forgotten{Stamp: at(now), Device: d, Through: rapid.Uint64Range(0, 1).Draw(t, "through")}
}

// TestBookRestored proves that a book that goes on from a snapshot, taken behind any
// event, gives the answers of one that has read the whole log.
func TestBookRestored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, restored := NewBook(), NewBook()
		now, made := int64(1000), 0
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			now += rapid.Int64Range(0, 20).Draw(t, "later")
			if rapid.IntRange(0, 4).Draw(t, "restart") == 0 {
				snap, err := restored.Snapshot()
				if err != nil {
					t.Fatal(err)
				}
				restored = NewBook()
				if err := restored.Restore(snap); err != nil {
					t.Fatal(err)
				}
			}
			ev := drawEvent(t, now, &made)
			for _, b := range []*Book{whole, restored} {
				if err := b.Apply(1, []vaiven.Entry{{Event: ev}}); err != nil {
					t.Fatal(err)
				}
			}
			if a, b := answers(whole, now), answers(restored, now); a != b {
				t.Fatalf("after %T %+v the restored book says\n%s\nwant\n%s", ev, ev, b, a)
			}
			checkBook(t, whole, now)
		}
	})
}

// checkBook proves what holds in every book.
func checkBook(t *rapid.T, b *Book, now int64) {
	for _, d := range modelDevices {
		s, keys := b.Standing(d), b.Keys(d)
		if len(keys) > 2 {
			t.Fatalf("%s has %d tokens", d, len(keys))
		}
		if s.Verified && !s.Approved || s.Verified && !s.Token {
			t.Fatalf("%s: %+v", d, s)
		}
		for _, k := range keys {
			if k.Device != d || k.Use != vaiven.UseBoard {
				t.Fatalf("%s has the token of %q for %s", d, k.Device, k.Use)
			}
		}
	}
	if len(b.sums) != len(b.tokens)+boardTokens(b) || len(b.order) != len(b.tokens) {
		t.Fatalf("%d sums, %d tokens, %d in order, %d of boards", len(b.sums), len(b.tokens), len(b.order), boardTokens(b))
	}
}

func boardTokens(b *Book) (n int) {
	for _, d := range b.devices {
		n += len(d.tokens)
	}
	return n
}

// TestLinkOnce proves that of two logins with one link the first in the log wins, on
// every node, and that one behind the link's end is none.
func TestLinkOnce(t *testing.T) {
	link := &vaiven.Granted{Stamp: at(1000), Token: "link", Use: vaiven.UseLink, Sum: sumOf(0), Expires: 2000}
	login := func(n int, ms int64) *vaiven.Granted {
		return &vaiven.Granted{Stamp: at(ms), Token: vaiven.TokenID(fmt.Sprint("session", n)), Use: vaiven.UseBrowser, Sum: sumOf(n), From: "link", Expires: ms + 1000}
	}
	b := NewBook()
	apply(t, b, link, login(1, 1500), login(2, 1500))
	for n, want := range []bool{false, true, false} {
		if _, ok := b.Find(fmt.Sprint("token ", n), 1600); ok != want {
			t.Errorf("token %d is good: %t", n, ok)
		}
	}
	late := NewBook()
	apply(t, late, link, login(1, 2000))
	if _, ok := late.Find("token 1", 2001); ok {
		t.Error("a link was good at its end")
	}
}

// TestExpiry proves that a token is good up to its end, and not listed behind it.
func TestExpiry(t *testing.T) {
	b := NewBook()
	apply(t, b, &vaiven.Granted{Stamp: at(1000), Token: "a", Use: vaiven.UseAPI, Sum: sumOf(1), Expires: 2000})
	if _, ok := b.Find("token 1", 1999); !ok {
		t.Error("not good before its end")
	}
	if _, ok := b.Find("token 1", 2000); ok || len(b.Tokens(2000)) != 0 {
		t.Error("good behind its end")
	}
}

// TestBurntBoard proves that a new token leaves the old one good until it is used, and
// that a second new one replaces the first.
func TestBurntBoard(t *testing.T) {
	grant := func(n int) *vaiven.Granted {
		return &vaiven.Granted{Stamp: at(1), Device: "101", Token: vaiven.TokenID(fmt.Sprint("t", n)), Use: vaiven.UseBoard, Sum: sumOf(n)}
	}
	keys := func(b *Book) (ids []vaiven.TokenID) {
		for _, k := range b.Keys("101") {
			ids = append(ids, k.Token)
		}
		return ids
	}
	b := NewBook()
	apply(t, b, &vaiven.Admitted{Device: "101"}, grant(1), &vaiven.Verified{Device: "101", Token: "t1"}, grant(2), grant(3))
	if got := keys(b); !slices.Equal(got, []vaiven.TokenID{"t1", "t3"}) {
		t.Fatalf("keys %v", got)
	}
	if !b.Standing("101").Verified {
		t.Error("a new token opened the device to whatever proves nothing")
	}
	apply(t, b, &vaiven.Verified{Device: "101", Token: "t2"})
	if got := keys(b); !slices.Equal(got, []vaiven.TokenID{"t1", "t3"}) {
		t.Fatalf("a token that was replaced was verified: keys %v", got)
	}
	apply(t, b, &vaiven.Verified{Device: "101", Token: "t3"})
	if got := keys(b); !slices.Equal(got, []vaiven.TokenID{"t3"}) {
		t.Fatalf("keys %v", got)
	}
	apply(t, b, &vaiven.Revoked{Device: "101"})
	if _, ok := b.Find("token 3", 1); ok || b.Standing("101") != (vaiven.Standing{}) {
		t.Error("a revoked device has something")
	}
}

// TestAdoptionIsLate: a token that a board is given over its connection is nothing behind
// what a person decided meanwhile.
func TestAdoptionIsLate(t *testing.T) {
	b := NewBook()
	give := func(n int, by string) {
		apply(t, b, &vaiven.Granted{Stamp: at(int64(n)), Device: "101", Token: vaiven.TokenID(fmt.Sprint("t", n)), Use: vaiven.UseBoard, Sum: sumOf(n), By: by})
	}
	apply(t, b, &vaiven.Admitted{Device: "101"}, &vaiven.Revoked{Device: "101"})
	give(1, vaiven.ByAdoption)
	if len(b.Keys("101")) != 0 || b.Standing("101") != (vaiven.Standing{}) || len(b.devices) != 0 {
		t.Errorf("a board that was sent away has %v, %+v", b.Keys("101"), b.Standing("101"))
	}
	apply(t, b, &vaiven.Admitted{Device: "101"})
	give(2, vaiven.ByAdoption)
	give(3, "cli")
	give(4, vaiven.ByAdoption)
	if got := b.Keys("101"); len(got) != 1 || got[0].Token != "t3" {
		t.Errorf("%v, want what the person has in hand", got)
	}
	apply(t, b, &vaiven.Verified{Device: "101", Token: "t3"})
	give(5, vaiven.ByAdoption)
	if got := b.Keys("101"); len(got) != 1 || got[0].Token != "t3" {
		t.Errorf("%v, want what the board uses", got)
	}
}

// TestBounds proves that links and sessions make room, and tokens do not.
func TestBounds(t *testing.T) {
	b := NewBook()
	n := 0
	grant := func(use vaiven.TokenUse) vaiven.TokenID {
		n++
		id := vaiven.TokenID(fmt.Sprint("t", n))
		apply(t, b, &vaiven.Granted{Stamp: at(1), Token: id, Use: use, Sum: sumOf(n), Expires: 1000})
		return id
	}
	api := grant(vaiven.UseAPI)
	first := grant(vaiven.UseLink)
	for range maxLinks {
		grant(vaiven.UseLink)
	}
	if _, ok := b.Token(first, 1); ok {
		t.Error("the oldest link makes no room")
	}
	if _, ok := b.Token(api, 1); !ok || len(b.order) != maxLinks+1 {
		t.Errorf("%d tokens are left", len(b.order))
	}
}

// TestWatched proves that whoever watches hears of each device once for a change, and of
// nothing where nothing changed.
func TestWatched(t *testing.T) {
	b := NewBook()
	var heard []vaiven.Device
	b.Watch(func(d vaiven.Device) { heard = append(heard, d) })
	apply(t, b, &vaiven.Admitted{Device: "101"}, &vaiven.Reading{Device: "102"}, &vaiven.Forgotten{Device: "103"}, &vaiven.Opened{Stamp: at(1), Until: 5})
	if want := []vaiven.Device{"101", ""}; !reflect.DeepEqual(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}

func TestRestoreDamaged(t *testing.T) {
	for _, snap := range []string{`{`, `{"version":2}`, `{"version":1,"tokens":[{"id":"a","use":"api","sum":"zz"}]}`, `{"version":1,"devices":[{"id":"101","tokens":[{"id":"a","sum":"00"}]}]}`} {
		b := NewBook()
		apply(t, b, &vaiven.Admitted{Device: "101"})
		if b.Restore([]byte(snap)) == nil {
			t.Errorf("%s was taken", snap)
		}
		if !b.Standing("101").Approved {
			t.Errorf("%s emptied the book", snap)
		}
	}
	b := apart(t, NewBook())
	if b.Begun() {
		t.Error("an empty book has begun")
	}
}
