//go:build linux

package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// Port finds a free port below those that the system gives to outgoing
// connections: a board that dials while its server is down could otherwise be
// given the server's own port, and connect to itself.
func Port(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return 0
}

// Until polls cond every few milliseconds, and fails the test after d. It
// returns as soon as cond holds: d says when something hangs.
func Until(t testing.TB, d time.Duration, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(d); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for: %s", d, what)
		}
	}
}
