package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"vaiven"
	"vaiven/internal/web/api"
)

// access decides who may ask what of the API. Whoever sits at the server's own
// machine may do all, and so may whoever shows the token. Others may read while
// there is no token, but for a backup: it is all there is, and costs the server work.
// What boards ask is as open as their WebSocket.
type access struct {
	hasToken bool
	token    [sha256.Size]byte // hashed, so that comparing takes as long whatever was sent
	lang     vaiven.Lang
}

func newAccess(token string, lang vaiven.Lang) access {
	return access{token != "", sha256.Sum256([]byte(token)), lang}
}

// guard lets through what is allowed.
func (a access) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := r
		if isCostly(r.URL.Path) { // for which reading is not safe
			asked = r.Clone(r.Context())
			asked.Method = http.MethodPost
		}
		if cross.Check(asked) != nil {
			api.WriteProblem(w, api.NewProblem(http.StatusForbidden, codeCrossOrigin,
				a.lang.Say("a page of another site asked for this", "lo pidió una página de otro sitio"), ""))
			return
		}
		p := a.refusal(r, false)
		if p == nil {
			next.ServeHTTP(w, r)
			return
		}
		if p.Status == http.StatusUnauthorized {
			challenge := `Bearer realm="vaiven"`
			if p.Code == codeBadToken {
				challenge += `, error="invalid_token"`
			}
			w.Header().Set("WWW-Authenticate", challenge)
		}
		api.WriteProblem(w, p)
	})
}

// Codes of refused access.
const (
	codeNotLocal    = "not_local"
	codeNoToken     = "no_token"
	codeBadToken    = "bad_token"
	codeCrossOrigin = "cross_origin"
)

// refusal says why a request is not allowed, nil when it is. What it is about may be
// private: for the server's own machine, or for the token.
func (a access) refusal(r *http.Request, private bool) *api.Problem {
	if isBoardRequest(r) {
		return nil
	}
	shown, isBearer := bearerToken(r)
	switch {
	case a.hasToken && isBearer:
		if sum := sha256.Sum256([]byte(shown)); subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1 {
			return nil
		}
		return api.NewProblem(http.StatusUnauthorized, codeBadToken,
			a.lang.Say("that is not this server's token", "ese no es el token de este servidor"), "")
	case isLocal(r):
		return nil
	case a.hasToken:
		return api.NewProblem(http.StatusUnauthorized, codeNoToken,
			a.lang.Say("this server asks for its token", "este servidor pide su token"),
			a.lang.Say("send the header Authorization: Bearer TOKEN", "envía la cabecera Authorization: Bearer TOKEN"))
	case !private && (readsOnly(r.Method) && r.URL.Path != backupPath || isQuery(r)):
		return nil
	}
	return api.NewProblem(http.StatusForbidden, codeNotLocal,
		a.lang.Say("only from the server's own machine", "solo desde la máquina del servidor"),
		a.lang.Say("start the server with --api-token and send that token", "inicia el servidor con --api-token y envía ese token"))
}

func readsOnly(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// isQuery reports whether a request asks the history by a form, which clients of
// Prometheus do since a query may be longer than an address: that changes nothing.
func isQuery(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, prometheusPrefix+"/")
}

// isBoardRequest reports whether a request is one that boards make.
func isBoardRequest(r *http.Request) bool {
	if r.URL.Path == prefix+"/readings" {
		return r.Method == http.MethodPost
	}
	rest, ok := strings.CutPrefix(r.URL.Path, prefix+"/devices/")
	_, last, _ := strings.Cut(rest, "/")
	return ok && last == "desired" && readsOnly(r.Method)
}

// isCostly reports whether reading a path costs the server work or memory: a page of
// another site may not have a visitor's browser do it, though it could not read the
// answer. (A browser says whose page asks only where the server is at its own machine
// or behind TLS; elsewhere what one request may cost is bounded, and nothing else.)
func isCostly(path string) bool {
	switch path {
	case backupPath, prefix + "/export", prefix + "/history", prefix + "/csv":
		return true
	}
	return strings.HasPrefix(path, prometheusPrefix+"/")
}

// bearerToken returns the token that a request shows (RFC 6750, section 2.1).
func bearerToken(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// isLocal reports whether a request comes from this machine. One that came through
// a proxy does not; nor does one of a page in this machine's browser whose name
// was made to point here, which its Host gives away.
func isLocal(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && !isProxied(r) && isLocalName(r.Host)
}

// isProxied reports whether a proxy says that it handed the request on.
func isProxied(r *http.Request) bool {
	for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via"} {
		if len(r.Header.Values(h)) > 0 {
			return true
		}
	}
	return false
}

// isLocalName reports whether a Host names this machine from within: localhost, or
// an address of the loopback.
func isLocalName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && addr.IsLoopback() || strings.EqualFold(host, "localhost")
}
