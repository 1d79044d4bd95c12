package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"vaiven"
	"vaiven/internal/web/api"
)

// TestDecisions proves what each operation asks of who may do what, and who is said to
// have asked.
func TestDecisions(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string // that was decided
	}{
		{"POST", "/devices/104/approve", `{}`, 200, "approve 104 192.168.0.20 api 127.0.0.1"},
		{"POST", "/devices/104/approve", `{"remote":"192.168.0.30"}`, 200, "approve 104 192.168.0.30 api 127.0.0.1"},
		{"POST", "/devices/105/approve", `{"remote":"192.168.0.22","concentrator":true}`, 200, "approve 105 192.168.0.22 api 127.0.0.1 concentrator"},
		{"POST", "/devices/105/approve", `{}`, 409, ""},
		{"POST", "/devices/101/approve", `{}`, 200, "approve 101 192.168.0.7 api 127.0.0.1"}, // is connected there
		{"POST", "/devices/777/approve", `{}`, 200, "approve 777 invalid IP api 127.0.0.1"},
		{"POST", "/devices/104/approve", `{"remote":"here"}`, 422, ""},
		{"POST", "/devices/6/token", `{}`, 200, "add 006 api 127.0.0.1"},
		{"POST", "/devices/%20/token", `{}`, 400, ""},
		{"POST", "/devices/101/revoke", "", 204, "revoke 101 api 127.0.0.1"},
		{"POST", "/devices/101/free", "", 204, "free 101 api 127.0.0.1"},
		{"POST", "/devices/102/free", "", 409, "free 102 api 127.0.0.1"},
		{"POST", "/door", `{"for_ms":60000}`, 200, "open 1m0s api 127.0.0.1"},
		{"POST", "/door", `{"for_ms":0}`, 200, "open 0s api 127.0.0.1"},
		{"POST", "/door", `{"for_ms":-1}`, 422, ""},
		{"POST", "/door", `{"for_ms":604800001}`, 422, ""},
		{"POST", "/tokens", `{"can":["read"],"name":" garden "}`, 201, "token garden read api 127.0.0.1"},
		{"POST", "/tokens", `{"can":[]}`, 422, ""},
		{"POST", "/tokens", `{"can":["all"]}`, 422, ""},
		{"POST", "/tokens", `{"can":["read"],"devices":["[1"]}`, 422, ""},
		{"POST", "/tokens", `{"can":["read"],"devices":[""]}`, 422, ""},
		{"POST", "/tokens", `{"can":["admin"],"devices":["1*"]}`, 422, ""},
		{"POST", "/tokens", `{"can":["read"],"name":"a\u001b[2J"}`, 422, ""},
		{"DELETE", "/tokens/9f3c02aa51d0", "", 204, "revoke token 9f3c02aa51d0 api 127.0.0.1"},
		{"DELETE", "/tokens/nothing", "", 404, "revoke token nothing api 127.0.0.1"},
		{"POST", "/login-links", "", 201, "link api 127.0.0.1"},
	} {
		w.decided = nil
		a := send(t, s, c.method, prefix+c.path, c.body)
		if got := strings.Join(w.decided, "; "); a.status != c.status || got != c.want {
			t.Errorf("%s %s %s: %d, decided %q; want %d, %q: %s", c.method, c.path, c.body, a.status, got, c.status, c.want, a.body)
		}
	}
}

// TestDecisionsFail proves that what the log did not take is said to be so, and that a
// server without any of this says that it does not offer it.
func TestDecisionsFail(t *testing.T) {
	w := newWorld(t)
	s := w.serve(t)
	none := newWorld(t).serve(t, func(o *Options) { o.Admin = Admin{} })
	for _, c := range [][3]string{
		{"POST", "/devices/104/approve", `{}`}, {"POST", "/devices/104/token", `{}`}, {"POST", "/devices/101/revoke", ""}, {"POST", "/devices/101/free", ""},
		{"POST", "/door", `{"for_ms":1}`}, {"POST", "/tokens", `{"can":["read"]}`}, {"DELETE", "/tokens/9f3c02aa51d0", ""}, {"POST", "/login-links", ""},
	} {
		w.err = &vaiven.Error{Code: vaiven.CodeBusy, Retry: 1}
		if a := send(t, s, c[0], prefix+c[1], c[2]); a.status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d: %s", c[1], a.status, a.body)
		}
		w.err = errors.New("the disk is gone")
		if a := send(t, s, c[0], prefix+c[1], c[2]); a.status != http.StatusInternalServerError || strings.Contains(string(a.body), "vvn_") {
			t.Errorf("%s: %d: %s", c[1], a.status, a.body)
		}
	}
	for _, path := range []string{"/waiting", "/door", "/tokens"} {
		if a := send(t, none, "GET", prefix+path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if a := send(t, none, "POST", prefix+"/login-links", ""); a.status != http.StatusNotFound {
		t.Errorf("login-links: %d", a.status)
	}
}

// TestTokensStaySecret proves that no list tells a token, or a sum of one.
func TestTokensStaySecret(t *testing.T) {
	a := send(t, newWorld(t).serve(t), "GET", prefix+"/tokens", "")
	var list api.Tokens
	a.into(t, &list)
	if len(list.Tokens) != 2 || strings.Contains(string(a.body), "vvn_") || strings.Contains(strings.ToLower(string(a.body)), "sum") {
		t.Errorf("%s", a.body)
	}
	if list.Tokens[0].Text != "" || !slices.Equal(list.Tokens[0].Can, []string{"read", "set"}) {
		t.Errorf("%+v", list.Tokens[0])
	}
}

// TestTrustShown proves that each list of devices says how far each is believed.
func TestTrustShown(t *testing.T) {
	s := newWorld(t).serve(t)
	var list api.Devices
	send(t, s, "GET", prefix+"/devices", "").into(t, &list)
	var got []vaiven.Trust
	for _, d := range list.Devices {
		got = append(got, d.Trust)
	}
	if want := []vaiven.Trust{vaiven.TrustVerified, vaiven.TrustUnverified, vaiven.TrustUnapproved}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var one api.Device
	send(t, s, "GET", prefix+"/devices/101", "").into(t, &one)
	if one.Trust != vaiven.TrustVerified {
		t.Errorf("%q", one.Trust)
	}
}

func TestLoginURLs(t *testing.T) {
	got := LoginURLs([]string{"ws://192.168.0.2:8080/", "ws://127.0.0.1:8080/", "wss://pi.local:8443/", "%"}, "vvn_x")
	if want := []string{"http://127.0.0.1:8080/login#vvn_x", "https://pi.local:8443/login#vvn_x", "http://192.168.0.2:8080/login#vvn_x"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
