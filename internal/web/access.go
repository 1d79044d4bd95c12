package web

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/limit"
	"vaiven/internal/web/api"
)

// Access knows who may do what. *access.Control is one.
type Access interface {
	Guests
	Logins
	Tickets
	// Deny counts what was tried in vain.
	Deny(why vaiven.DeniedReason, from netip.Addr, d vaiven.Device) error
}

// Guests says who somebody is. An error of what was shown has a method Denied, or
// RetryAfter where the address has tried too often.
type Guests interface {
	Nobody() vaiven.Principal
	Authenticate(token string, from netip.Addr) (vaiven.Principal, error)
	Browser(cookie string) (vaiven.Principal, bool)
}

// Logins lets browsers in and out. Its errors are as those of Guests, or the log's.
type Logins interface {
	Login(ctx context.Context, secret string, from netip.Addr) (cookie string, expires int64, err error)
	RevokeToken(ctx context.Context, id vaiven.TokenID, by string) (bool, error)
}

// Tickets stand for somebody for a short while, where no header can be sent.
type Tickets interface {
	Ticket(p vaiven.Principal) string
	Redeem(ticket string) (vaiven.Principal, bool)
}

// Codes of refused access.
const (
	codeNoToken      = "no_token"
	codeBadToken     = "bad_token"
	codeBadTicket    = "bad_ticket"
	codeTooManyTries = "too_many_tries"
	codeNoRight      = "no_right"
	codeOtherDevices = "other_devices"
	codeCrossOrigin  = "cross_origin"
	codeWrongHost    = "wrong_host"
)

// sessionCookie holds the session of an administrator's browser. Over TLS it has another
// name: a browser that has one from there takes none of the same name over plain HTTP, and
// whoever came in over https could not come in over http any more.
const (
	sessionCookie = "vaiven_session"
	secureCookie  = "__Host-" + sessionCookie
)

// paramTicket is a ticket in the address of a live feed.
const paramTicket = "ticket"

// guard lets through what is allowed: it says who asks, and holds that against the
// route's rule. That a request comes from this machine proves nothing: a proxy makes
// everybody local.
type guard struct {
	access Access
	lang   vaiven.Lang
	remote func(*http.Request) netip.Addr
	cors   []string
	hosts  func() []string
}

func newGuard(o *Options) *guard {
	return &guard{access: o.Access, lang: o.Lang, remote: o.Remote, cors: o.CORS, hosts: o.Hosts}
}

// wrap serves next behind a rule, with the principal in the request's context.
func (g *guard) wrap(c rule, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := g.misled(r, c); p != nil {
			api.WriteProblem(w, p)
			return
		}
		who, p := g.identify(r)
		if p == nil {
			p = g.refusal(&who, r, c)
		}
		if p != nil {
			g.refuse(w, p)
			return
		}
		if who.May(vaiven.MayAdmin) {
			limit.FromContext(r.Context()).Trust() // there is a place for administrators
		}
		if r.URL.RawQuery != "" && isLive(r) {
			r = withoutTicket(r)
		}
		next.ServeHTTP(w, r.WithContext(vaiven.WithPrincipal(r.Context(), who)))
	})
}

// wrapBoards serves the WebSockets of boards, about which the gateway decides but for
// pages of other sites.
func (g *guard) wrapBoards(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.isForeignBoard(r) {
			_ = g.access.Deny(vaiven.DeniedOrigin, g.remote(r), "") // counted
			setSecurityHeaders(w.Header())
			api.WriteProblem(w, g.crossOriginProblem())
			return
		}
		next.ServeHTTP(w, r)
	})
}

