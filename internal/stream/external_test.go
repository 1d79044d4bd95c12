package stream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"vaiven"
)

// machine is a NATS server of its own, on a real port, as on another computer.
func machine(t *testing.T, dir string, port int, change func(*server.Options)) *server.Server {
	t.Helper()
	o := &server.Options{
		ServerName: "far", Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: dir, SyncAlways: true, NoSystemAccount: true,
		JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 28,
	}
	if port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if change != nil {
		change(o)
	}
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(deadline) {
		t.Fatal("nats server does not start")
	}
	t.Cleanup(func() { shutdown(srv) })
	return srv
}

func shutdown(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

// proxy is the cable between vaiven and the server, which can be pulled.
type proxy struct {
	ln     net.Listener
	target string
	mute   atomic.Bool // answers get lost

	mu    sync.Mutex
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, target: target, conns: make(map[net.Conn]bool)}
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		ln.Close()
		p.cut()
		p.wg.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("tcp", p.target)
		if err != nil {
			c.Close()
			continue
		}
		p.keep(c, s)
		p.wg.Go(func() { p.pipe(s, c, nil) })
		p.wg.Go(func() { p.pipe(c, s, &p.mute) })
	}
}

func (p *proxy) keep(cs ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range cs {
		p.conns[c] = true
	}
}

// pipe copies until one side ends; while mute is set, what comes is dropped.
func (p *proxy) pipe(dst, src net.Conn, mute *atomic.Bool) {
	defer dst.Close()
	defer src.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 && (mute == nil || !mute.Load()) {
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut pulls the cable: every connection is gone.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
		delete(p.conns, c)
	}
}

func (p *proxy) url() string { return "nats://" + p.ln.Addr().String() }

func hostOf(t *testing.T, srv *server.Server) string {
	t.Helper()
	u, err := url.Parse(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestExternalServerIsALogToo(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	l := start(t, Options{URL: srv.ClientURL()})
	for i := range 200 {
		l.append(reading(101, i+1))
	}
	l.await(200)
	l.check()
}

// TestACableCutDuringCommits pulls the cable many times in the middle of
// commits: the outcome is unknown, the record is sent again, and whoever reads
// the log can tell.
func TestACableCutDuringCommits(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	p := newProxy(t, hostOf(t, srv))
	l := start(t, Options{URL: p.url(), CommitTimeout: 300 * time.Millisecond})
	near := start(t, Options{URL: srv.ClientURL()}) // sees the server without the cable
	f := startFeed(l, 8)
	for i := range 20 {
		before := l.count()
		until(t, "commits go on", func() bool { return l.count() > before+10 })
		if i%2 == 0 {
			p.mute.Store(true) // the record arrives, the answer does not
			until(t, "a record without an answer", func() bool {
				last, err := near.Last(testContext(t))
				return err == nil && last > l.acked.Load()
			})
		}
		p.cut()
		p.mute.Store(false)
	}
	f.end(t)
	l.await(int(f.sent.Load()))
	l.check()
	if n := repeats(t, l.Log); n < 8 {
		t.Errorf("%d records were sent twice: the test proves nothing", n)
	}
}

// repeats counts records that are there again, and checks that they are the
// same.
func repeats(t *testing.T, l *Log) int {
	t.Helper()
	recs, err := readAll(testContext(t), l)
	if err != nil {
		t.Fatal(err)
	}
	type key struct{ writer, n uint64 }
	seen := make(map[key]vaiven.Record)
	again := 0
	for _, r := range recs {
		k := key{r.Writer, r.N}
		first, ok := seen[k]
		if !ok {
			seen[k] = r
			continue
		}
		again++
		for i := range r.Events {
			if len(first.Events) != len(r.Events) || !same(first.Events[i], r.Events[i]) {
				t.Errorf("record %d repeats (%x, %d) of record %d with other content", r.Seq, k.writer, k.n, first.Seq)
			}
		}
	}
	return again
}

// TestAServerThatStopsAndReturns restarts the other machine during commits.
func TestAServerThatStopsAndReturns(t *testing.T) {
	dir := t.TempDir()
	srv := machine(t, dir, 0, nil)
	port := srv.Addr().(*net.TCPAddr).Port
	l := start(t, Options{URL: srv.ClientURL(), CommitTimeout: 500 * time.Millisecond, StallAfter: 300 * time.Millisecond})
	f := startFeed(l, 4)

	reading := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last atomic.Uint64
	go func() {
		reading <- l.Read(ctx, 1, 0, func(r vaiven.Record) error { last.Store(r.Seq); return nil })
	}()
	for range 5 {
		before := l.count()
		until(t, "commits go on", func() bool { return l.count() > before+20 })
		shutdown(srv)
		busy := f.busy.Load()
		until(t, "boards are told", func() bool { return f.busy.Load() > busy })
		if l.Health() == nil {
			t.Error("healthy without a server")
		}
		srv = machine(t, dir, port, nil)
	}
	f.end(t)
	l.await(int(f.sent.Load()))
	l.check()
	end, err := l.Last(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the reader has all", func() bool { return last.Load() == end })
	cancel()
	if err := <-reading; !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
}

// TestAnIdleLogKnowsThatItsServerIsGone: nothing is being committed, and still a
// probe is told before the first board finds out.
func TestAnIdleLogKnowsThatItsServerIsGone(t *testing.T) {
	dir := t.TempDir()
	srv := machine(t, dir, 0, nil)
	port := srv.Addr().(*net.TCPAddr).Port
	l := start(t, Options{URL: srv.ClientURL()})
	if err := l.Health(); err != nil {
		t.Fatalf("unwell with a server: %v", err)
	}
	shutdown(srv)
	until(t, "the absence shows", func() bool { return errors.Is(l.Health(), ErrDisconnected) })
	machine(t, dir, port, nil)
	until(t, "the return shows", func() bool { return l.Health() == nil })
}

// TestTwoGatewaysOnOneLog: both append, and each finds all of it.
func TestTwoGatewaysOnOneLog(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	a := start(t, Options{URL: srv.ClientURL()})
	b := start(t, Options{URL: srv.ClientURL()})
	if a.ID() != b.ID() {
		t.Fatalf("two logs: %s and %s", a.ID(), b.ID())
	}
	for i := range 100 {
		a.append(reading(1, i+1))
		b.append(reading(2, i+1))
	}
	a.await(100)
	b.await(100)
	a.check()
	b.check()
}

func TestAClusterOfThree(t *testing.T) {
	srvs := cluster(t, 3)
	urls := ""
	for i, s := range srvs {
		if i > 0 {
			urls += ","
		}
		urls += s.ClientURL()
	}
	l := start(t, Options{URL: urls, Replicas: 3, CommitTimeout: 2 * time.Second})
	f := startFeed(l, 4)
	until(t, "commits", func() bool { return l.count() > 50 })
	leader := leaderOf(t, l, srvs)
	shutdown(leader)
	before := l.count()
	until(t, "commits without the leader", func() bool { return l.count() > before+50 })
	f.end(t)
	l.await(int(f.sent.Load()))
	l.check()
	if d := l.Durability(); d.Replicas != 3 {
		t.Errorf("replicas %d", d.Replicas)
	}
}

// cluster is n servers that know each other.
func cluster(t *testing.T, n int) []*server.Server {
	t.Helper()
	var routes []*url.URL
	var places []net.Listener // each holds a port until its server takes it
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		places = append(places, ln)
		routes = append(routes, &url.URL{Scheme: "nats", Host: ln.Addr().String()})
	}
	var out []*server.Server
	for i := range n {
		o := &server.Options{
			ServerName: fmt.Sprintf("n%d", i), Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), SyncAlways: true, JetStreamMaxStore: 1 << 40, JetStreamMaxMemory: 1 << 28,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: places[i].Addr().(*net.TCPAddr).Port},
			Routes:  routes,
		}
		places[i].Close()
		srv, err := server.NewServer(o)
		if err != nil {
			t.Fatal(err)
		}
		srv.Start()
		t.Cleanup(func() { shutdown(srv) })
		out = append(out, srv)
	}
	until(t, "the cluster has a leader", func() bool {
		for _, s := range out {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == n {
				return true
			}
		}
		return false
	})
	return out
}

