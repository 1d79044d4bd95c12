package gateway

import (
	"context"
	"testing"

	"github.com/coder/websocket"

	"vaiven"
)

func TestShutdownSaysGoodbyeAfterTheAcks(t *testing.T) {
	r := start(t, Limit{})
	b := r.dial()
	b.send(reading, 1, 20)
	b.wantAck(1)
	r.m.set(func() { r.m.held = true })
	b.send(reading, 2, 20)
	b.send("hola")
	b.send("hola")
	r.until("queued", func() bool { r.m.mu.Lock(); defer r.m.mu.Unlock(); return len(r.m.queue) == 2 })
	for range 2 {
		b.want("ERROR")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r.g.Shutdown(ctx)
	}()
	r.until("draining", r.g.draining.Load)
	r.m.set(func() { r.m.held = false })
	r.m.commit()
	b.wantAck(2)
	if m := b.want("BYE"); m["RETRY"].(float64) < 1000 {
		t.Errorf("BYE %v", m)
	}
	b.wantClose(websocket.StatusGoingAway)
	<-done
	if got := events[*vaiven.Rejected](r.m); len(got) != 2 || got[1].Count != 1 {
		t.Errorf("rejected input counted to the end: %+v", got)
	}
}
