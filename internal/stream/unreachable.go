package stream

import (
	"net/url"
	"strings"
)

// UnreachableError says that no NATS server could be connected to at the start.
type UnreachableError struct {
	Servers string // addresses, without passwords
	Refused bool   // one was there, and did not accept who we are
	Err     error
}

func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap returns what the connection said.
func (e *UnreachableError) Unwrap() error { return e.Err }

// redact takes the passwords out of a list of addresses.
func redact(servers string) string {
	list := strings.Split(servers, ",")
	for i, s := range list {
		if u, err := url.Parse(strings.TrimSpace(s)); err == nil {
			list[i] = u.Redacted()
		} else {
			list[i] = "?"
		}
	}
	return strings.Join(list, ", ")
}