func leaderOf(t *testing.T, l *running, srvs []*server.Server) *server.Server {
	t.Helper()
	for _, s := range srvs {
		if s.JetStreamIsStreamLeader("$G", l.o.Stream) {
			return s
		}
	}
	t.Fatal("the stream has no leader")
	return nil
}

func TestAnUnsafeStreamIsRefused(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"in memory":    func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"async":        func(c *jetstream.StreamConfig) { c.PersistMode = jetstream.AsyncPersistMode },
		"forgets":      func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"ring":         func(c *jetstream.StreamConfig) { c.Discard, c.MaxMsgs = jetstream.DiscardOld, 10 },
		"work queue":   func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"small":        func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1000 },
		"silent":       func(c *jetstream.StreamConfig) { c.NoAck = true },
		"other things": func(c *jetstream.StreamConfig) { c.Subjects = []string{"other"} },
	} {
		o := Options{Stream: strings.ToUpper(strings.ReplaceAll(name, " ", "-"))}.withDefaults()
		cfg := streamConfig(&o, subjectOf(o.Stream))
		change(&cfg)
		if _, err := js.CreateStream(testContext(t), cfg); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := Open(testContext(t), Options{URL: srv.ClientURL(), Stream: o.Stream, Logger: quiet()}); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s: %v", name, err)
		}
	}
	small := machine(t, t.TempDir(), 0, func(o *server.Options) { o.MaxPayload = 100_000 })
	if _, err := Open(testContext(t), Options{URL: small.ClientURL(), Logger: quiet()}); !errors.Is(err, ErrUnsafe) {
		t.Errorf("max_payload of 100,000: %v", err)
	}
}

func TestAnotherStreamIsNotALog(t *testing.T) {
	srv := machine(t, t.TempDir(), 0, nil)
	nc, err := nats.Connect(srv.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, _ := jetstream.New(nc)
	o := Options{}.withDefaults()
	if _, err := js.CreateStream(testContext(t), streamConfig(&o, subjectOf(o.Stream))); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(testContext(t), subjectOf(o.Stream), encoded(t, vaiven.Record{Writer: 1, N: 1, Events: []vaiven.Event{reading(1, 1)}})); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testContext(t), Options{URL: srv.ClientURL(), Logger: quiet()}); !errors.Is(err, ErrNotALog) {
		t.Errorf("open: %v", err)
	}
}
