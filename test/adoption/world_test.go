//go:build suites && linux

package adoption

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"

	"vaiven"
	"vaiven/internal/server"
)

// patience bounds every wait; it is no measure of speed.
const patience = 2 * time.Minute

// Who is where: each is another address of this computer.
const (
	kitchen  = "127.0.0.11"
	stranger = "127.0.0.66"
)

// world is a server and its data folder.
type world struct {
	*server.Server
	t      *testing.T
	o      server.Options
	cancel context.CancelFunc
	done   chan error
}

func newWorld(t *testing.T, class bool, edit ...func(*server.Options)) *world {
	t.Helper()
	w := &world{t: t, o: server.Options{
		Listen: []string{"127.0.0.1:0"}, Data: filepath.Join(t.TempDir(), "data"), Lang: vaiven.English, Class: class,
	}}
	for _, f := range edit {
		f(&w.o)
	}
	w.begin()
	t.Cleanup(w.end)
	return w
}

func (w *world) begin() {
	w.t.Helper()
	s, err := server.Open(w.context(), w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.Server, w.cancel, w.done = s, cancel, make(chan error, 1)
	go func() { w.done <- s.Run(ctx) }()
}

// end ends the server in order.
func (w *world) end() {
	if w.cancel == nil {
		return
	}
	w.cancel()
	w.cancel = nil
	if err := <-w.done; err != nil {
		w.t.Error(err)
	}
	w.Close()
}

func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	return ctx
}

// until waits for cond.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%s: did not come", what)
		}
	}
}

// approve lets 101 in that waits at an address.
func (w *world) approve(address string) {
	w.t.Helper()
	if err := w.Access().Approve(w.context(), "101", netip.MustParseAddr(address), false, "test"); err != nil {
		w.t.Fatal(err)
	}
}

// add makes a token for 101's board.
func (w *world) add() string {
	w.t.Helper()
	token, err := w.Access().AddDevice(w.context(), "101", false, "test")
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// device is what the log has of 101.
func (w *world) device() *vaiven.DeviceInfo {
	for _, d := range w.Devices() {
		if d.ID == "101" {
			return &d
		}
	}
	return &vaiven.DeviceInfo{}
}

// led is what 101's LED ought to be.
func (w *world) led() (wanted float64, ok bool) {
	s, _ := w.State("101")
	return vaiven.Find(s.Desired().States, "LED")
}

// ask wants 101's LED to be on.
func (w *world) ask() {
	w.t.Helper()
	err := w.Ask(w.context(), vaiven.ChangeRequest{Device: "101", States: []vaiven.Value{{Name: "LED", Num: 1}}, By: "test"})
	if err != nil {
		w.t.Fatal(err)
	}
}

// socket is a WebSocket of somebody at an address.
type socket struct {
	t *testing.T
	c *websocket.Conn
}

func (w *world) dial(address string, header http.Header) *socket {
	w.t.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}
	c, _, err := websocket.Dial(w.context(), "ws://"+w.Addresses().Local, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport}, HTTPHeader: header,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = c.CloseNow() })
	return &socket{w.t, c}
}

func (s *socket) send(format string, args ...any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		s.t.Fatal(err)
	}
}

// want waits for a message that has the key; others are passed over.
func (s *socket) want(key string) map[string]any {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		_, p, err := s.c.Read(ctx)
		if err != nil {
			s.t.Fatalf("%s did not come: %v", key, err)
		}
		var m map[string]any
		if err := json.Unmarshal(p, &m); err != nil {
			s.t.Fatal(err)
		}
		if _, ok := m[key]; ok {
			return m
		}
	}
}

// until reads, and so answers pings, until an acknowledgement of n comes; the channel
// tells whether it did.
func (s *socket) until(n int) <-chan bool {
	came := make(chan bool, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		for {
			_, p, err := s.c.Read(ctx)
			if err != nil || bytes.HasSuffix(p, fmt.Appendf(nil, `"ACK":%d}`, n)) {
				came <- err == nil
				return
			}
		}
	}()
	return came
}

func (s *socket) refused(code vaiven.Code) {
	s.t.Helper()
	if m := s.want("CODE"); m["CODE"] != string(code) {
		s.t.Errorf("told %v, want %s", m, code)
	}
}

func (s *socket) closed(code websocket.StatusCode) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		if _, _, err := s.c.Read(ctx); err != nil {
			if got := websocket.CloseStatus(err); got != code {
				s.t.Errorf("closed with %v, want %d", err, code)
			}
			return
		}
	}
}

const (
	hello   = `{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa"}`
	reading = `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"AGE":0,"TEMP":%d}`
)

// prove answers a nonce.
func (s *socket) prove(token, nonce string) {
	s.t.Helper()
	s.send(`{"HELLO":1,"IDDEVICE":101,"BOOT":"9f3c02aa","PROOF":"%s"}`,
		vaiven.Proof(vaiven.HashToken(token), nonce, "101", "9f3c02aa"))
}

// verify proves a token from the beginning.
func (s *socket) verify(token string) {
	s.t.Helper()
	s.send(hello)
	s.prove(token, s.want("NONCE")["NONCE"].(string))
}
