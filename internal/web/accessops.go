package web

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
)

// Admin is what an administrator decides, and what it was decided to be. All of it is
// nil in a server that has none.
type Admin struct {
	Boards Boards
	Keys   BoardKeys
	Door   Door
	Tokens Tokens
	// LoginLink makes the secret of a link that opens one browser as administrator.
	LoginLink func(ctx context.Context, by string) (secret string, expires int64, err error)
}

// Boards are let in.
type Boards interface {
	// Waiting are those that wait, who came first first.
	Waiting() []vaiven.Waiting
	// Approve lets a device in; from is the address of the board that is meant, the zero
	// Addr for any.
	Approve(ctx context.Context, d vaiven.Device, from netip.Addr, concentrator bool, by string) error
	// Trust is how far what speaks for a device is believed.
	Trust(d vaiven.Device) vaiven.Trust
}

// BoardKeys are given to boards, and taken back.
type BoardKeys interface {
	// AddDevice lets a device in and makes a token for its board.
	AddDevice(ctx context.Context, d vaiven.Device, concentrator bool, by string) (token string, err error)
	// RevokeDevice takes back all that it was given; false: that was nothing.
	RevokeDevice(ctx context.Context, d vaiven.Device, by string) (bool, error)
	// Free closes the connection that speaks for it, and keeps the connection's address
	// from it for a while; false: none does.
	Free(ctx context.Context, d vaiven.Device, by string) (bool, error)
}

// Door lets every board in, unverified, while it is open.
type Door interface {
	IsClass() bool    // open as long as the server runs
	OpenUntil() int64 // Unix ms UTC; 0: it is not, but for a class
	OpenFor(ctx context.Context, d time.Duration, by string) (until int64, err error)
}

// Tokens are those of the API, and browsers' sessions.
type Tokens interface {
	CreateToken(ctx context.Context, r vaiven.TokenRequest) (text string, g vaiven.Granted, err error)
	Tokens() []vaiven.Granted
	RevokeToken(ctx context.Context, id vaiven.TokenID, by string) (bool, error)
}

// Codes of problems of who may do what.
const (
	codeTwoWait      = "two_wait"
	codeNothingGiven = "nothing_given"
	codeNotHeld      = "not_held"
	codeUnknownToken = "unknown_token"
)

func (s *server) boardAccessOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/waiting", id: "listWaiting", needs: administers, tag: "access", refusals: []int{404},
		summary:  "The boards that wait until somebody lets them in",
		about:    "Boards that this server does not know send to it; what they send is refused until somebody approves them. Of a cluster each node has those that come to it.",
		examples: []example{{name: "list-waiting.json", title: "Two boards", path: "/waiting"}},
	}, ifOffered(s, s.o.Admin.Boards != nil, s.listWaiting))
	register(s, operation{
		method: http.MethodPost, path: "/devices/{id}/approve", id: "approveDevice", needs: administersDevice, busy: busyLog, tag: "access", refusals: []int{400, 404, 409},
		summary: "Let a device in",
		about:   "A board that said HELLO is given its token then, at the address where it waits, or is connected. A device may be approved that was never heard: its board is given none.",
		examples: []example{
			{name: "approve-device.json", title: "The board at that address", path: "/devices/104/approve", body: `{"remote":"192.168.0.20"}`},
			{name: "approve-two.json", title: "Two boards wait with one id", path: "/devices/105/approve", body: `{}`, status: 409},
		},
	}, ifOffered(s, s.o.Admin.Boards != nil, s.approveDevice))
	register(s, operation{
		method: http.MethodPost, path: "/devices/{id}/token", id: "addDevice", needs: administersDevice, busy: busyLog, tag: "access", refusals: []int{400, 404},
		summary:  "Let a device in and make a token for its board",
		about:    "The token is told this once. One that the board uses stays good until the new one is used, so that a board that broke can be replaced: the device keeps its id and its history.",
		examples: []example{{name: "add-device.json", title: "A board that is being built", path: "/devices/106/token", body: `{}`}},
	}, ifOffered(s, s.o.Admin.Keys != nil, s.addDevice))
	register(s, operation{
		method: http.MethodPost, path: "/devices/{id}/revoke", id: "revokeDevice", needs: administersDevice, busy: busyLog, tag: "access", success: 204, refusals: []int{400, 404, 409},
		summary: "Take back all that a device was given",
		about:   "Its tokens are not good any more and its connection is closed. What it sends is refused, unless the door is open or somebody approves it again.",
		examples: []example{
			{name: "revoke-device", title: "A board that was stolen", path: "/devices/101/revoke", status: 204},
			{name: "revoke-nothing.json", title: "One that was given nothing", path: "/devices/103/revoke", status: 409},
		},
	}, ifOffered(s, s.o.Admin.Keys != nil, s.revokeDevice))
	register(s, operation{
		method: http.MethodPost, path: "/devices/{id}/free", id: "freeDevice", needs: administersDevice, busy: busyLog, tag: "access", success: 204, refusals: []int{400, 404, 409},
		summary:  "Take a device from the connection that speaks for it",
		about:    "The connection is closed, and its address kept from the device for ten minutes, unless it proves that it has the device's token.",
		examples: []example{{name: "free-device", title: "Somebody squats on an id", path: "/devices/101/free", status: 204}},
	}, ifOffered(s, s.o.Admin.Keys != nil, s.freeDevice))
}

