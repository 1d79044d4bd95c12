package vaiven

import (
	"encoding/base64"
	"testing"
)

func TestParseAuthorization(t *testing.T) {
	token, _ := NewToken()
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for header, want := range map[string]struct {
		user, token string
		ok          bool
	}{
		"Bearer " + token:       {"", token, true},
		"bearer  a-word ":       {"", "a-word", true},
		"Bearer":                {"", "", true},
		basic("101:" + token):   {"101", token, true},
		basic("ana:her secret"): {"ana", "her secret", false}, // a proxy's
		"Basic ***":             {},
		"Digest x":              {},
		"":                      {},
	} {
		if user, token, ok := ParseAuthorization(header); ok != want.ok || ok && (user != want.user || token != want.token) {
			t.Errorf("%q: %q %q %v", header, user, token, ok)
		}
	}
}
