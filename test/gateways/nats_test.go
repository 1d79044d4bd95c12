//go:build suites && linux

package gateways

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsServer runs the external server that the gateways share, as somebody who
// asks for durability would: every write is synced.
func natsServer(t *testing.T) (addr string) {
	t.Helper()
	ns, err := server.NewServer(&server.Options{
		ServerName: "shared", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(), SyncAlways: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(2 * time.Minute) {
		t.Fatal("NATS did not start")
	}
	return ns.Addr().String()
}

// wire is a way to somewhere that can be cut and joined again. A cut in between
// loses answers: the publish may have arrived or not. It may also be deaf: what
// is said to the other side arrives, and nothing comes back.
type wire struct {
	addr string // where to connect

	mu    sync.Mutex
	to    string
	cut   bool
	deaf  chan struct{} // closed when something comes back again; nil while it does
	conns map[net.Conn]bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		w.Cut()
		wg.Wait()
	})
	return w
}

func (w *wire) carry(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", w.where())
	if err != nil {
		return
	}
	defer up.Close()
	if !w.hold(c, up) {
		return
	}
	defer w.release(c, up)
	var wg sync.WaitGroup
	wg.Go(func() {
		_, _ = io.Copy(up, c) // ends when either side is cut
		_ = up.Close()
	})
	_, _ = io.Copy(ear{c, w}, up)
	_ = c.Close()
	wg.Wait()
}

// ear is the side that may be deaf.
type ear struct {
	net.Conn
	w *wire
}

func (e ear) Write(p []byte) (int, error) {
	e.w.mu.Lock()
	deaf := e.w.deaf
	e.w.mu.Unlock()
	if deaf != nil {
		<-deaf
	}
	return e.Conn.Write(p)
}

func (w *wire) where() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to
}

// Lead makes the next connections go somewhere else.
func (w *wire) Lead(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}

// Deafen holds back what comes, until a cut.
func (w *wire) Deafen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf == nil {
		w.deaf = make(chan struct{})
	}
}

func (w *wire) hold(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.conns[c] = true
	}
	return !w.cut
}

func (w *wire) release(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		delete(w.conns, c)
	}
}

// Cut drops what is connected and refuses what comes.
func (w *wire) Cut() { w.set(true) }

// Join lets connections through again.
func (w *wire) Join() { w.set(false) }

func (w *wire) set(cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
	if cut && w.deaf != nil {
		close(w.deaf)
		w.deaf = nil
	}
	for c := range w.conns {
		if cut {
			_ = c.Close()
		}
	}
}
