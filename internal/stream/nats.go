package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// store is one connection to JetStream: to an external server, which reconnects by
// itself, or to an embedded one that lives and dies with it.
type store struct {
	srv     *server.Server // nil for an external one
	nc      *nats.Conn
	js      jetstream.JetStream
	stream  string
	subject string

	closing atomic.Int32 // the part that is being ended

	mu       sync.Mutex
	down     chan struct{}             // closed when it has ended; nil: it is not to end
	watchers map[*func(error)]struct{} // told why answers will not come any more
}

// closedStore is what a closed log is connected to.
var closedStore = &store{}

var (
	// errCut is why a publish was given up: the connection is gone, and with it
	// the answer.
	errCut = errors.New("connection to NATS lost")
	// errSuspect is why a publish was given up: the embedded server has logged an
	// error meanwhile. After a failed write JetStream does not answer at all.
	errSuspect = errors.New("the embedded NATS server has reported an error")
)

const (
	apiTimeout = 10 * time.Second // bounds every question to the server that is not a commit
	// connectTimeout bounds the greeting of a connection, of the embedded server's too:
	// on a small computer that is busy it took longer than the library's two seconds.
	connectTimeout = 30 * time.Second
	settleTimeout  = 60 * time.Second // creating a log settles within it or not at all
	answerTimeout  = 2 * time.Second  // how long an answer is waited for at first: that it did not come may mean nothing
)

// JetStream's error codes that are told apart.
const (
	codeWrongLast         = 10071
	codeWrongLastOnItsWay = 10164 // by a record that the cluster has not written yet

	// Of a stream that somebody else is just making, and of a cluster that is just
	// coming together.
	codeNameInUse   = 10058
	codeNoSuchPeers = 10005
	codeNotAvail    = 10008
	codeNoResources = 10023
)

func subjectOf(stream string) string { return strings.ToLower(stream) + ".log" }

// connect starts the embedded server, or reaches the external one.
func (l *Log) connect(ctx context.Context) (*store, error) {
	s := &store{stream: l.o.Stream, subject: l.subject}
	opts := []nats.Option{
		nats.Name("vaiven"), nats.Timeout(connectTimeout),
		nats.DisconnectErrHandler(func(*nats.Conn, error) { s.tellTrouble(errCut) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			l.o.Logger.Debug("nats", "err", err)
		}),
		nats.ReconnectBufSize(-1), // what cannot be sent now is our business, not a buffer's
		// The connection to the embedded server is cut, too: by a message that is damaged.
		nats.MaxReconnects(-1), nats.ReconnectWait(100 * time.Millisecond),
		nats.ReconnectJitter(100*time.Millisecond, 100*time.Millisecond),
	}
	address := l.o.URL
	if address == "" {
		s.onTrouble(func(why error) { // it syncs, too: who asks next is not told of what it was told
			if errors.Is(why, errSuspect) {
				l.flusher.failed.Add(1)
			}
		})
		var err error
		if s.srv, err = startServer(ctx, l.o, s, !l.o.NoSync && l.journal == nil); err != nil {
			return nil, joined(err, l.close(ctx, s))
		}
		opts = append(opts, nats.InProcessServer(s.srv))
	} else {
		opts = append(opts, nats.PingInterval(10*time.Second), nats.MaxPingsOutstanding(2),
			nats.ReconnectHandler(func(c *nats.Conn) { l.o.Logger.Info("connected to NATS again", "server", c.ConnectedUrlRedacted()) }))
	}
	nc, err := nats.Connect(address, opts...)
	if err != nil {
		err = fmt.Errorf("connect to NATS: %w", err)
		if l.o.URL != "" {
			err = &UnreachableError{Servers: redact(l.o.URL), Refused: errors.Is(err, nats.ErrAuthorization), Err: err}
		}
		return nil, joined(err, l.close(ctx, s))
	}
	s.nc = nc
	if s.js, err = jetstream.New(nc, jetstream.WithDefaultTimeout(apiTimeout)); err != nil {
		return nil, joined(err, l.close(ctx, s))
	}
	return s, nil
}

