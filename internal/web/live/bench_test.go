//go:build unix

package live

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"vaiven"
)

// stamped is about as long as a reading is, and says when it was made.
func stamped(b []byte, en vaiven.Entry) []byte {
	b = append(append(b, `{"id":"`...), en.ID.String()...)
	b = append(b, `","kind":"reading","synced":true,"device":"101","values":{"TEMP":24.5,"HUM":61},"boot":"9f3c02aa","seq":17,"at":`...)
	return append(strconv.AppendInt(b, en.Event.Time().At, 10), '}')
}

// live is a feed on a server of its own, and followers in another process.
type live struct {
	*Feed
	book *book
	addr string
}

func measured(b *testing.B, o Options) *live {
	b.Helper()
	l := &live{book: &book{}}
	o.History, o.Encode = l.book, stamped
	f, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: f.Handler(), ReadHeaderTimeout: patience}
	srv.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		_ = c.(*net.TCPConn).SetWriteBuffer(64 << 10) // so that who does not read is stuck soon
		return ctx
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	b.Cleanup(func() {
		_ = f.Close()
		_ = srv.Close()
		<-done
	})
	l.Feed, l.addr = f, ln.Addr().String()
	return l
}

// followed starts followers; result ends them, and returns what they say.
func (l *live) followed(b *testing.B, tr Transport, n, stalled int) (result func() (events, p50, p99 int64)) {
	b.Helper()
	_, before := l.followers()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %d %d", childKey, l.addr, tr, n, stalled))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	outPipe, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	out := bufio.NewReader(outPipe)
	if line, err := out.ReadString('\n'); err != nil || line != "ready\n" {
		b.Fatal(line, err)
	}
	until(b, "all follow", func() bool { _, in := l.followers(); return in == before+n+stalled })
	return func() (events, p50, p99 int64) {
		defer cancel()
		_ = in.Close()
		if _, err := fmt.Fscan(out, &events, &p50, &p99); err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			b.Fatal(err)
		}
		return events, p50, p99
	}
}

// pour appends n readings, so many a second; what stands in the log is not kept.
func (l *live) pour(n, rate int) {
	begun := time.Now()
	for i := 0; i < n; {
		for due := min(n, int(time.Since(begun).Seconds()*float64(rate))+1); i < due; i++ {
			l.book.mu.Lock()
			l.book.records = append(l.book.records, nil)
			pos := uint64(len(l.book.records))
			l.book.mu.Unlock()
			ev := &vaiven.Reading{Stamp: vaiven.Stamp{At: time.Now().UnixNano()}, Device: "101"}
			_ = l.Apply(pos, []vaiven.Entry{{ID: vaiven.ID{Record: pos}, Event: ev}})
		}
		time.Sleep(time.Second / time.Duration(rate))
	}
}

func cpu() time.Duration {
	var ru syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &ru) // fails for no process
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkFollow is what the server spends on one event for one follower, at a
// steady rate; an operation is one event for all of them.
func BenchmarkFollow(b *testing.B) {
	for tr := range transports {
		for _, c := range []struct{ followers, rate int }{{1, 100}, {10, 1000}, {100, 100}, {100, 1000}} {
			b.Run(fmt.Sprintf("%s/followers=%d/rate=%d", tr, c.followers, c.rate), func(b *testing.B) {
				l := measured(b, Options{})
				result := l.followed(b, tr, c.followers, 0)
				before, begun := cpu(), time.Now()
				l.pour(b.N, c.rate)
				if tr != Poll {
					until(b, "all sent", func() bool { return l.Stats().Sent[tr.String()] == uint64(b.N*c.followers) })
				}
				used, took := cpu()-before, time.Since(begun)
				events, p50, p99 := result()
				b.ReportMetric(float64(used.Nanoseconds())/float64(max(events, 1)), "cpu-ns/event/follower")
				b.ReportMetric(100*used.Seconds()/took.Seconds(), "cpu-%")
				b.ReportMetric(float64(p50)/1e6, "p50-ms")
				b.ReportMetric(float64(p99)/1e6, "p99-ms")
			})
		}
	}
}

// BenchmarkApply is the pump's share, whoever follows.
func BenchmarkApply(b *testing.B) {
	for _, size := range []int{1, 256} {
		b.Run(fmt.Sprint(size, " a record"), func(b *testing.B) {
			r := world(b, Options{Encode: stamped})
			entries := make([]vaiven.Entry, size)
			b.ReportAllocs()
			for n := uint64(1); b.Loop(); n++ {
				for i := range entries {
					entries[i] = vaiven.Entry{ID: vaiven.ID{Record: n, Index: uint32(i)}, Event: &vaiven.Reading{Device: "101"}}
				}
				_ = r.Apply(n, entries)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
		})
	}
}

// BenchmarkMemory is what a follower holds: idle, and stalled behind a full
// socket. The sockets' own buffers are the kernel's, and are not in it.
func BenchmarkMemory(b *testing.B) {
	const followers = 400
	for _, tr := range []Transport{WebSocket, SSE, Poll, NDJSON} {
		for _, stalled := range []bool{false, true} {
			if stalled && tr == Poll {
				continue
			}
			b.Run(fmt.Sprintf("%s/stalled=%t", tr, stalled), func(b *testing.B) {
				for b.Loop() {
					l := measured(b, Options{WriteTimeout: time.Minute})
					l.pour(20000, 1<<20) // fills the ring
					before := held()
					n, idle := followers, 0
					if stalled {
						n, idle = 0, followers
					}
					result := l.followed(b, tr, n, idle)
					if stalled {
						l.pour(20000, 5000)
						sent := uint64(0)
						until(b, "all stuck", func() bool {
							time.Sleep(100 * time.Millisecond)
							was := sent
							sent = l.Stats().Sent[tr.String()]
							return was == sent
						})
					}
					b.ReportMetric(float64(held()-before)/followers/1024, "KiB/follower")
					_ = l.Close()
					result()
				}
			})
		}
	}
}

// held is the memory in use, stacks included.
func held() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// BenchmarkStalled compares how late events are for followers alone, and beside
// stalled ones; in turns, so that both see the same machine.
func BenchmarkStalled(b *testing.B) {
	const followers, stalled, rate, rounds = 20, 20, 1000, 5
	for _, tr := range []Transport{WebSocket, SSE, NDJSON} {
		b.Run(tr.String(), func(b *testing.B) {
			for b.Loop() {
				var alone, beside []float64
				var spent [2]time.Duration
				for range rounds {
					late, used := p99(b, tr, followers, 0, rate)
					alone, spent[0] = append(alone, late), spent[0]+used
					late, used = p99(b, tr, followers, stalled, rate)
					beside, spent[1] = append(beside, late), spent[1]+used
				}
				b.ReportMetric(median(alone), "p99-ms-alone")
				b.ReportMetric(median(beside), "p99-ms-beside")
				b.ReportMetric(median(beside)/median(alone), "ratio")
				b.ReportMetric(spent[1].Seconds()/spent[0].Seconds(), "cpu-ratio")
			}
		})
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// p99 is how late events are for n followers, in ms, once the stalled ones are
// stuck, and what the server spent.
func p99(b *testing.B, tr Transport, n, stalled, rate int) (late float64, used time.Duration) {
	l := measured(b, Options{WriteTimeout: time.Minute})
	if stalled > 0 {
		stuck := l.followed(b, tr, 0, stalled)
		defer stuck()
	}
	l.pour(5000, 5000)
	result := l.followed(b, tr, n, 0)
	before := cpu()
	l.pour(4*rate, rate)
	used = cpu() - before
	_, _, p99 := result()
	return float64(p99) / 1e6, used
}
