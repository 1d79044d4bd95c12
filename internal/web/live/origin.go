package live

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// sameOrigin reports whether a WebSocket's request comes from a page of this
// server, or from no page at all: browsers let any page open a WebSocket to
// anywhere, and say in Origin (RFC 6454) which it was. "null" is a page that
// hides where it comes from.
func sameOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || u.Host == "" || origins[0] != u.Scheme+"://"+u.Host {
		return false
	}
	// Behind a proxy that ends TLS the server cannot know the page's scheme.
	if u.Scheme != "https" && (u.Scheme != "http" || r.TLS != nil) {
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
