package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestAddressOfABoard(t *testing.T) {
	g := New(Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}})
	for _, c := range []struct {
		peer string
		says []string
		want string
	}{
		{"192.0.2.7:1234", nil, "192.0.2.7:1234"},
		{"192.0.2.7:1234", []string{"198.51.100.1"}, "192.0.2.7:1234"}, // nobody asked it
		{"[::ffff:192.0.2.7]:1234", nil, "192.0.2.7:1234"},
		{"10.0.0.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:80", []string{"127.0.0.1, 198.51.100.1"}, "198.51.100.1"}, // the first is the board's own word
		{"10.0.0.1:80", []string{"127.0.0.1", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:80", []string{"198.51.100.1, nonsense"}, "10.0.0.1:80"},
		{"10.0.0.1:80", nil, "10.0.0.1:80"},
		{"pipe", nil, "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.says}}
		if got := address(g.Remote(r)); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.peer, c.says, got, c.want)
		}
	}
}

func TestProxysAddressesAreReadWithPortAndWithout(t *testing.T) {
	for in, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.9:51008": "203.0.113.9:51008", "2001:db8::9": "2001:db8::9",
		"[2001:db8::9]:1": "[2001:db8::9]:1", "[2001:db8::9]": "2001:db8::9", "::ffff:203.0.113.9": "203.0.113.9",
		"unknown": "", "203.0.113.9:x": "", "_hidden": "", "": "",
	} {
		got := ""
		if a, ok := parseHop(in); ok {
			got = address(a)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestUnreadableProxyHeaderIsSaidOnce(t *testing.T) {
	said := make(chan Notice, 8)
	g := New(Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	g.notices = said
	for range 3 {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Forwarded-For", "unknown")
		if got := g.Remote(r).String(); got != "127.0.0.1:1" {
			t.Errorf("address %s", got)
		}
	}
	if len(said) != 1 {
		t.Errorf("said %d times, want once", len(said))
	}
}