// startServer starts an embedded NATS server that nobody can reach from
// outside the process. With syncAlways every record is on the disk when it answers. An
// error in its log is trouble for whoever waits for s. One that does not come up is
// returned as well: it is to be ended.
func startServer(ctx context.Context, o Options, s *store, syncAlways bool) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "vaiven",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   o.Dir,
		SyncAlways: syncAlways,
		// What it does now and then beside that, as writing down what its streams hold,
		// is only to make its next start quicker.
		SyncInterval: flushEvery,
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
	srv.SetLoggerV2(&serverLog{log: o.Logger, s: s}, false, false, false)
	srv.Start()
	wait := 30 * time.Second
	if d, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(d))
	}
	if !srv.ReadyForConnections(wait) {
		return srv, errors.New("embedded NATS did not start in time")
	}
	return srv, nil
}

// onTrouble has fn told when the connection is cut, or the embedded server has
// reported an error, until unwatch is called. fn must not block.
func (s *store) onTrouble(fn func(why error)) (unwatch func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers == nil {
		s.watchers = make(map[*func(error)]struct{})
	}
	s.watchers[&fn] = struct{}{}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, &fn)
	}
}

// tellTrouble tells those who wait for an answer that it will not come.
func (s *store) tellTrouble(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for fn := range s.watchers {
		(*fn)(why)
	}
}