// misled refuses what a browser was led to ask, nil when it was not.
func (g *guard) misled(r *http.Request, c rule) *api.Problem {
	// With whatever does not only read every browser says an Origin: without one it is a
	// board, which may post to a wrong path, too.
	byBoard := c.who != holders && !readsOnly(r.Method) && len(r.Header["Origin"]) == 0
	if !c.anyHost && !byBoard && g.isWrongHost(r) {
		_ = g.access.Deny(vaiven.DeniedHost, g.remote(r), "") // counted
		name := vaiven.Shorten(hostName(r.Host))
		return api.NewProblem(http.StatusMisdirectedRequest, codeWrongHost,
			fmt.Sprintf(g.lang.Say("this server is not called %q", "este servidor no se llama %q"), name),
			fmt.Sprintf(g.lang.Say("use its address, or start it with --host %s if the name is its own", "usa su dirección, o inícialo con --host %s si ese nombre es suyo"), name))
	}
	if g.isForeign(r, c) {
		_ = g.access.Deny(vaiven.DeniedOrigin, g.remote(r), "") // counted
		return g.crossOriginProblem()
	}
	return nil
}

func (g *guard) crossOriginProblem() *api.Problem {
	return api.NewProblem(http.StatusForbidden, codeCrossOrigin, g.lang.Say("a page of another site asked for this", "lo pidió una página de otro sitio"),
		g.lang.Say("if that page is yours, start the server with --cors and its origin, as http://192.168.1.30:3000; a proxy in between must hand on the Host that browsers send",
			"si esa página es tuya, inicia el servidor con --cors y su origen, como http://192.168.1.30:3000; un proxy intermedio debe pasar el Host que envían los navegadores"))
}

// identify says who asks. Whoever shows something that is not good is refused, and not
// taken for nobody; but for a session, which ends by itself.
func (g *guard) identify(r *http.Request) (vaiven.Principal, *api.Problem) {
	if token, shown := shownToken(r); shown {
		who, err := g.access.Authenticate(token, g.remote(r))
		if err != nil {
			return who, g.badToken(err)
		}
		return who, nil
	}
	if isLive(r) {
		if ticket := r.URL.Query().Get(paramTicket); ticket != "" {
			who, ok := g.access.Redeem(ticket)
			if !ok {
				return who, api.NewProblem(http.StatusUnauthorized, codeBadTicket, g.lang.Say("this ticket is not good, or not any more", "este tique no vale, o ya no"),
					g.lang.Say("ask for another: POST /api/v1/live/tickets", "pide otro: POST /api/v1/live/tickets"))
			}
			return who, nil
		}
	}
	// Whoever asks to change something must say that it is a page of this server.
	if readsOnly(r.Method) || len(r.Header["Origin"]) == 1 {
		for _, c := range slices.Concat(r.CookiesNamed(secureCookie), r.CookiesNamed(sessionCookie)) {
			if who, ok := g.access.Browser(c.Value); ok {
				return who, nil
			}
		}
	}
	return g.access.Nobody(), nil
}

// badToken is the answer to a token that is not good.
func (g *guard) badToken(err error) *api.Problem {
	var wait interface{ RetryAfter() time.Duration }
	if errors.As(err, &wait) {
		p := api.NewProblem(http.StatusTooManyRequests, codeTooManyTries,
			g.lang.Say("too many wrong tokens from this address", "demasiadas claves equivocadas desde esta dirección"), g.lang.Say("try again in a moment", "inténtalo otra vez en un momento"))
		p.RetryMS = wait.RetryAfter().Milliseconds()
		return p
	}
	return api.NewProblem(http.StatusUnauthorized, codeBadToken,
		g.lang.Say("that is no token of this server", "esa no es una clave de este servidor"),
		g.lang.Say("it may have expired or been revoked: `vaiven token list`", "puede haber caducado o haber sido retirada: `vaiven token list`"))
}