func (s *server) accessOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/door", id: "getDoor", needs: administers, tag: "access", refusals: []int{404},
		summary:  "Whether every board is let in",
		examples: []example{{name: "get-door.json", title: "Boards wait", path: "/door"}},
	}, ifOffered(s, s.o.Admin.Door != nil, s.getDoor))
	register(s, operation{
		method: http.MethodPost, path: "/door", id: "openDoor", needs: administers, busy: busyLog, tag: "access", refusals: []int{400, 404},
		summary:  "Let every board in for a while, unverified",
		examples: []example{{name: "open-door.json", title: "For ten minutes", path: "/door", body: `{"for_ms":600000}`}},
	}, ifOffered(s, s.o.Admin.Door != nil, s.openDoor))
	register(s, operation{
		method: http.MethodGet, path: "/tokens", id: "listTokens", needs: administers, tag: "access", refusals: []int{404},
		summary:  "The tokens of the API that are good, and the browsers that came in",
		examples: []example{{name: "list-tokens.json", title: "A token and a browser", path: "/tokens"}},
	}, ifOffered(s, s.o.Admin.Tokens != nil, s.listTokens))
	register(s, operation{
		method: http.MethodPost, path: "/tokens", id: "createToken", needs: administers, busy: busyLog, tag: "access", success: 201, refusals: []int{400, 404},
		summary:  "Make a token of the API",
		about:    "Its text is told this once. A token that may do everything is for all devices.",
		examples: []example{{name: "create-token.json", title: "To see and switch the devices 1*, for 30 days", path: "/tokens", body: `{"name":"garden","can":["read","set"],"devices":["1*"],"for_ms":2592000000}`, status: 201}},
	}, ifOffered(s, s.o.Admin.Tokens != nil, s.createToken))
	register(s, operation{
		method: http.MethodDelete, path: "/tokens/{token}", id: "revokeToken", needs: administers, busy: busyLog, tag: "access", success: 204, refusals: []int{404},
		summary: "Take back a token, or send a browser away",
		examples: []example{
			{name: "revoke-token", title: "A token that is not needed any more", path: "/tokens/9f3c02aa51d0", status: 204},
			{name: "revoke-unknown.json", title: "One that there is not", path: "/tokens/000000000000", status: 404},
		},
	}, ifOffered(s, s.o.Admin.Tokens != nil, s.revokeToken))
	register(s, operation{
		method: http.MethodPost, path: "/login-links", id: "createLoginLink", needs: administers, busy: busyLog, tag: "access", success: 201, refusals: []int{404},
		summary:  "Make a link that opens one browser as administrator",
		about:    "It is good once, for 15 minutes. What is behind # is never sent over the network by the browser that follows it, but by the page at /login.",
		examples: []example{{name: "create-login-link.json", title: "A link for this afternoon", path: "/login-links", status: 201}},
	}, ifOffered(s, s.o.Admin.LoginLink != nil, s.createLoginLink))
}

// ifOffered is the handler of an operation that a server may have nothing for.
func ifOffered[I, O any](s *server, offered bool, handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	if offered {
		return handler
	}
	return func(context.Context, *I) (*O, error) { return nil, s.fail(errNotOffered) }
}

func (s *server) listWaiting(_ context.Context, _ *struct{}) (*body[api.Waiting], error) {
	out := &body[api.Waiting]{api.Waiting{Waiting: []api.WaitingBoard{}}}
	for _, b := range s.o.Admin.Boards.Waiting() {
		out.Body.Waiting = append(out.Body.Waiting, api.WaitingBoard{
			Device: b.Device, Remote: b.Remote, Since: moment(b.Since), Last: moment(b.Last), Count: b.Count, Hello: b.Hello, FW: b.FW,
		})
	}
	return out, nil
}

type approveDevice struct {
	exchange
	DeviceID
	Body api.Approval
}

