package gateway

import (
	"net/http"
	"strings"
	"testing"
)

func TestLimitsSayWhy(t *testing.T) {
	r := start(t, Limit{}, func(o *Options) { o.MaxDevices, o.MaxConnections = 2, 1 })
	b := r.dial()
	b.send(`[{"IDDEVICE":1,"TEMP":1},{"IDDEVICE":2,"TEMP":1},{"IDDEVICE":3,"TEMP":1}]`)
	if m := b.want("CODE"); m["CODE"] != "too_many_devices" {
		t.Errorf("third device: %v", m)
	}
	resp, err := http.Get("http" + strings.TrimPrefix(r.url, "ws"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("second connection: %s", resp.Status)
	}
	if got := r.g.Stats().RefusedConnections.Load(); got != 1 {
		t.Errorf("%d refusals counted", got)
	}
}

func TestTerminalThatStandsStillStopsNoBoard(t *testing.T) {
	moves := make(chan struct{})
	r := start(t, Limit{}, func(o *Options) { o.Notice = func(Notice) { <-moves } })
	t.Cleanup(func() { close(moves) })
	for i := range noticeQueue + 10 {
		b := r.dial()
		b.send(`{IDDEVICE:%d,BOOT:"9f3c02aa",SEQ:1,TEMP:20}`, i) // brings a hint
		b.wantAck(1)
		_ = b.c.CloseNow()
	}
}