// refusal says why a principal may not ask for a route, nil when it may.
func (g *guard) refusal(who *vaiven.Principal, r *http.Request, c rule) *api.Problem {
	switch {
	case c.who == everybody:
		return nil
	case c.who == boards && who.Name == "":
		return nil
	case c.who == boards && !who.May(vaiven.MaySend):
		return g.noRight(vaiven.MaySend)
	case c.who == holders && !who.May(c.right) && who.Name == "":
		return api.NewProblem(http.StatusUnauthorized, codeNoToken, g.lang.Say("this server wants to know who asks", "este servidor quiere saber quién pregunta"),
			g.lang.Say("in a browser, open the link that `vaiven login-link` prints; a program sends Authorization: Bearer TOKEN (`vaiven token create`)",
				"en un navegador, abre el enlace que da `vaiven login-link`; un programa envía Authorization: Bearer CLAVE (`vaiven token create`)"))
	case c.who == holders && !who.May(c.right):
		return g.noRight(c.right)
	case c.devices == allDevices && !who.SeesAll():
		return g.otherDevices()
	case c.devices == oneDevice:
		// What is no id is refused as that, by whoever reads it.
		if d, err := vaiven.ParseDevice(r.PathValue("id")); err == nil && !who.Sees(d) {
			return g.otherDevices()
		}
	}
	return nil
}

func (g *guard) noRight(right vaiven.Rights) *api.Problem {
	name := strings.Join(right.Names(), ",")
	return api.NewProblem(http.StatusForbidden, codeNoRight,
		g.lang.Say("this takes the right "+name, "para esto hace falta el derecho "+name),
		g.lang.Say("`vaiven token create --can "+name+"` makes a token that has it", "`vaiven token create --can "+name+"` crea una clave que lo tiene"))
}

func (g *guard) otherDevices() *api.Problem {
	return api.NewProblem(http.StatusForbidden, codeOtherDevices,
		g.lang.Say("this token is for other devices", "esta clave es para otros dispositivos"),
		g.lang.Say("`vaiven token create` without --devices makes one for all", "`vaiven token create` sin --devices crea una para todos"))
}

// refuse answers with a problem, and with the headers that go with it.
func (g *guard) refuse(w http.ResponseWriter, p *api.Problem) {
	switch p.Status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="vaiven"`
		if p.Code != codeNoToken {
			challenge += `, error="invalid_token"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(float64(p.RetryMS)/1000))))
	}
	api.WriteProblem(w, p)
}

func readsOnly(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// isLive reports whether a request is for a live feed, where a ticket is good. Where tickets
// are given it is not: one that was found in a proxy's log would be renewed without end.
func isLive(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, prefix+"/live/") && readsOnly(r.Method)
}

// withoutTicket is the request as if no ticket had been in its address.
func withoutTicket(r *http.Request) *http.Request {
	q := r.URL.Query()
	if !q.Has(paramTicket) {
		return r
	}
	q.Del(paramTicket)
	r = r.Clone(r.Context())
	r.URL.RawQuery = q.Encode()
	return r
}

// shownToken returns the token that a request shows.
func shownToken(r *http.Request) (token string, ok bool) {
	_, token, ok = vaiven.ParseAuthorization(r.Header.Get("Authorization"))
	return token, ok
}

// who is whoever makes a request.
func who(ctx context.Context) *vaiven.Principal { return vaiven.PrincipalOf(ctx) }

// closed is the Access of a server that was given none: nobody may do anything.
type closed struct{}

type deniedError struct{}

func (deniedError) Error() string { return "no token of this server" }
func (deniedError) Denied()       {}

func (closed) Nobody() (p vaiven.Principal) { return p }
func (closed) Authenticate(string, netip.Addr) (p vaiven.Principal, err error) {
	return p, deniedError{}
}
func (closed) Browser(string) (p vaiven.Principal, ok bool) { return p, false }
func (closed) Login(context.Context, string, netip.Addr) (string, int64, error) {
	return "", 0, deniedError{}
}
func (closed) RevokeToken(context.Context, vaiven.TokenID, string) (bool, error) { return false, nil }
func (closed) Ticket(vaiven.Principal) string                                    { return "" }
func (closed) Redeem(string) (p vaiven.Principal, ok bool)                       { return p, false }
func (closed) Deny(vaiven.DeniedReason, netip.Addr, vaiven.Device) error         { return deniedError{} }
