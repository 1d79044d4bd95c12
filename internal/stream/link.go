package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// link is one connection to the store: to an external server, which
// reconnects by itself, or to an embedded one that lives and dies with it.
type link struct {
	srv     *server.Server // nil for an external one
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  string
	subject string

	mu       sync.Mutex
	watchers map[*func(error)]struct{} // told why answers will not come any more
}

// deadLink is what a closed log is connected to.
var deadLink = &link{}

// errCut is why a publish was given up: the connection is gone, and with it
// the answer.
var errCut = errors.New("connection to NATS lost")

// errSuspect is why a publish was given up: the embedded server has logged an
// error meanwhile. After a failed write JetStream does not answer at all.
var errSuspect = errors.New("the embedded NATS server has reported an error")

// apiTimeout bounds every question to the server that is not a commit.
const apiTimeout = 10 * time.Second

// connectTimeout bounds the greeting of a connection, of the embedded server's too:
// on a small computer that is busy it took longer than the library's two seconds.
const connectTimeout = 30 * time.Second

func subjectOf(stream string) string { return strings.ToLower(stream) + ".log" }

// dial starts the embedded server, or reaches the external one.
func (l *Log) dial(ctx context.Context) (*link, error) {
	k := &link{stream: l.o.Stream, subject: l.subject}
	opts := []nats.Option{
		nats.Name("vaiven"), nats.Timeout(connectTimeout),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { k.interrupt(errCut) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.o.Logger.Debug("nats", "err", err)
		}),
		nats.ReconnectBufSize(-1), // what cannot be sent now is our business, not a buffer's
	}
	url := l.o.URL
	if url == "" {
		var err error
		if k.srv, err = startServer(ctx, l.o, k); err != nil {
			return nil, err
		}
		opts = append(opts, nats.InProcessServer(k.srv), nats.NoReconnect())
	} else {
		opts = append(opts, nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
			nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
			nats.PingInterval(10*time.Second), nats.MaxPingsOutstanding(2),
			nats.ReconnectHandler(func(c *nats.Conn) { l.o.Logger.Info("connected to NATS again", "server", c.ConnectedUrlRedacted()) }))
	}
	nc, err := nats.Connect(url, opts...)
	if err != nil {
		k.close()
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	k.nc = nc
	if k.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(apiTimeout)); err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

// watch has fn told when the connection is cut, or the embedded server has
// reported an error, until unwatch is called. fn must not block.
func (k *link) watch(fn func(why error)) (unwatch func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.watchers == nil {
		k.watchers = make(map[*func(error)]struct{})
	}
	k.watchers[&fn] = struct{}{}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		delete(k.watchers, &fn)
	}
}

// ask bounds a question to the server: it ends with the connection.
func (k *link) ask(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	ctx, cut := context.WithCancelCause(ctx)
	unwatch := k.watch(func(why error) {
		if errors.Is(why, errCut) {
			cut(why)
		}
	})
	return ctx, func() {
		unwatch()
		cut(nil)
		cancel()
	}
}

// interrupt tells those who wait for an answer that it will not come.
func (k *link) interrupt(why error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for fn := range k.watchers {
		(*fn)(why)
	}
}

// close ends the connection, and the embedded server with it.
func (k *link) close() {
	if k.nc != nil {
		k.nc.Close()
	}
	if k.srv != nil {
		k.srv.Shutdown()
		k.srv.WaitForShutdown()
	}
}

// startServer starts an embedded NATS server that nobody can reach from
// outside the process. An error in its log interrupts what k waits for.
func startServer(ctx context.Context, o Options, k *link) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "vaiven",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   o.Dir,
		SyncAlways: !o.NoSync,
		// The default limits come from the free disk and memory at the start;
		// ours is the reserve, checked at each commit.
		JetStreamMaxStore:      1 << 60,
		JetStreamMaxMemory:     64 << 20,
		MaxPayload:             1 << 20,
		NoSystemAccount:        true,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS: %w", err)
	}
	srv.SetLoggerV2(&serverLog{log: o.Logger, k: k}, false, false, false)
	srv.Start()
	wait := 30 * time.Second
	if d, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(d))
	}
	if !srv.ReadyForConnections(wait) {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, errors.New("embedded NATS did not start in time")
	}
	return srv, nil
}

// serverLog hands the embedded server's log on. What it calls an error is for
// those who look closer: what comes of it for the log is said by Health.
type serverLog struct {
	log *slog.Logger
	k   *link
}

func (s *serverLog) say(level slog.Level, format string, v []any) {
	if s.log.Enabled(context.Background(), level) {
		s.log.Log(context.Background(), level, "embedded nats", "text", fmt.Sprintf(format, v...))
	}
}

func (s *serverLog) Noticef(format string, v ...any) { s.say(slog.LevelDebug, format, v) }
func (s *serverLog) Debugf(format string, v ...any)  { s.say(slog.LevelDebug, format, v) }
func (s *serverLog) Tracef(format string, v ...any)  {}

func (s *serverLog) Warnf(format string, v ...any) {
	s.say(slog.LevelInfo, format, v)
}

func (s *serverLog) Errorf(format string, v ...any) {
	s.k.interrupt(errSuspect)
	s.say(slog.LevelInfo, format, v)
}

// Fatalf is called for what would end a server of its own; ours is then found
// not to start, or not to answer.
func (s *serverLog) Fatalf(format string, v ...any) {
	s.k.interrupt(errSuspect)
	s.say(slog.LevelInfo, format, v)
}
