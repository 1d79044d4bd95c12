package transports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"time"
)

// tries is how often a server is started on another port, when it ends at once:
// another program may have taken the one that was free.
const tries = 3

// startServer starts what command makes, and returns when it is ready.
func startServer(ctx context.Context, command func(addr string) (*exec.Cmd, error), ready func(addr string) bool) (c *child, addr string, err error) {
	for range tries {
		if addr, err = freeAddr(); err != nil {
			return nil, "", err
		}
		cmd, err := command(addr)
		if err != nil {
			return nil, "", err
		}
		if c, err = startChild(cmd); err != nil {
			return nil, "", err
		}
		err = c.until(ctx, func() bool { return ready(addr) })
		if err == nil {
			return c, addr, nil
		}
		c.end()
		if !errors.Is(err, errEnded) {
			return nil, "", fmt.Errorf("%s: %w", cmd.Path, err)
		}
	}
	return nil, "", fmt.Errorf("server: %w%s", errEnded, c.said)
}

// freeAddr finds a port of this machine's that nobody listens on.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// lookTime bounds one look at whether a server is ready.
const lookTime = 2 * time.Second

// readyHTTP asks a vaiven.
func readyHTTP(addr string) bool {
	c := http.Client{Timeout: lookTime, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := c.Get("http://" + addr + "/readyz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// readyTCP is for a server that is ready when it listens.
func readyTCP(addr string) bool {
	c, err := net.DialTimeout("tcp", addr, lookTime)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
