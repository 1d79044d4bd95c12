package web

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"vaiven"
)

// worldAdmin is who may do what in the tests' world: 104 waits, 105 at two addresses,
// 101 was given a token.
type worldAdmin struct{ *world }

func (w *world) admin() Admin {
	a := worldAdmin{w}
	return Admin{Boards: a, Keys: a, Door: a, Tokens: a, LoginLink: a.loginLink}
}

// secretOf is a token of the tests' world.
func secretOf(c string) string { return "vvn_" + strings.Repeat(c, 43) }

func (a worldAdmin) Waiting() []vaiven.Waiting {
	at := a.now.UnixMilli()
	return []vaiven.Waiting{
		{Device: "104", Remote: "192.168.0.20", Since: at - 40_000, Last: at - 2000, Count: 4, Hello: true, FW: "1.0.0"},
		{Device: "105", Remote: "192.168.0.21", Since: at - 30_000, Last: at - 1000, Count: 15},
		{Device: "105", Remote: "192.168.0.22", Since: at - 20_000, Last: at - 1500, Count: 10},
	}
}

func (a worldAdmin) Trust(d vaiven.Device) vaiven.Trust {
	switch d {
	case "101":
		return vaiven.TrustVerified
	case "103":
		return vaiven.TrustUnapproved
	}
	return vaiven.TrustUnverified
}

func (a worldAdmin) note(words ...string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decided = append(a.decided, strings.Join(words, " "))
	return a.fails()
}

func (a worldAdmin) Approve(_ context.Context, d vaiven.Device, from netip.Addr, concentrator bool, by string) error {
	words := []string{"approve", string(d), from.String(), by}
	if concentrator {
		words = append(words, "concentrator")
	}
	return a.note(words...)
}

func (a worldAdmin) AddDevice(_ context.Context, d vaiven.Device, _ bool, by string) (string, error) {
	return secretOf("a"), a.note("add", string(d), by)
}

func (a worldAdmin) RevokeDevice(_ context.Context, d vaiven.Device, by string) (bool, error) {
	return d == "101", a.note("revoke", string(d), by)
}

func (a worldAdmin) Free(_ context.Context, d vaiven.Device, by string) (bool, error) {
	return d == "101", a.note("free", string(d), by)
}

func (a worldAdmin) IsClass() bool { return false }

func (a worldAdmin) OpenUntil() int64 { return a.door }

func (a worldAdmin) OpenFor(_ context.Context, d time.Duration, by string) (int64, error) {
	if a.door = 0; d > 0 {
		a.door = a.now.Add(d).UnixMilli()
	}
	return a.door, a.note("open", d.String(), by)
}

func (a worldAdmin) Tokens() []vaiven.Granted {
	at := a.now.UnixMilli()
	return []vaiven.Granted{
		{Stamp: vaiven.Stamp{At: at - 3_600_000}, Token: "9f3c02aa51d0", Use: vaiven.UseAPI, Sum: vaiven.HashToken(secretOf("b")), Rights: vaiven.MayRead | vaiven.MaySet, Devices: []string{"1*"}, Name: "garden", By: "api 127.0.0.1"},
		{Stamp: vaiven.Stamp{At: at - 60_000}, Token: "7e449f3c02aa", Use: vaiven.UseBrowser, Sum: vaiven.HashToken(secretOf("c")), Rights: vaiven.MayAdmin, Expires: at + 2_592_000_000, By: "192.168.0.5"},
	}
}

func (a worldAdmin) CreateToken(_ context.Context, r vaiven.TokenRequest) (string, vaiven.Granted, error) {
	g := vaiven.Granted{Stamp: vaiven.Stamp{At: a.now.UnixMilli()}, Token: "51d07e449f3c", Use: vaiven.UseAPI, Rights: r.Rights, Devices: r.Devices, Name: r.Name, By: r.By}
	if r.For > 0 {
		g.Expires = a.now.Add(r.For).UnixMilli()
	}
	return secretOf("d"), g, a.note("token", r.Name, r.Rights.String(), r.By)
}

func (a worldAdmin) RevokeToken(_ context.Context, id vaiven.TokenID, by string) (bool, error) {
	return id == "9f3c02aa51d0", a.note("revoke token", string(id), by)
}

func (a worldAdmin) loginLink(_ context.Context, by string) (string, int64, error) {
	return secretOf("e"), a.now.Add(15 * time.Minute).UnixMilli(), a.note("link", by)
}
