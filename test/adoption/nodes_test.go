//go:build suites && linux

package adoption

import (
	"testing"
	"time"

	nats "github.com/nats-io/nats-server/v2/server"

	"vaiven"
	"vaiven/internal/server"
)

// TestEveryNodeAgrees: a board waits at one node and is approved at another; it proves
// its token at either, nobody else does at any, and is sent away by both.
func TestEveryNodeAgrees(t *testing.T) {
	ns, err := nats.NewServer(&nats.Options{
		ServerName: "shared", Host: "127.0.0.1", Port: nats.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(patience) {
		t.Fatal("NATS did not start")
	}
	shared := func(o *server.Options) { o.NATS, o.TrimGrace = "nats://"+ns.Addr().String(), time.Minute }
	a, b := newWorld(t, false, shared), newWorld(t, false, shared)

	board := a.dial(kitchen, nil)
	board.send(hello)
	board.refused(vaiven.CodeNotApproved)
	b.approve(kitchen)
	token := board.want("TOKEN")["TOKEN"].(string)
	board.verify(token)
	board.want("WELCOME")
	board.send(reading, 1, 20)
	board.want("ACK")
	b.until("the other node knows", func() bool { return b.device().MaySpeak().Verified })
	x := b.dial(stranger, nil)
	x.send(reading, 2, 99)
	x.refused(vaiven.CodeNotAuthorised)
	_ = board.c.CloseNow()
	board = b.dial(kitchen, nil)
	board.verify(token)
	board.want("WELCOME")
	board.send(reading, 2, 20)
	for board.want("ACK")["ACK"] != 2.0 {
	}
	if _, err := a.Access().RevokeDevice(a.context(), "101", "test"); err != nil {
		t.Fatal(err)
	}
	board.closed(4401)
}
