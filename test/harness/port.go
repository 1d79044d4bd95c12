//go:build linux

package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Port finds a free port below those that the system gives to outgoing
// connections: a board that dials while its server is down could otherwise be
// given the server's own port, and connect to itself. No other test process is
// given it while this one lives.
func Port(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 20000 + rand.IntN(12000)
		if !reserve(t, port) {
			continue
		}
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no free port between 20000 and 32000")
	return 0
}

// reserve takes a port's lock, which the end of the process gives back.
func reserve(t testing.TB, port int) bool {
	t.Helper()
	dir := filepath.Join(Root(), ".work", "ports")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := syscall.Open(filepath.Join(dir, fmt.Sprint(port)), syscall.O_CREAT|syscall.O_RDWR|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		_ = syscall.Close(fd)
		return false
	}
	return true // fd stays open
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
