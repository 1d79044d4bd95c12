package ws_test

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
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vaiven/internal/ws"
)

// child is a server in a process of its own: it answers every message with 11
// bytes, and every line on stdin with what it has used so far. It ends with
// its stdin.
func child() int {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	o := ws.Options{BufferedRead: os.Getenv(childKey) == "buffered"}
	answer := []byte(`{"ACK":123}`)
	srv := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := ws.Accept(w, r, &o)
		if err != nil {
			return
		}
		h := messageFunc(func(op ws.Op, _ []byte) { _ = c.Write(op, answer) })
		c.Start(h, func(error) {}) // the parent ends them
	})}
	go func() { _ = srv.Serve(ln) }()
	fmt.Println(ln.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if in.Text() == "gc" {
			runtime.GC()
			debug.FreeOSMemory()
		}
		fmt.Println(used())
	}
	return 0
}

// used is this process's CPU time in ns, its resident bytes, and of those the
// stacks of goroutines and the heap.
func used() (string, error) {
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &ru); err != nil {
		return "", err
	}
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return "", err
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return "", err
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprint(ru.Utime.Nano()+ru.Stime.Nano(), pages*int64(os.Getpagesize()), m.StackInuse, m.HeapInuse), nil
}

// usage is what a child says of itself.
type usage struct{ cpu, rss, stack, heap int64 }

// outside is a child process as its parent has it.
type outside struct {
	b    *testing.B
	in   io.WriteCloser
	out  *bufio.Reader
	addr string
}

func spawn(b *testing.B, kind string) *outside {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childKey+"="+kind)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	o := &outside{b: b, in: in, out: bufio.NewReader(out)}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		cancel()
	})
	o.addr = o.line()
	return o
}

func (o *outside) line() string {
	o.b.Helper()
	s, err := o.out.ReadString('\n')
	if err != nil {
		o.b.Fatal(err)
	}
	return strings.TrimSpace(s)
}

// usage asks the child; after "gc" its garbage does not count.
func (o *outside) usage(ask string) (u usage) {
	o.b.Helper()
	if _, err := fmt.Fprintln(o.in, ask); err != nil {
		o.b.Fatal(err)
	}
	var rest string
	if n, err := fmt.Sscan(o.line(), &u.cpu, &u.rss, &u.stack, &u.heap, &rest); n < 4 {
		o.b.Fatal(err)
	}
	return u
}

// dial opens n WebSockets to the child, several at a time.
func (o *outside) dial(n int) []net.Conn {
	o.b.Helper()
	conns := make([]net.Conn, n)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := w; i < n; i += 8 {
				conns[i] = o.open()
			}
		})
	}
	wg.Wait()
	o.b.Cleanup(func() {
		for _, c := range conns {
			if c != nil {
				_ = c.Close()
			}
		}
	})
	if o.b.Failed() {
		o.b.FailNow()
	}
	return conns
}

func (o *outside) open() net.Conn {
	nc, err := net.DialTimeout("tcp", o.addr, patience)
	if err != nil {
		o.b.Error(err)
		return nil
	}
	_ = nc.SetDeadline(time.Now().Add(patience))
	if _, err := nc.Write([]byte(hello)); err != nil {
		o.b.Error(err)
	}
	res, err := http.ReadResponse(bufio.NewReaderSize(nc, 512), nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		o.b.Error("handshake", err)
	}
	_ = nc.SetDeadline(time.Time{})
	return nc
}

// BenchmarkIdle reports what an idle connection costs the server in resident
// memory: B/conn as the process stands, B/conn-gc once its garbage is gone.
// One operation is one connection: run it with -benchtime 10000x.
func BenchmarkIdle(b *testing.B) {
	for _, kind := range []string{"parking", "buffered"} {
		for _, talk := range []string{"silent", "talked"} {
			b.Run(kind+"/"+talk, func(b *testing.B) {
				o := spawn(b, kind)
				for _, c := range o.dial(200) { // pages in what every connection shares
					exchange(b, c, masked(fin|opText, sample), make([]byte, answerSize))
				}
				before := o.usage("gc")
				conns := o.dial(b.N)
				if talk == "talked" {
					for _, c := range conns {
						exchange(b, c, masked(fin|opText, sample), make([]byte, answerSize))
					}
				}
				raw, clean := o.usage("now"), o.usage("gc")
				n := float64(b.N)
				b.ReportMetric(float64(raw.rss-before.rss)/n, "B/conn")
				b.ReportMetric(float64(clean.rss-before.rss)/n, "B/conn-gc")
				b.ReportMetric(float64(clean.stack-before.stack)/n, "stackB/conn")
				b.ReportMetric(float64(clean.heap-before.heap)/n, "heapB/conn")
				b.ReportMetric(float64(raw.cpu-before.cpu)/n/1000, "us/handshake")
			})
		}
	}
}

// sample is a reading of the course's form, 45 bytes; the answer's frame has
// 13.
const (
	sample     = `{"IDDEVICE":101,"TEMP":24.5,"HUM":61,"A":12}`
	answerSize = 2 + 11
)

func exchange(b *testing.B, c net.Conn, msg, answer []byte) bool {
	if _, err := c.Write(msg); err != nil {
		b.Error(err)
		return false
	}
	if _, err := io.ReadFull(c, answer); err != nil {
		b.Error(err)
		return false
	}
	return true
}

// BenchmarkMessage reports the server's CPU time per message, with one message
// in flight on each of 2,000 connections.
func BenchmarkMessage(b *testing.B) {
	for _, kind := range []string{"parking", "buffered"} {
		b.Run(kind, func(b *testing.B) {
			o := spawn(b, kind)
			conns := o.dial(2000)
			before := o.usage("gc")
			var wg sync.WaitGroup
			each := b.N/len(conns) + 1
			b.ResetTimer()
			for _, c := range conns {
				wg.Go(func() {
					msg, answer := masked(fin|opText, sample), make([]byte, answerSize)
					for range each {
						if !exchange(b, c, msg, answer) {
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			after := o.usage("now")
			b.ReportMetric(float64(after.cpu-before.cpu)/float64(each*len(conns))/1000, "cpu-us/msg")
		})
	}
}