// boundQuestion bounds a question to the server: it ends with the connection.
func (s *store) boundQuestion(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	ctx, cut := context.WithCancelCause(ctx)
	unwatch := s.onTrouble(func(why error) {
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

// insist repeats a question about a stream that exists, with ever more time for the
// answer: in a cluster a question is lost when the stream changes its leader, and a
// server that has not yet heard of the stream says that there is none.
func (s *store) insist(ctx context.Context, question func(context.Context) error) error {
	if s.js == nil {
		return ErrClosed
	}
	ctx, cancel := s.boundQuestion(ctx)
	defer cancel()
	for wait := answerTimeout; ; wait *= 2 {
		one, cancel := context.WithTimeout(ctx, wait)
		err := question(one)
		late := one.Err() != nil
		cancel()
		none := errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, nats.ErrStreamNotFound)
		if err == nil || ctx.Err() != nil || !late && !none {
			return err
		}
		if pause(ctx, 100*time.Millisecond) != nil {
			return err
		}
	}
}

// streamState is what the server says the stream holds.
type streamState struct {
	first, last uint64
	bytes       int64
	fresh       bool // nothing was ever written
	replicas    int
	cluster     string
	id          string // from the metadata, "" for a stream of an earlier version
	genesis     uint64 // and the sequence of the log's first record
}

// marked reports whether the stream itself says which log it is.
func (st streamState) marked() bool { return st.id != "" }

// The metadata of a log's stream.
const (
	metaLog   = "vaiven-log"
	metaFirst = "vaiven-first"
)

func (s *store) state(ctx context.Context) (streamState, error) {
	var stream jetstream.Stream
	err := s.insist(ctx, func(ctx context.Context) (err error) { stream, err = s.js.Stream(ctx, s.stream); return err })
	if err != nil {
		return streamState{}, err
	}
	info := stream.CachedInfo()
	st := streamState{first: info.State.FirstSeq, last: info.State.LastSeq, replicas: info.Config.Replicas,
		bytes: int64(info.State.Bytes), id: info.Config.Metadata[metaLog]}
	if st.id != "" {
		if st.genesis, err = strconv.ParseUint(info.Config.Metadata[metaFirst], 10, 64); err != nil {
			return streamState{}, fmt.Errorf("%w: metadata %s: %w", ErrNotALog, metaFirst, err)
		}
	}
	st.fresh = info.State.Msgs == 0 && st.last == max(info.Config.FirstSeq, 1)-1
	if info.Cluster != nil {
		st.cluster = info.Cluster.Name
	}
	return st, nil
}

// record returns the bytes of one record. The stream's leader is asked: another
// server of a cluster may not have a record yet that the leader has acknowledged,
// and would say that it is missing.
func (s *store) record(ctx context.Context, seq uint64) ([]byte, error) {
	if s.nc == nil {
		return nil, ErrClosed
	}
	js, err := s.nc.JetStream()
	if err != nil {
		return nil, err
	}
	var m *nats.RawStreamMsg
	err = s.insist(ctx, func(ctx context.Context) (err error) {
		m, err = js.GetMsg(s.stream, seq, nats.Context(ctx))
		return err
	})
	if errors.Is(err, nats.ErrMsgNotFound) {
		return nil, &MissingError{Want: seq}
	}
	if err != nil {
		return nil, err
	}
	return m.Data, s.checkSubject(seq, m.Subject)
}

// checkSubject tells a record whose subject was damaged in the file: no checksum of
// JetStream's covers its length, so that it may have lost letters, or have taken some
// of the payload's bytes.
func (s *store) checkSubject(seq uint64, subject string) error {
	if subject != s.subject {
		return fmt.Errorf("record %d: %w: its subject is %q", seq, ErrCorrupt, subject)
	}
	return nil
}

// ensureStream makes sure that the log's stream exists and keeps what it is given. It
// is not made over files that hold records up to found, nor where something was
// acknowledged before.
func (l *Log) ensureStream(ctx context.Context, known mark, found uint64) error {
	id, err := l.newID()
	if err != nil {
		return err
	}
	cfg := streamConfig(&l.o, l.subject)
	cfg.Metadata = metadata(id, l.o.FirstSeq)
	stream, err := l.store.obtainStream(ctx, cfg, func() error {
		if found > 0 {
			return ErrUnreadable
		}
		if err := l.checkOwnLog(known, ""); err != nil {
			return err
		}
		if known.acked > 0 {
			return &LostRecordsError{Want: known.acked}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return checkConfig(stream.CachedInfo().Config, l.subject)
}

// metadata is what the log's stream says of it.
func metadata(id string, genesis uint64) map[string]string {
	return map[string]string{metaLog: id, metaFirst: strconv.FormatUint(genesis, 10)}
}

// obtainStream returns the stream, which is made if there is none and allowed says so.
//
// Other gateways may be making it at the same moment. A cluster then may answer
// one of them alone: whoever got no answer looks again.
func (s *store) obtainStream(ctx context.Context, cfg jetstream.StreamConfig, allowed func() error) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	for {
		ask, answered := s.boundQuestion(ctx)
		stream, err := s.js.Stream(ask, cfg.Name)
		answered()
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			if allowed != nil {
				if err := allowed(); err != nil {
					return nil, err
				}
			}
			ask, answered := s.boundQuestion(ctx)
			ask, cancel := context.WithTimeout(ask, answerTimeout)
			stream, err = s.js.CreateStream(ask, cfg)
			cancel()
			answered()
		}
		if err == nil {
			return stream, nil
		}
		passing := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout)
		var api *jetstream.APIError
		if errors.As(err, &api) {
			switch api.ErrorCode {
			case codeNameInUse, codeNoSuchPeers, codeNotAvail, codeNoResources:
				passing = true
			}
		}
		if !passing || ctx.Err() != nil {
			return nil, fmt.Errorf("stream %s: %w", cfg.Name, err)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, fmt.Errorf("stream %s: %w", cfg.Name, err)
		}
	}
}

// completeConfig writes into the stream's configuration what one of an earlier version
// lacks, and returns whether its compression changed.
func (s *store) completeConfig(ctx context.Context, id string, genesis uint64) (compression bool, err error) {
	var stream jetstream.Stream
	err = s.insist(ctx, func(ctx context.Context) (err error) { stream, err = s.js.Stream(ctx, s.stream); return err })
	if err != nil {
		return false, err
	}
	cfg := stream.CachedInfo().Config
	compression = cfg.Compression != jetstream.S2Compression
	if !compression && cfg.Metadata[metaLog] == id {
		return false, nil
	}
	cfg.Compression = jetstream.S2Compression
	cfg.Metadata = maps.Clone(cfg.Metadata)
	if cfg.Metadata == nil {
		cfg.Metadata = make(map[string]string)
	}
	cfg.Metadata[metaLog], cfg.Metadata[metaFirst] = id, strconv.FormatUint(genesis, 10)
	return compression, s.insist(ctx, func(ctx context.Context) error {
		_, err := s.js.UpdateStream(ctx, cfg)
		return err
	})
}

// streamConfig keeps everything for ever: trimming is ours. No message ids are
// used, so the server need not remember any.
func streamConfig(o *Options, subject string) jetstream.StreamConfig {
	cfg := jetstream.StreamConfig{
		Name:        o.Stream,
		Description: "the log of vaiven",
		Subjects:    []string{subject},
		Retention:   jetstream.LimitsPolicy,
		Discard:     jetstream.DiscardNew,
		Storage:     jetstream.FileStorage,
		Replicas:    o.Replicas,
		Duplicates:  100 * time.Millisecond,
		AllowDirect: true,
		Compression: jetstream.S2Compression, // of full blocks
	}
	if o.FirstSeq > 1 {
		cfg.FirstSeq = o.FirstSeq
	}
	return cfg
}

// checkConfig refuses a stream that loses what it has acknowledged.
func checkConfig(c jetstream.StreamConfig, subject string) error {
	limited := c.MaxMsgs > 0 || c.MaxBytes > 0 || c.MaxMsgsPerSubject > 0
	switch {
	case c.Storage != jetstream.FileStorage:
		return fmt.Errorf("%w: its storage is %s, not file", ErrUnsafe, c.Storage)
	case c.PersistMode != jetstream.DefaultPersistMode:
		return fmt.Errorf("%w: its persist mode is %s: it acknowledges before it writes", ErrUnsafe, c.PersistMode)
	case c.MaxAge > 0:
		return fmt.Errorf("%w: it discards what is older than %s", ErrUnsafe, c.MaxAge)
	case c.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("%w: its retention is %s", ErrUnsafe, c.Retention)
	case c.Discard != jetstream.DiscardNew && limited:
		return fmt.Errorf("%w: it discards old records when it is full", ErrUnsafe)
	case c.MaxMsgSize > 0 && c.MaxMsgSize < MaxRecord:
		return fmt.Errorf("%w: its messages are at most %d bytes, records up to %d", ErrUnsafe, c.MaxMsgSize, MaxRecord)
	case c.NoAck:
		return fmt.Errorf("%w: it does not acknowledge", ErrUnsafe)
	case c.Mirror != nil || len(c.Sources) > 0 || c.SubjectTransform != nil:
		return fmt.Errorf("%w: it is a copy of another stream", ErrUnsafe)
	case len(c.Subjects) != 1 || c.Subjects[0] != subject:
		return fmt.Errorf("%w: its subjects are %q, not %q", ErrUnsafe, c.Subjects, subject)
	}
	return nil
}

// serverLog hands the embedded server's log on. What it calls an error is for
// those who look closer: what comes of it for the log is said by Health.
type serverLog struct {
	log *slog.Logger
	s   *store
}

func (l *serverLog) say(level slog.Level, format string, v []any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "embedded nats", "text", fmt.Sprintf(format, v...))
	}
}

func (l *serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l *serverLog) Tracef(format string, v ...any)  {}

func (l *serverLog) Warnf(format string, v ...any) {
	l.say(slog.LevelInfo, format, v)
}

func (l *serverLog) Errorf(format string, v ...any) {
	l.s.tellTrouble(errSuspect)
	l.say(slog.LevelInfo, format, v)
}

// Fatalf is called for what would end a server of its own; ours is then found
// not to start, or not to answer.
func (l *serverLog) Fatalf(format string, v ...any) {
	l.s.tellTrouble(errSuspect)
	l.say(slog.LevelInfo, format, v)
}
