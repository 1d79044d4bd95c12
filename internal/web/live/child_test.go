package live

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"
)

// child is a process of followers: its job is "ADDRESS TRANSPORT FOLLOWERS
// STALLED". It prints "ready" when all were answered, follows until its stdin
// ends, and prints how many events came and how old they were, in ns.
func child(job string) int {
	var addr, transport string
	var n, stalled int
	if _, err := fmt.Sscan(job, &addr, &transport, &n, &stalled); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	tr, _ := transportNamed(transport)
	c := &crowd{addr: addr, transport: tr}
	for i := range n + stalled {
		if err := c.follow(i < stalled); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	for _, nc := range c.open {
		_ = nc.Close()
	}
	c.all.Wait()
	slices.Sort(c.ages)
	at := func(q float64) int64 {
		if len(c.ages) == 0 {
			return 0
		}
		return c.ages[int(q*float64(len(c.ages)-1))]
	}
	fmt.Println(len(c.ages), at(0.5), at(0.99))
	return 0
}

type crowd struct {
	addr      string
	transport Transport
	open      []net.Conn
	all       sync.WaitGroup
	mu        sync.Mutex
	ages      []int64
}

// follow starts one follower; a stalled one reads nothing but the beginning.
func (c *crowd) follow(stalled bool) error {
	nc, err := net.Dial("tcp", c.addr)
	if err != nil {
		return err
	}
	c.open = append(c.open, nc)
	if stalled {
		_ = nc.(*net.TCPConn).SetReadBuffer(64 << 10)
	}
	in := bufio.NewReaderSize(nc, 16<<10)
	if c.transport == Poll && !stalled {
		c.all.Go(func() { c.poll(nc, in) })
		return nil
	}
	upgrade := ""
	if c.transport == WebSocket {
		upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	}
	if _, err := fmt.Fprintf(nc, "GET %s%s HTTP/1.1\r\nHost: x\r\n%s\r\n", Prefix, c.transport, upgrade); err != nil {
		return err
	}
	if _, err := in.ReadSlice(':'); err != nil { // it is answered
		return err
	}
	if !stalled {
		c.all.Go(func() { c.read(in) })
	}
	return nil
}

// read takes the age of every event that passes; "at" is in all of them, and in
// nothing else.
func (c *crowd) read(in *bufio.Reader) {
	var ages []int64
	for {
		p, err := in.ReadSlice('}')
		if err != nil {
			break
		}
		ages = age(ages, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ages = append(c.ages, ages...)
}

func age(ages []int64, p []byte) []int64 {
	for {
		_, rest, ok := bytes.Cut(p, []byte(`"at":`))
		if !ok {
			return ages
		}
		digits, _, _ := bytes.Cut(rest, []byte(`}`))
		if at, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
			ages = append(ages, time.Now().UnixNano()-at)
		}
		p = rest
	}
}

// poll asks again and again over one connection.
func (c *crowd) poll(nc net.Conn, in *bufio.Reader) {
	var ages []int64
	next := ""
	for {
		if _, err := fmt.Fprintf(nc, "GET %spoll?after=%s HTTP/1.1\r\nHost: x\r\n\r\n", Prefix, next); err != nil {
			break
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			break
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			break
		}
		ages = age(ages, body)
		i := bytes.LastIndex(body, []byte(`"next":"`))
		next = string(bytes.TrimRight(body[i+len(`"next":"`):], "\"}\n"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ages = append(c.ages, ages...)
}