func (s *server) approveDevice(ctx context.Context, in *approveDevice) (*body[api.Device], error) {
	d, err := s.parseDevice(in.ID)
	if err != nil {
		return nil, err
	}
	from, err := s.addressOf(d, in.Body.Remote)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := s.o.Admin.Boards.Approve(ctx, d, from, in.Body.Concentrator, s.requester(ctx, in.r)); err != nil {
		return nil, s.fail(err)
	}
	known, ok := s.o.Devices.Device(d)
	if !ok {
		known = vaiven.DeviceInfo{ID: d}
	}
	return &body[api.Device]{s.deviceOf(ctx, s.now(), &known)}, nil
}

// addressOf is the address of the board that is to be let in: the one that was said, the
// only one that waits with that id, or the one that is connected, which was let in before;
// the zero Addr when there is none.
func (s *server) addressOf(d vaiven.Device, said string) (from netip.Addr, err error) {
	var remotes []string
	for _, b := range s.o.Admin.Boards.Waiting() {
		if b.Device == d && !slices.Contains(remotes, b.Remote) {
			remotes = append(remotes, b.Remote)
		}
	}
	if said == "" && len(remotes) > 1 {
		return from, api.NewProblem(http.StatusConflict, codeTwoWait,
			fmt.Sprintf(s.o.Lang.Say("boards at %s wait with the id %s", "esperan placas en %s con el identificador %s"), strings.Join(remotes, ", "), d),
			s.o.Lang.Say("say which one with remote; another is to get an id of its own", "di cuál con remote; otra debe recibir un identificador propio"))
	}
	if said == "" && len(remotes) == 1 {
		said = remotes[0]
	}
	if said == "" {
		if known, ok := s.o.Devices.Device(d); ok && known.Connected {
			return addressIn(known.Remote), nil
		}
		return from, nil
	}
	if from, err = netip.ParseAddr(said); err != nil {
		return from, s.invalid("body.remote", s.o.Lang.Say("want an address as 192.168.0.20", "debe ser una dirección como 192.168.0.20"))
	}
	return from.Unmap(), nil
}

// addressIn is the address in a board's remote, with or without a port; the zero Addr for
// none.
func addressIn(remote string) netip.Addr {
	if at, err := netip.ParseAddrPort(remote); err == nil {
		return at.Addr().Unmap()
	}
	from, _ := netip.ParseAddr(remote) // else the zero Addr
	return from.Unmap()
}

type addDevice struct {
	exchange
	DeviceID
	Body api.NewBoardToken
}

