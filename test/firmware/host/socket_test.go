//go:build suites && linux

package host

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
)

// TestHandshake compares the request with the library's, line by line.
func TestHandshake(t *testing.T) {
	t.Parallel()
	l := listen(t)
	b := probe(t, l.Addr().String())
	b.Tell("serial ws")
	p := accept(t, l)
	want := []string{
		"GET / HTTP/1.1", "Host: 192.168.1.50:8080", "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "", "Sec-WebSocket-Protocol: arduino", "Origin: file://",
		"User-Agent: arduino-WebSocket-Client",
	}
	i := slices.IndexFunc(p.request, func(s string) bool { return strings.HasPrefix(s, "Sec-WebSocket-Key: ") })
	if i == 5 {
		want[5] = p.request[5]
	}
	if !slices.Equal(p.request, want) {
		t.Errorf("request\n%q\nwant\n%q", p.request, want)
	}
	prints(t, b, "CONNECTED", 1)

	// Extra headers take the place of Origin.
	b.Tell("serial bearer")
	prints(t, b, "bearer", 1)
	_ = p.conn.Close()
	p = accept(t, l)
	if slices.Contains(p.request, "Origin: file://") || !slices.Contains(p.request, "Authorization: Bearer 123") {
		t.Errorf("with setExtraHeaders: %q", p.request)
	}
	b.Quit()
}

// TestFrames has each of the library's ways to write a frame, and what it does
// with those that it gets.
func TestFrames(t *testing.T) {
	t.Parallel()
	l := listen(t)
	b := probe(t, l.Addr().String())
	b.Tell("serial ws")
	p := accept(t, l)
	prints(t, b, "CONNECTED", 1)
	b.Tell("serial send packed")
	if f := p.read(); f.first != 0x81 || f.payload != "packed" {
		t.Errorf("sendTXT: %+v", f)
	}
	b.Tell("serial room in front")
	if f := p.read(); f.first != 0x81 || f.payload != "in front" || f.mask != [4]byte{} {
		t.Errorf("sendTXT with headerToPayload: %+v", f)
	}
	p.send(0x89, "are you there")
	if f := p.read(); f.first != 0x8a || f.payload != "are you there" {
		t.Errorf("answer to a ping: %+v", f)
	}
	prints(t, b, "PING 13", 1)
	p.send(0x81, "")
	prints(t, b, "TEXT (null)", 1)
	p.send(0x88, "\x03\xe8done")
	if f := p.read(); f.first != 0x88 || f.payload != "\x03\xe8" {
		t.Errorf("answer to a close: %+v", f)
	}
	prints(t, b, "DISCONNECTED", 1)
	if e := b.Wait(patience, 1, "closed", nil)[0]; e.Code != 1000 || e.Reason != "done" {
		t.Errorf("closed: %+v", e)
	}
	b.Quit()
}

// TestReconnect has a server that is not there: DISCONNECTED comes with the next
// loop(), and the interval counts from it.
func TestReconnect(t *testing.T) {
	t.Parallel()
	b := probe(t, "127.0.0.1:1")
	b.Tell("serial reconnect 3000")
	b.Tell("serial ws")
	dials := b.Wait(patience, 4, "dial", nil)
	failed := b.Wait(patience, 3, "disconnected", nil)
	for i := range 3 {
		if !(dials[i].At <= failed[i].At && failed[i].At+3000 <= dials[i+1].At) {
			t.Errorf("dial %d at %d ms, DISCONNECTED at %d, dial again at %d", i, dials[i].At, failed[i].At, dials[i+1].At)
		}
	}
	b.Quit()
}

// TestDisconnectedSays has the texts that DISCONNECTED carries.
func TestDisconnectedSays(t *testing.T) {
	t.Parallel()
	t.Run("failed dial", func(t *testing.T) {
		t.Parallel()
		b := probe(t, "127.0.0.1:1")
		b.Tell("serial ws")
		prints(t, b, "DISCONNECTED TCP connection cleanup", 1)
		b.Quit()
	})
	const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	for _, c := range []struct {
		name, answer, says string
		ends               bool
	}{
		{"refused", "HTTP/1.1 401 Unauthorized\r\n\r\n", "WebSocket handshake failed - HTTP 401", false},
		{"refused in an upgrade's headers", "HTTP/1.1 403 Forbidden\r\n" + upgrade + "\r\n", "HTTP 403", false},
		{"wrong key", "HTTP/1.1 101 Switching Protocols\r\n" + upgrade + "Sec-WebSocket-Accept: x\r\n\r\n", "WebSocket handshake failed - HTTP 101", false},
		{"refused and closed", "HTTP/1.1 401 Unauthorized\r\n\r\n", "Connection lost", true},
		{"silence", "", "Header response timeout", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			b := probe(t, l.Addr().String())
			b.Tell("serial ws")
			p := request(t, l)
			if c.ends { // both are there when the board looks
				b.Tell("wifi down")
				b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })
			}
			p.write(c.answer)
			if c.ends {
				_ = p.conn.Close()
				b.Tell("wifi up")
			}
			said := prints(t, b, "DISCONNECTED", 1)[0].Text
			if said != "DISCONNECTED "+c.says {
				t.Errorf("%q, want %q", said, c.says)
			}
			b.Quit()
		})
	}
}

