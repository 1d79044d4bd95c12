package web

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
)

// files are what the pages are made of beside their HTML: no page has a script or a
// style in itself, so that none that somebody puts there runs.
//
//go:embed assets
var files embed.FS

// asset serves one of the files.
func (o Options) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	b, err := files.ReadFile("assets/" + name)
	if err != nil {
		o.notFound(w, r)
		return
	}
	sum := sha256.Sum256(b)
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("Cache-Control", "no-cache") // asked again, and answered with 304
	h.Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(b)))
}

var loginTemplate = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="{{.Lang}}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>vaiven</title><link rel="stylesheet" href="/assets/vaiven.css"></head><body>
<h1>vaiven</h1>
{{with .Bad}}<p class="bad">{{.}}</p>
{{end}}<p>{{.How}}</p>
<pre>vaiven login-link</pre>
<form method="post" action="/login"><p><label>{{.Label}}<br><input name="secret" autocomplete="off" spellcheck="false"></label> <button>{{.Enter}}</button></p></form>
{{if .Script}}<script src="/assets/login.js"></script>
{{end}}</body></html>
`))

// writeLogin says how one gets in; bad is what was wrong with what was tried.
func (o Options) writeLogin(w http.ResponseWriter, status int, bad string, script bool) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = loginTemplate.Execute(w, map[string]any{ // whoever asked may be gone
		"Lang": string(o.Lang), "Bad": bad, "Script": script,
		"How":   o.Lang.Say("To get in, open the link that this command prints where the server runs. It is good once, for 15 minutes.", "Para entrar, abre el enlace que da este comando donde corre el servidor. Vale una vez, durante 15 minutos."),
		"Label": o.Lang.Say("Or paste the link here:", "O pega aquí el enlace:"),
		"Enter": o.Lang.Say("Get in", "Entrar"),
	})
}

// loginPage is where a login link leads.
func (o Options) loginPage(w http.ResponseWriter, _ *http.Request) {
	o.writeLogin(w, http.StatusOK, "", true)
}

// maxLogin bounds the form's body.
const maxLogin = 4 << 10

// loginForm is what its form sends.
func (o Options) loginForm(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLogin)
	secret := linkSecret(r.PostFormValue("secret"))
	cookie, err := o.login(r.Context(), r, secret)
	if err != nil {
		var wait interface{ RetryAfter() time.Duration }
		status, text := http.StatusUnauthorized, o.badLink()
		if errors.As(err, &wait) {
			status, text = http.StatusTooManyRequests, o.Lang.Say("too many tries from this address: wait a moment", "demasiados intentos desde esta dirección: espera un momento")
		} else if !isDenied(err) {
			o.Logger.Error("login not recorded", "err", err)
			status, text = http.StatusServiceUnavailable, o.Lang.Say("the log takes nothing now: try again in a moment", "el registro no acepta nada ahora: inténtalo otra vez en un momento")
		}
		o.writeLogin(w, status, text, false)
		return
	}
	w.Header().Set("Set-Cookie", cookie)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/?"+cameIn, http.StatusSeeOther)
}

// cameIn stands in the address to which a login leads: whoever has no session there keeps no
// cookie.
const cameIn = "in"

func (o Options) badLink() string {
	return o.Lang.Say("this link is not good: it was used, or is older than 15 minutes", "este enlace no vale: ya se usó, o tiene más de 15 minutos")
}

// linkSecret is the secret in what a person pastes: the link, or what stands behind its #.
func linkSecret(text string) string {
	if i := strings.LastIndexByte(text, '#'); i >= 0 {
		text = text[i+1:]
	}
	return strings.TrimSpace(text)
}

// isDenied reports whether an error is about what was shown.
func isDenied(err error) bool {
	var denied interface{ Denied() }
	return errors.As(err, &denied)
}

// login exchanges a link's secret for the cookie of a session, as a header has it.
func (o Options) login(ctx context.Context, r *http.Request, secret string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	cookie, expires, err := o.Access.Login(ctx, secret, o.Remote(r))
	if err != nil {
		return "", err
	}
	return o.cookie(r, cookie, int(time.Until(time.UnixMilli(expires)).Seconds())), nil
}

// cookie is a session as a header has it; none below 0 seconds.
func (o Options) cookie(r *http.Request, value string, seconds int) string {
	c := http.Cookie{Name: sessionCookie, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if o.Secure(r) {
		c.Name, c.Secure = secureCookie, true
	}
	return c.String()
}

func (s *server) loginOperations() {
	register(s, operation{
		method: http.MethodPost, path: "/login", id: "login", needs: forAll, tag: "access", busy: busyLog, refusals: []int{413},
		summary:  "Exchange the secret of a login link for a session",
		about:    "For a page of this server: the answer sets the cookie. The secret is what stands behind the # of the link that `vaiven login-link` prints; it is good once.",
		examples: []example{{name: "login-bad.json", title: "A link that was used", path: "/login", body: `{"secret":"vvn_0000000000000000000000000000000000000000000"}`, status: http.StatusUnauthorized}},
	}, s.postLogin)
	register(s, operation{
		method: http.MethodPost, path: "/logout", id: "logout", needs: forAll, tag: "access", success: http.StatusNoContent, busy: busyLog,
		summary:  "End this browser's session",
		examples: []example{{name: "logout", title: "Whoever has none", path: "/logout", status: http.StatusNoContent}},
	}, s.postLogout)
	register(s, operation{
		method: http.MethodGet, path: "/me", id: "whoAmI", needs: forAll, tag: "access",
		summary:  "Who one is for this server, and what one may do",
		examples: []example{{name: "who-am-i.json", title: "An administrator", path: "/me"}},
	}, s.getMe)
	register(s, operation{
		method: http.MethodPost, path: "/live/tickets", id: "makeTicket", needs: readsSome, tag: "live",
		summary: "A ticket for a live feed, where no header can be sent",
		about: "EventSource and WebSocket of a browser cannot send Authorization: ask for a ticket with it, and put that into the feed's address as ticket=. It stands for " +
			"whoever asked for it, for a minute; a feed that was begun goes on. Empty where nobody needs one.",
		examples: []example{{name: "make-ticket.json", title: "A ticket", path: "/live/tickets"}},
	}, s.makeTicket)
}

type postLogin struct {
	exchange
	Body api.Login
}

// loggedIn is an answer with a cookie.
type loggedIn struct {
	SetCookie string `header:"Set-Cookie" doc:"The session"`
	Body      api.Me
}

func (s *server) postLogin(ctx context.Context, in *postLogin) (*loggedIn, error) {
	cookie, err := s.o.login(ctx, in.r, linkSecret(in.Body.Secret))
	var wait interface{ RetryAfter() time.Duration }
	switch {
	case errors.As(err, &wait):
		p := s.guard.badToken(err)
		return nil, withRetryAfter(p, wait.RetryAfter())
	case err != nil && isDenied(err):
		return nil, api.NewProblem(http.StatusUnauthorized, "bad_link", s.o.badLink(), s.o.Lang.Say("`vaiven login-link` prints another", "`vaiven login-link` da otro"))
	case err != nil:
		return nil, s.fail(err)
	}
	value, _ := http.ParseSetCookie(cookie)
	who, _ := s.o.Access.Browser(value.Value)
	return &loggedIn{SetCookie: cookie, Body: meOf(&who)}, nil
}

type loggedOut struct {
	SetCookie string `header:"Set-Cookie" doc:"Takes the session away"`
}

func (s *server) postLogout(ctx context.Context, in *struct{ exchange }) (*loggedOut, error) {
	if p := who(ctx); p.Use == vaiven.UseBrowser {
		ctx, cancel := context.WithTimeout(ctx, writeTimeout)
		defer cancel()
		if _, err := s.o.Access.RevokeToken(ctx, p.Token, s.requester(ctx, in.r)); err != nil {
			return nil, s.fail(err)
		}
	}
	return &loggedOut{s.o.cookie(in.r, "", -1)}, nil
}

func (s *server) getMe(ctx context.Context, _ *struct{}) (*body[api.Me], error) {
	return &body[api.Me]{meOf(who(ctx))}, nil
}

func meOf(p *vaiven.Principal) api.Me {
	return api.Me{
		Name: p.Name, Use: string(p.Use), Token: string(p.Token), Rights: append([]string{}, p.Rights.Names()...),
		Devices: p.Devices, Board: p.Board, Expires: moment(p.Expires),
	}
}

func (s *server) makeTicket(ctx context.Context, _ *struct{}) (*body[api.Ticket], error) {
	p := who(ctx)
	out := api.Ticket{}
	if p.Name != "" {
		out.Ticket = s.o.Access.Ticket(*p)
	}
	return &body[api.Ticket]{out}, nil
}