func (s *server) addDevice(ctx context.Context, in *addDevice) (*body[api.BoardToken], error) {
	d, err := s.parseDevice(in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	token, err := s.o.Admin.Keys.AddDevice(ctx, d, in.Body.Concentrator, s.requester(ctx, in.r))
	if err != nil {
		return nil, s.fail(err)
	}
	return &body[api.BoardToken]{api.BoardToken{Device: d, Token: token, Addresses: append([]string{}, s.o.Server().Addresses...)}}, nil
}

type aboutDevice struct {
	exchange
	DeviceID
}

func (s *server) revokeDevice(ctx context.Context, in *aboutDevice) (*noBody, error) {
	return s.takeFrom(ctx, in, BoardKeys.RevokeDevice, api.NewProblem(http.StatusConflict, codeNothingGiven,
		s.o.Lang.Say("this board was never approved, and has no token", "esta placa nunca fue aprobada, y no tiene clave"),
		s.o.Lang.Say("`vaiven devices free` closes the connection that speaks for it", "`vaiven devices free` cierra la conexión que habla por ella")))
}

func (s *server) freeDevice(ctx context.Context, in *aboutDevice) (*noBody, error) {
	return s.takeFrom(ctx, in, BoardKeys.Free, api.NewProblem(http.StatusConflict, codeNotHeld,
		s.o.Lang.Say("no connection speaks for it", "ninguna conexión habla por ella"), ""))
}

// takeFrom takes something from a device; none is the answer when there was nothing.
func (s *server) takeFrom(ctx context.Context, in *aboutDevice, take func(BoardKeys, context.Context, vaiven.Device, string) (bool, error), none *api.Problem) (*noBody, error) {
	d, err := s.parseDevice(in.ID)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	switch taken, err := take(s.o.Admin.Keys, ctx, d, s.requester(ctx, in.r)); {
	case err != nil:
		return nil, s.fail(err)
	case !taken:
		return nil, none
	}
	return nil, nil
}

func (s *server) getDoor(_ context.Context, _ *struct{}) (*body[api.Door], error) {
	until, class := s.o.Admin.Door.OpenUntil(), s.o.Admin.Door.IsClass()
	return &body[api.Door]{api.Door{Open: class || until != 0, Class: class, Until: moment(until)}}, nil
}

type openDoor struct {
	exchange
	Body api.OpenDoor
}

func (s *server) openDoor(ctx context.Context, in *openDoor) (*body[api.Door], error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if _, err := s.o.Admin.Door.OpenFor(ctx, time.Duration(in.Body.ForMS)*time.Millisecond, s.requester(ctx, in.r)); err != nil {
		return nil, s.fail(err)
	}
	return s.getDoor(ctx, nil)
}

func (s *server) listTokens(_ context.Context, _ *struct{}) (*body[api.Tokens], error) {
	out := &body[api.Tokens]{api.Tokens{Tokens: []api.Token{}}}
	for _, g := range s.o.Admin.Tokens.Tokens() {
		out.Body.Tokens = append(out.Body.Tokens, tokenOf(&g))
	}
	return out, nil
}

// tokenOf is what is told of a token.
func tokenOf(g *vaiven.Granted) api.Token {
	return api.Token{
		ID: g.Token, Name: g.Name, Use: g.Use, Can: append([]string{}, g.Rights.Names()...), Devices: g.Devices,
		Created: moment(g.At), Expires: moment(g.Expires), By: g.By,
	}
}

type createToken struct {
	exchange
	Body api.NewToken
}

func (s *server) createToken(ctx context.Context, in *createToken) (*body[api.Token], error) {
	r := vaiven.TokenRequest{Name: strings.TrimSpace(in.Body.Name), Devices: in.Body.Devices, For: time.Duration(in.Body.ForMS) * time.Millisecond, By: s.requester(ctx, in.r)}
	var err error
	if r.Rights, err = vaiven.ParseRights(in.Body.Can, s.o.Lang); err != nil {
		return nil, s.invalid("body.can", err.Error())
	}
	switch err := vaiven.CheckPatterns(r.Devices, s.o.Lang); {
	case err != nil:
		return nil, s.invalid("body.devices", vaiven.WantPattern(s.o.Lang))
	case r.Rights.Has(vaiven.MayAdmin) && len(r.Devices) > 0:
		return nil, s.invalid("body.devices", s.o.Lang.Say("who may do everything may make other tokens: such a token is for all devices",
			"quien puede todo puede crear otras claves: una clave así es para todos los dispositivos"))
	case hasUnprintable(r.Name):
		return nil, s.unprintable("body.name")
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	text, g, err := s.o.Admin.Tokens.CreateToken(ctx, r)
	if err != nil {
		return nil, s.fail(err)
	}
	out := &body[api.Token]{tokenOf(&g)}
	out.Body.Text = text
	return out, nil
}

type revokeToken struct {
	exchange
	Token string `path:"token" maxLength:"64" doc:"The token's id, never the token itself" example:"9f3c02aa51d0"`
}

func (s *server) revokeToken(ctx context.Context, in *revokeToken) (*noBody, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	switch ok, err := s.o.Admin.Tokens.RevokeToken(ctx, vaiven.TokenID(in.Token), s.requester(ctx, in.r)); {
	case err != nil:
		return nil, s.fail(err)
	case !ok:
		return nil, api.NewProblem(http.StatusNotFound, codeUnknownToken,
			s.o.Lang.Say("there is no such token", "no existe esa clave"),
			s.o.Lang.Say("GET /api/v1/tokens lists them by their ids", "GET /api/v1/tokens las muestra con sus ids"))
	}
	return nil, nil
}

func (s *server) createLoginLink(ctx context.Context, in *struct{ exchange }) (*body[api.LoginLink], error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	secret, expires, err := s.o.Admin.LoginLink(ctx, s.requester(ctx, in.r))
	if err != nil {
		return nil, s.fail(err)
	}
	urls := LoginURLs(s.o.Server().Addresses, secret)
	if len(urls) == 0 { // only this machine can connect: it has asked just now
		urls = LoginURLs([]string{"ws://" + in.r.Host + "/"}, secret)
	}
	return &body[api.LoginLink]{api.LoginLink{URLs: urls, Expires: moment(expires)}}, nil
}

// LoginURLs are where a link's secret lets a browser in, for the addresses that boards
// are given: first those on whose way nobody can read it, nor the session behind it.
func LoginURLs(addresses []string, secret string) (urls []string) {
	var open []string
	for _, a := range addresses {
		u, err := url.Parse(a)
		if err != nil {
			continue
		}
		switch u.Scheme {
		case "ws":
			u.Scheme = "http"
		case "wss":
			u.Scheme = "https"
		}
		u.Path, u.Fragment = "/login", secret
		if own, _ := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && !own.IsLoopback() {
			open = append(open, u.String())
			continue
		}
		urls = append(urls, u.String())
	}
	return append(urls, open...)
}

// deviceOf writes a device as the API does, with how far it is believed.
func (s *server) deviceOf(ctx context.Context, now time.Time, d *vaiven.DeviceInfo) api.Device {
	out := deviceOf(ctx, now, d)
	if s.o.Admin.Boards != nil {
		out.Trust = s.o.Admin.Boards.Trust(d.ID)
	}
	return out
}
