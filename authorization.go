package vaiven

import (
	"encoding/base64"
	"strings"
)

// ParseAuthorization returns the token in an Authorization header: a bearer's (RFC 6750,
// section 2.1), or the password of Basic (RFC 7617) with a board's id as the user. ok is
// false for anything else, such as the password of a proxy in front: only a password that
// is written as tokens are is one of ours.
func ParseAuthorization(header string) (user, token string, ok bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "bearer":
		return "", rest, true
	case "basic":
		b, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return "", "", false
		}
		user, token, _ = strings.Cut(string(b), ":")
		return user, token, ValidToken(token)
	}
	return "", "", false
}
