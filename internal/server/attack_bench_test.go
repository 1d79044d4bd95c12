package server

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// BenchmarkHonestBoard is how long a board waits for its acknowledgement, that sends a
// reading each 20 ms: alone, among 50 connections that send as fast as they can, as they
// are bounded by default and when the bytes of a connection are not, and while all places
// are taken by sockets that say nothing, each of which gives way to the next.
func BenchmarkHonestBoard(b *testing.B) {
	for _, c := range []struct {
		name   string
		floods int
		rate   int64
		slow   int
	}{{"alone", 0, 0, 0}, {"among 50 floods", 50, 0, 0}, {"among 50 floods, bytes unbounded", 50, -1, 0}, {"among slow sockets, ever new ones", 0, 0, 50}} {
		b.Run(c.name, func(b *testing.B) {
			o := options(b.TempDir())
			o.MaxConnections = 5000
			o.MaxRate, o.MaxDay, o.NoHistory = c.rate, -1, true
			s, err := Open(context.Background(), o)
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			ctx, end := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			url := "ws://" + s.Addresses().Local + "/ws"
			var all sync.WaitGroup
			flooding, stop := context.WithCancel(context.Background())
			for i := range c.floods {
				all.Go(func() { floodWith(flooding, url, 500+i) })
			}
			for range c.slow {
				all.Go(func() { slowly(flooding, s.Addresses().Local) })
			}
			waits := honest(b, url, b.N)
			stop()
			all.Wait()
			slices.Sort(waits)
			b.ReportMetric(waits[len(waits)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(waits[len(waits)*99/100].Seconds()*1e3, "p99-ms")
			b.ReportMetric(float64(s.gateway.Stats().Readings.Load())/b.Elapsed().Seconds(), "readings/s")
			b.ReportMetric(0, "ns/op")
			end()
			<-done
		})
	}
}

// honest sends n readings, and returns how long each waited.
func honest(b *testing.B, url string, n int) (waits []time.Duration) {
	ctx := context.Background()
	c, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.CloseNow() }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	b.ResetTimer()
	for seq := 1; seq <= n; seq++ {
		<-tick.C
		sent := time.Now()
		if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":%d,"TEMP":20}`, seq)); err != nil {
			b.Fatal(err)
		}
		for want := fmt.Sprintf(`"ACK":%d}`, seq); ; {
			_, m, err := c.Read(ctx)
			if err != nil {
				b.Fatal(err)
			}
			if strings.Contains(string(m), want) {
				break
			}
		}
		waits = append(waits, time.Since(sent))
	}
	b.StopTimer()
	return waits
}

// floodWith sends readings of a device in messages of 100 until ctx is done.
func floodWith(ctx context.Context, url string, id int) {
	c, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		return
	}
	defer func() { _ = c.CloseNow() }()
	c.CloseRead(ctx)
	one := fmt.Sprintf(`{"IDDEVICE":%d,"TEMP":20.5,"HUM":61}`, id)
	m := []byte("[" + strings.Repeat(one+",", 99) + one + "]")
	for c.Write(ctx, websocket.MessageText, m) == nil {
	}
}

// slowly opens sockets that begin a request and say no more, 200 at a time, until ctx is done.
func slowly(ctx context.Context, addr string) {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			_ = c.Close()
		}
	}()
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			continue
		}
		_, _ = c.Write([]byte("GET / HTTP/1.1\r\nX-Slow: "))
		if open = append(open, c); len(open) > 200 {
			_ = open[0].Close()
			open = open[1:]
		}
	}
}
