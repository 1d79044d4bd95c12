package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// originOf reads an Origin as browsers write that of a page (RFC 6454, section 6.2): a
// scheme, a host, and a port if it is not the scheme's own. ok is false for what no
// browser writes of a page from the web.
func originOf(s string) (u *url.URL, ok bool) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || s != u.Scheme+"://"+u.Host {
		return nil, false
	}
	return u, u.Scheme == "http" || u.Scheme == "https"
}

// isOwn reports whether an Origin is that of this server's own pages, as the request's
// Host has it. Behind a proxy that ends TLS the server cannot know the page's scheme.
func isOwn(origin string, r *http.Request) bool {
	u, ok := originOf(origin)
	if !ok || u.Scheme == "http" && r.TLS != nil {
		return false
	}
	return strings.EqualFold(withPort(u.Host, u.Scheme), withPort(r.Host, u.Scheme))
}

// withPort adds the scheme's own port to a host that has none.
func withPort(host, scheme string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	port := "80"
	if scheme == "https" {
		port = "443"
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// isForeign reports whether a page of another site asks, by what browsers say of
// themselves. One that --cors names is none.
func (g *guard) isForeign(r *http.Request, c rule) bool {
	if origins := r.Header["Origin"]; len(origins) > 0 {
		return len(origins) > 1 || !isOwn(origins[0], r) && !g.allows(origins[0])
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	// A link of another site opens a page here, and nothing that costs anything.
	follows := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return c.costly || !follows || !readsOnly(r.Method)
}

func (g *guard) allows(origin string) bool { return slices.Contains(g.cors, origin) }

// isForeignBoard is isForeign for a WebSocket of boards. Boards send no Origin, or what
// their libraries put there: "file://", "null", or an address with a path, which no
// browser sends. The same is what a page out of a file says.
func (g *guard) isForeignBoard(r *http.Request) bool {
	origins := r.Header["Origin"]
	switch {
	case len(origins) == 0:
		return false
	case len(origins) > 1:
		return true
	}
	if isPageless(origins[0]) || g.allows(origins[0]) {
		return false
	}
	return !isOwn(origins[0], r) || g.isWrongHost(r)
}

// isPageless reports whether an Origin is that of no page of the web.
func isPageless(origin string) bool {
	if origin == "null" || origin == "file://" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host != "" && len(u.Path) > 1 && u.RawQuery == "" && u.User == nil // of a library: https://HOST/PROJECT
}

// isWrongHost reports whether a request calls the server by a name that is not its own:
// the name of a page of another site may have been made to point here. Nobody can do
// that with an address, nor make a browser send a token with it.
func (g *guard) isWrongHost(r *http.Request) bool {
	if _, shown := shownToken(r); shown {
		return false
	}
	name := hostName(r.Host)
	if name == "" || name == "localhost" {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	for _, own := range g.hosts() {
		own = strings.ToLower(strings.TrimSuffix(own, "."))
		if parent, any := strings.CutPrefix(own, "*."); any {
			if label, rest, _ := strings.Cut(name, "."); label != "" && rest == parent {
				return false
			}
		}
		if own == name {
			return false
		}
	}
	return true
}

// hostName is the name in a Host, in lower case, without port, brackets and a last dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if inner, ok := strings.CutPrefix(host, "["); ok && strings.HasSuffix(inner, "]") {
		host = inner[:len(inner)-1]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// crossOrigin lets the pages that --cors names read an answer, and answers what their
// browsers ask before. It reports whether the request was that.
func (g *guard) crossOrigin(w http.ResponseWriter, r *http.Request) (answered bool) {
	if len(g.cors) == 0 {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !g.allows(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, WWW-Authenticate, Content-Disposition, Vaiven-Log-Begins")
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, POST, PATCH, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, Idempotency-Key, Last-Event-ID, Range, If-Range")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// setSecurityHeaders says to browsers what a page of this server may do: show and run
// what the server has in files of its own, in no frame.
func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "+
		"base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")        // for browsers that do not know frame-ancestors
	h.Set("Referrer-Policy", "same-origin") // with no-referrer a form of our own says Origin: null
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}