// TestBufferedTextIsLost: what has come and was not read is gone with the server's FIN.
func TestBufferedTextIsLost(t *testing.T) {
	t.Parallel()
	l := listen(t)
	b := probe(t, l.Addr().String())
	b.Tell("serial ws")
	p := accept(t, l)
	prints(t, b, "CONNECTED", 1)
	b.Tell("wifi down")
	b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })
	p.send(0x81, "the last word")
	_ = p.conn.Close()
	b.Tell("wifi up")
	prints(t, b, "DISCONNECTED Connection lost", 1)
	if n := len(b.Events("received")); n != 0 {
		t.Errorf("%d messages were read", n)
	}
	b.Quit()
}

// TestStalledWrite: a write that the stack does not take blocks for ten seconds, and the
// close frame of disconnect() for ten more.
func TestStalledWrite(t *testing.T) {
	t.Parallel()
	l := listen(t)
	b := probe(t, l.Addr().String())
	b.Tell("serial ws")
	accept(t, l)
	prints(t, b, "CONNECTED", 1)
	b.Tell("wifi down")
	lost := b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })[0]
	b.Tell("serial fill 6000") // more than the send buffer has room for
	sent := prints(t, b, "sent 0", 1)[0]
	b.Tell("serial end")
	ended := prints(t, b, "ended", 1)[0]
	if sent.At < lost.At+10_000 || ended.At < sent.At+10_000 {
		t.Errorf("lost at %d ms, the write ended at %d, disconnect() at %d", lost.At, sent.At, ended.At)
	}
	b.Quit()
}

// TestRollover has handshakes that begin less than five seconds before millis()
// rolls over: the library gives them up at once, and the first one behind works.
func TestRollover(t *testing.T) {
	t.Parallel()
	const start = 4294963000 // 4.3 s before, of which Wi-Fi takes 1.5
	l := listen(t)
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() { answer(conn) })
		}
	})
	b := probe(t, l.Addr().String(), fmt.Sprintf("BOARD_MILLIS=%d", start), "BOARD_SPEED=1")
	b.Tell("serial ws")
	connected := prints(t, b, "CONNECTED", 1)[0]
	dropped := prints(t, b, "DISCONNECTED", 1)[0]
	if connected.At <= 1<<32-start || dropped.At >= 1<<32-start {
		t.Errorf("given up at %d ms, connected at %d; millis() rolls over at %d", dropped.At, connected.At, 1<<32-start)
	}
	b.Quit()
	_ = l.Close()
	served.Wait()
}

// answer answers a handshake that may be given up already, and waits for the end.
func answer(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	in := bufio.NewReader(conn)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	_, _ = io.WriteString(conn, upgraded(req.Header.Get("Sec-WebSocket-Key")))
	_, _ = io.Copy(io.Discard, in)
}

// TestAccessPointGone: while the radio is off nothing arrives and nothing ends;
// what was written goes out when it is back. After two minutes the stack gives
// the connection up.
func TestAccessPointGone(t *testing.T) {
	t.Parallel()
	l := listen(t)
	b := probe(t, l.Addr().String())
	b.Tell("serial ws")
	p := accept(t, l)
	prints(t, b, "CONNECTED", 1)
	b.Tell("wifi down")
	b.Wait(patience, 1, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })
	b.Tell("serial send later")
	prints(t, b, "sent 1", 1)
	b.Tell("wifi up")
	if f := p.read(); f.payload != "later" {
		t.Errorf("after the outage: %+v", f)
	}
	if n := len(b.Events("disconnected")); n != 0 {
		t.Errorf("%d connections ended in a short outage", n)
	}

	b.Tell("wifi down")
	lost := b.Wait(patience, 2, "wifi", func(e boardtest.Event) bool { return e.State == "lost" })[1]
	gone := prints(t, b, "DISCONNECTED", 1)[0]
	if gone.At < lost.At+120_000 {
		t.Errorf("given up %d ms after the loss, want 120,000 or more", gone.At-lost.At)
	}
	b.Tell("wifi up")
	accept(t, l)
	b.Quit()
}

// TestHeartbeat shows the library's fault with a server that answers the first
// ping alone: the first connection is dropped after two missed pongs, the second
// after one, because it still counts those of the first.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	l := listen(t)
	b := probe(t, l.Addr().String())
	b.Tell("serial beat")
	b.Tell("serial ws")
	for i, want := range []int{3, 1} {
		p := accept(t, l)
		pings := 0
		for first, err := p.in.ReadByte(); err == nil; first, err = p.in.ReadByte() {
			if first != 0x89 {
				t.Fatalf("a frame that begins %x", first)
			}
			p.fill(make([]byte, 5)) // length 0, mask
			if pings++; i == 0 && pings == 1 {
				p.send(0x8a, "")
			}
		}
		if pings != want {
			t.Errorf("connection %d ended after %d pings, want %d", i+1, pings, want)
		}
	}
	b.Quit()
}
