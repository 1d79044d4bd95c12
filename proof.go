package vaiven

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// TokenPrefix begins every token, so that one is recognised wherever it lies.
const TokenPrefix = "vvn_"

// ReasonNoProof marks a PROOF that cannot be one, whatever the token.
const ReasonNoProof = "no_proof"

const (
	tokenBytes  = 32
	nonceDigits = 32
	proofDigits = 64
)

// ValidToken reports whether s is written as tokens are: TokenPrefix and 32 bytes in
// base64url without padding, 47 characters in all.
func ValidToken(s string) bool {
	rest, found := strings.CutPrefix(s, TokenPrefix)
	if !found || len(rest) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return false
	}
	var raw [tokenBytes]byte
	_, err := base64.RawURLEncoding.Strict().Decode(raw[:], []byte(rest)) // it passes over line breaks
	return err == nil && !strings.ContainsAny(rest, "\r\n")
}

// HashToken is the SHA-256 of a token's text: all that the log keeps of it.
func HashToken(token string) TokenSum { return sha256.Sum256([]byte(token)) }

// ValidNonce reports whether s is 32 hexadecimal digits in lower case, as the server's
// nonces are.
func ValidNonce(s string) bool { return len(s) == nonceDigits && lowerHex(s) }

// Proof is what a board answers to a nonce, to show that it has its token without
// sending it: 64 hexadecimal digits in lower case. tokenHash is HashToken of the
// token; b is "" for a board that gives no BOOT. Compare proofs with SameProof.
func Proof(tokenHash TokenSum, nonce string, d Device, b Boot) string {
	mac := hmac.New(sha256.New, tokenHash[:])
	mac.Write([]byte("vaiven proof 1\n" + nonce + "\n" + string(d) + "\n" + string(b)))
	return hex.EncodeToString(mac.Sum(nil))
}

// ParseProof reads 64 hexadecimal digits, in either case. The error is an *Error with
// CodeBadToken, which does not quote them.
func ParseProof(s string) (string, error) {
	lower := strings.ToLower(s)
	if len(s) != proofDigits || !lowerHex(lower) {
		return "", &Error{Code: CodeBadToken, Reason: ReasonNoProof, Key: KeyProof, At: -1}
	}
	return lower, nil
}

// SameProof compares two proofs in a time that does not tell how much of them agrees.
func SameProof(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
