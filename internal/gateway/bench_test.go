package gateway

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"vaiven"
	"vaiven/internal/limit"
)

// pipe is a log that commits what has come since it last did, as group commit
// does, and remembers nothing.
type pipe struct{ queue chan vaiven.Ticket }

func (p *pipe) Append(_ context.Context, events []vaiven.Event, owner any) error {
	p.queue <- vaiven.Ticket{Events: events, Owner: owner}
	return nil
}

func (p *pipe) run(committed func([]vaiven.Ticket)) {
	var batch []vaiven.Ticket
	for t := range p.queue {
		batch = append(batch[:0], t)
		for len(p.queue) > 0 {
			batch = append(batch, <-p.queue)
		}
		committed(batch)
	}
}

func (*pipe) Settled(vaiven.Device, vaiven.Boot) (s vaiven.Settled)           { return s }
func (*pipe) Missing(vaiven.Device, vaiven.Boot, uint64) (first, last uint64) { return 0, 0 }
func (*pipe) Repeat(vaiven.Device, vaiven.Boot, uint64, []vaiven.Value) (same, known bool) {
	return false, false
}
func (*pipe) Session(vaiven.Device) (vaiven.Session, bool) { return vaiven.Session{}, false }

// BenchmarkReading is what a reading costs from its frame to its acknowledgement:
// decoded, admitted, committed, answered. The log costs nothing here.
func BenchmarkReading(b *testing.B) {
	p := &pipe{queue: make(chan vaiven.Ticket, 4096)}
	g := New(Options{Log: p, Settled: p, Sessions: p, Rules: vaiven.DefaultRules(), Bounds: Bounds{Day: -1, Connection: limit.Rate{PerSecond: -1}},
		Stamp: func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli()} }})
	srv := httptest.NewServer(g)
	defer srv.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Run(ctx) }()
	go p.run(g.Committed)
	nc, _, _, err := ws.Dial(ctx, "ws"+strings.TrimPrefix(srv.URL, "http"))
	if err != nil {
		b.Fatal(err)
	}
	sent := frames(b.N)
	b.ReportAllocs()
	b.ResetTimer()
	go func() { _, _ = nc.Write(sent) }()
	awaitAck(b, nc, b.N)
	b.StopTimer()
	_ = nc.Close()
	stop, cancelStop := context.WithTimeout(ctx, patience)
	defer cancelStop()
	g.Shutdown(stop)
	cancel()
	<-done
	close(p.queue)
}

func frames(n int) []byte {
	var all []byte
	for seq := 1; seq <= n; seq++ {
		f := ws.MaskFrameInPlace(ws.NewTextFrame(fmt.Appendf(nil, reading, seq, seq%50)))
		all = append(all, ws.MustCompileFrame(f)...)
	}
	return all
}

// awaitAck reads until the acknowledgement of n has come.
func awaitAck(b *testing.B, nc net.Conn, n int) {
	want, tail := fmt.Sprintf(`"ACK":%d}`, n), ""
	buf := make([]byte, 64<<10)
	for !strings.Contains(tail, want) {
		got, err := nc.Read(buf)
		if err != nil && err != io.EOF {
			b.Fatal(err)
		}
		tail += string(buf[:got])
		tail = tail[max(0, len(tail)-len(want)-int(math.Log10(float64(n)))-64):]
	}
}

// BenchmarkRejected is what an element of a flood costs that is refused.
func BenchmarkRejected(b *testing.B) {
	p := &pipe{queue: make(chan vaiven.Ticket, 4096)}
	go p.run(func([]vaiven.Ticket) {})
	defer close(p.queue)
	g := New(Options{Log: p, Settled: p, Sessions: p, Stamp: func() vaiven.Stamp { return vaiven.Stamp{} }})
	c := &conn{g: g, protocolState: &protocolState{}, peer: &presence{}}
	b.ReportAllocs()
	for b.Loop() {
		c.errors.forGood = perSecond{second: time.Now().Unix(), used: errorsPerSecond}
		c.reject(nil, &vaiven.Error{Code: vaiven.CodeMissingDevice, At: -1})
	}
}

// BenchmarkChange is what a change of desired state costs from the log to the
// board and back: delivered, written, recorded as sent, reported, confirmed. The
// log and the view cost next to nothing here; the board is a loop on the socket.
func BenchmarkChange(b *testing.B) {
	p := &pipe{queue: make(chan vaiven.Ticket, 4096)}
	tw := &twins{want: make(map[vaiven.Device]*vaiven.Desired)}
	g := New(Options{Log: p, Settled: p, Sessions: p, Rules: vaiven.DefaultRules(), Twins: tw,
		Stamp: func() vaiven.Stamp { return vaiven.Stamp{At: time.Now().UnixMilli()} }})
	ends := make(chan struct{}, 1)
	tw.watch = func(d vaiven.Device) {
		if w, _ := tw.Desired(d); len(w.Open) == 0 {
			ends <- struct{}{}
		}
		g.Deliver(d)
	}
	srv := httptest.NewServer(g)
	defer srv.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = g.Run(ctx) }()
	go p.run(func(tickets []vaiven.Ticket) {
		g.Committed(tickets)
		for _, t := range tickets {
			tw.apply(t.Events)
		}
	})
	nc, _, _, err := ws.Dial(ctx, "ws"+strings.TrimPrefix(srv.URL, "http"))
	if err != nil {
		b.Fatal(err)
	}
	go obey(nc)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		c := &vaiven.Change{Device: "101", Key: vaiven.Key(fmt.Sprintf("%016x", n)), States: led(float64(n % 2))}
		_ = p.Append(ctx, []vaiven.Event{c}, nil)
		<-ends
	}
	_ = nc.Close()
	stop, cancelStop := context.WithTimeout(ctx, patience)
	defer cancelStop()
	g.Shutdown(stop)
	cancel()
	<-done
	close(p.queue)
}

// obey is a board that says HELLO, and from then on reports what it is told.
func obey(nc net.Conn) {
	send := func(m string) error { return wsutil.WriteClientText(nc, []byte(m)) }
	err := send(hello)
	for err == nil {
		var m []byte
		if m, err = wsutil.ReadServerText(nc); err != nil || !strings.Contains(string(m), `"REV"`) {
			continue
		}
		if at := strings.Index(string(m), `"IDDEVICE"`); at >= 0 {
			err = send("{" + string(m[at:]))
		}
	}
}

// BenchmarkSchedule is what a turn costs among 100,000 boards that measure every
// second: each is looked at every 3 s.
func BenchmarkSchedule(b *testing.B) {
	s := &schedule{earlier: make(chan struct{}, 1)}
	devices := make([]device, 100_000)
	every := 3 * time.Second / time.Duration(len(devices))
	for i := range devices {
		s.wake(&devices[i], time.Duration(i)*every)
	}
	b.ReportAllocs()
	b.ResetTimer()
	now, turns := time.Duration(0), 0
	for turns < b.N {
		now += roundGap
		for _, x := range s.takeDue(now) {
			s.wake(x, now+3*time.Second)
			turns++
		}
	}
}
