package vaiven_test

import (
	"errors"
	"strings"
	"testing"

	"vaiven"
)

const aToken = "vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

// TestProof: the example of PROTOCOL.md, which the board's program computes, too.
func TestProof(t *testing.T) {
	const nonce = "000102030405060708090a0b0c0d0e0f"
	hash := vaiven.HashToken(aToken)
	got := vaiven.Proof(hash, nonce, "101", "9f3c02aa")
	if want := "f650f0cece55951d4303620efea67685d712a9702c662eaa742fcba9893fc147"; got != want {
		t.Errorf("got %s", got)
	}
	for _, other := range []string{
		vaiven.Proof(hash, strings.Repeat("0", 32), "101", "9f3c02aa"),
		vaiven.Proof(hash, nonce, "102", "9f3c02aa"),
		vaiven.Proof(hash, nonce, "101", ""),
		vaiven.Proof(vaiven.HashToken(aToken+"x"), nonce, "101", "9f3c02aa"),
		got[:63], "",
	} {
		if vaiven.SameProof(got, other) {
			t.Errorf("%q passes for %q", other, got)
		}
	}
	if read, err := vaiven.ParseProof(strings.ToUpper(got)); err != nil || !vaiven.SameProof(read, got) {
		t.Errorf("%q: %v", read, err)
	}
}

func TestParseProofRefuses(t *testing.T) {
	for _, s := range []string{"", "0", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("g", 64), strings.Repeat("é", 32)} {
		var e *vaiven.Error
		if _, err := vaiven.ParseProof(s); !errors.As(err, &e) || e.Code != vaiven.CodeBadToken || e.Got != "" {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestValidToken(t *testing.T) {
	for s, want := range map[string]bool{
		aToken: true, "vvn_" + strings.Repeat("_", 42) + "8": true,
		"": false, "vvn_": false, aToken[4:]: false, aToken + "A": false, aToken[:46]: false, "VVN_" + aToken[4:]: false,
		aToken[:46] + "9": false, // bits behind the 32 bytes
		aToken[:46] + "=": false, aToken[:46] + "\n": false, aToken[:46] + "+": false, "\n" + aToken[:46]: false,
	} {
		if got := vaiven.ValidToken(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestValidNonce(t *testing.T) {
	for s, want := range map[string]bool{
		"000102030405060708090a0b0c0d0e0f": true, "": false, strings.Repeat("0", 31): false, strings.Repeat("0", 33): false,
		strings.Repeat("A", 32): false, strings.Repeat("g", 32): false,
	} {
		if got := vaiven.ValidNonce(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}
