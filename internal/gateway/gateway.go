// Package gateway owns the connections of devices over WebSocket and HTTP: who is
// connected, silent or gone, which device a message belongs to, what of it may
// enter the log, when a device's session is over, and what the board is told:
// acknowledgements, what its states ought to be, errors, goodbyes.
//
// It does not own frames (internal/ws), words (wire), the HTTP around a message
// (web), the log or any view of it: those are reached through the small
// interfaces declared here. Who may speak for which device is for [Access] to say; that
// nobody else does is enforced here, with every message. A reading is acknowledged only from
// [Gateway.Committed], which the log calls when it is on disk. What states ought to
// be is for the view of desired state to say ([Twins]); that it was sent, and that
// the board has it, is written into the log here.
//
// Concurrency: every connection has one goroutine that reads, decodes and
// admits, a message over HTTP that of its request; a few workers write
// acknowledgements, a few others desired states, and one does what is due by itself.
// All exported methods may be called from any goroutine. A slow log blocks the
// connections' goroutines, so their sockets are not read; a board that does not read
// loses its connection when its write queue is full, and nobody else notices.
package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
	"vaiven/internal/limit"
	"vaiven/internal/ws"
)

// Log is where admitted events go.
type Log interface {
	// Append queues events that are committed together, in the order of the
	// calls. It blocks while the queue is full and the log is moving; the error
	// is a *vaiven.Error with CodeBusy when it is not.
	Append(ctx context.Context, events []vaiven.Event, owner any) error
}

// Settled tells what the log is known to hold of a boot of a device.
type Settled interface {
	// Settled may be behind the truth, never ahead: what it says is durable.
	Settled(d vaiven.Device, b vaiven.Boot) vaiven.Settled
	// Missing returns the first stretch of SEQs, both included, that ends at from
	// or behind it, was recorded as a gap and has not come since; 0: none.
	Missing(d vaiven.Device, b vaiven.Boot, from uint64) (first, last uint64)
	// Repeat compares values with the reading that the log holds under this
	// SEQ; known is false when it does not remember.
	Repeat(d vaiven.Device, b vaiven.Boot, seq uint64, values []vaiven.Value) (same, known bool)
}

// Sessions tells the sessions that the log holds, from before this process.
type Sessions interface {
	Session(d vaiven.Device) (vaiven.Session, bool)
}

// Options configure a Gateway. Log, Settled, Sessions and Stamp are required.
type Options struct {
	Log      Log
	Settled  Settled
	Sessions Sessions
	Rules    vaiven.Rules
	Lang     vaiven.Lang
	Limit    Limit    // of a device's session; zero: no sessions
	Columns  []string // the CSV file's: a session counts readings with one of them; none: all
	Access   Access   // who may speak for which device; nil: everybody, as in a class
	Twins    Twins    // what the states of devices ought to be; nil: nothing is wanted

	// LedText is what a board without HELLO is sent for LED on and off instead of
	// JSON, for sketches that compare plain text; empty: JSON.
	LedText [2]string

	MaxMessage     int            // bytes in a message; 64 KiB
	MaxDevices     int            // devices that one connection speaks for; 256
	MaxUnproven    int            // of them without proof, unless one is a concentrator; 8, without Access MaxDevices
	MaxConnections int            // in all; 100,000
	MaxPerAddress  int            // connections of one address (IPv6: of one /64), loopback excepted; 1,000
	MaxKnown       int            // devices kept in memory: connected, or left a minute ago; new ones wait (busy); 200,000
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed

	Bounds  Bounds  // of what comes from strangers
	Devices Devices // which devices the log knows; nil: it takes in any number

	// Heard is the boot that the log has of a device last, and the address, with or without
	// a port, that it came from; may be nil: nothing is known.
	Heard func(d vaiven.Device) (boot vaiven.Boot, remote string)

	Stamp   func() vaiven.Stamp
	Waiting func(vaiven.Waiting) // tells a person that a board is new among those that wait; may be nil; may take long
	Notice  func(Notice)         // tells a person something that is not in the log; may be nil; may take long
	Logger  *slog.Logger
}

// Gateway accepts boards. Make it with New; it serves WebSockets through
// ServeHTTP while Run runs.
type Gateway struct {
	o         Options
	ws        ws.Options
	acks      []chan *part
	parts     []*part // by worker, of the record being handed on; of Committed's goroutine
	born      time.Time
	rejects   rejects
	budgets   budgets
	newcomers newcomers
	untaken   untaken
	crowd     crowd
	address   limit.Addresses
	schedule  schedule
	presences presences
	notices   chan Notice
	stats     Stats
	nobody    device        // stands for devices that are not known
	stopped   chan struct{} // closed when Run returns
	leaving   chan struct{} // closed when Shutdown begins
	killed    chan struct{} // closed when Shutdown waits no longer
	killOnce  sync.Once

	changed changedDevices
	door    door

	pending    atomic.Int64 // tickets appended and not yet acknowledged
	draining   atomic.Bool
	unreadable atomic.Bool    // it was said that a proxy's header cannot be read
	conns      sync.WaitGroup // running connections and requests

	mu      sync.Mutex
	devices map[vaiven.Device]*device
	open    map[*webSocket]struct{}
	closed  bool
}

// New checks o and fills its defaults. It starts nothing.
func New(o Options) *Gateway {
	o.MaxMessage = cmp.Or(o.MaxMessage, vaiven.MaxMessage)
	o.MaxDevices = cmp.Or(o.MaxDevices, 256)
	if o.MaxUnproven == 0 && o.Access != nil {
		o.MaxUnproven = 8
	}
	o.MaxUnproven = min(cmp.Or(o.MaxUnproven, o.MaxDevices), o.MaxDevices)
	if o.Access == nil {
		o.Access = everybody{}
	}
	o.MaxConnections = cmp.Or(o.MaxConnections, 100_000)
	o.MaxPerAddress = cmp.Or(o.MaxPerAddress, 1000)
	o.MaxKnown = cmp.Or(o.MaxKnown, 200_000)
	o.Bounds = o.Bounds.withDefaults()
	if o.Waiting == nil {
		o.Waiting = func(vaiven.Waiting) {}
	}
	if o.Notice == nil {
		o.Notice = func(Notice) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{
		o:       o,
		ws:      ws.Options{MaxMessage: o.MaxMessage, Subprotocols: []string{"arduino"}},
		born:    time.Now(),
		acks:    make([]chan *part, ackWorkers()),
		notices: make(chan Notice, noticeQueue),
		stopped: make(chan struct{}),
		leaving: make(chan struct{}),
		killed:  make(chan struct{}),
		devices: make(map[vaiven.Device]*device),
		open:    make(map[*webSocket]struct{}),
	}
	for i := range g.acks {
		g.acks[i] = make(chan *part, ackQueue)
	}
	g.parts = make([]*part, len(g.acks))
	g.ws.Refuse = g.refuseHandshake
	g.budgets.bounds = o.Bounds
	g.address.Max = o.MaxPerAddress
	g.rejects.entries = make(map[rejectKey]*rejected)
	g.rejects.room = recordBurst
	g.schedule.earlier = make(chan struct{}, 1)
	g.changed.wake = make(chan struct{}, ackWorkers())
	g.door.init()
	g.presences.all = make(map[presenceKey]*presence)
	return g
}

// Run writes acknowledgements and desired states, ends sessions whose time is
// over, notices silence, summarises rejected input and forgets devices that are
// gone, until ctx is done. It returns nil.
func (g *Gateway) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, queue := range g.acks {
		wg.Go(func() { g.runAckWorker(ctx, queue) })
		wg.Go(func() { g.runDeliveries(ctx) })
	}
	wg.Go(func() { g.runSchedule(ctx) })
	wg.Go(func() { g.runDoor(ctx) })
	wg.Go(func() { g.runNotices(ctx) })
	wg.Wait()
	close(g.stopped)
	return nil
}

// Shutdown tells every board goodbye (1001, with a spread-out RETRY) after what
// it had sent was committed and acknowledged, and waits for the connections to
// end; what has not ended when ctx is done is dropped. No connection is
// accepted from its call on. It must be called while Run and the log still run.
func (g *Gateway) Shutdown(ctx context.Context) {
	if !g.draining.Swap(true) {
		close(g.leaving)
	}
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for g.pending.Load() > 0 && ctx.Err() == nil {
		select {
		case <-poll.C:
		case <-ctx.Done():
		}
	}
	g.mu.Lock()
	g.closed = true
	for w := range g.open {
		w.sayGoodbye(ws.StatusGoingAway, g.o.Lang.Say("the server is shutting down", "el servidor se está cerrando"),
			time.Second+rand.N(spreadRetry))
	}
	g.mu.Unlock()
	g.endPresences(ctx)
	done := make(chan struct{})
	go func() { g.conns.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		g.killOnce.Do(func() { close(g.killed) })
		g.mu.Lock()
		for w := range g.open {
			w.socket.Kill()
		}
		g.mu.Unlock()
		<-done
	}
	g.recordSummaries(ctx, g.uptime(), 0) // what was counted since the last summary
}

// spreadRetry spreads the return of the boards after a restart, so that they do
// not all dial in the same second.
const spreadRetry = 9 * time.Second

// Notice is something that a person should see and that the log does not hold.
type Notice struct {
	Device vaiven.Device
	Remote string
	Text   string

	waits *vaiven.Waiting // it is about a board that waits, for Options.Waiting
}

// noticeQueue is how many notices may wait for whoever shows them: a terminal
// can stand still for hours. What finds it full is not shown.
const noticeQueue = 256

// tell queues a notice; it never waits.
func (g *Gateway) tell(n Notice) {
	select {
	case g.notices <- n:
	default:
	}
}

func (g *Gateway) runNotices(ctx context.Context) {
	for {
		select {
		case n := <-g.notices:
			if n.waits != nil {
				g.o.Waiting(*n.waits)
			} else {
				g.o.Notice(n)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Stats are counters since the start of the process.
type Stats struct {
	Connections        atomic.Int64  // open now
	RefusedConnections atomic.Uint64 // by a limit, before the handshake
	Handshakes         atomic.Uint64 // WebSockets opened
	BadHandshakes      atomic.Uint64
	Messages           atomic.Uint64
	Posts              atomic.Uint64 // of them over HTTP
	Readings           atomic.Uint64 // admitted
	Repeats            atomic.Uint64 // SEQs that had been taken before
	Paused             atomic.Uint64 // messages behind which a socket was not read for a while
	Crowded            atomic.Uint64 // readings that waited for others to be written first
	OverDay            atomic.Uint64 // refused since a day's share of bytes was used up
	Takeovers          atomic.Uint64
	Finished           atomic.Uint64 // boards that came back after their session
	Delivered          atomic.Uint64 // desired states written to a board
	Resent             atomic.Uint64 // the same again, since the board did not confirm them
	Confirmed          atomic.Uint64 // changes that boards reported to have

	mu       sync.Mutex
	rejected map[vaiven.Code]uint64
}

func (s *Stats) countRejected(c vaiven.Code) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rejected == nil {
		s.rejected = make(map[vaiven.Code]uint64)
	}
	s.rejected[c]++
}

// Rejected returns the refused messages by code.
func (s *Stats) Rejected() map[vaiven.Code]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[vaiven.Code]uint64, len(s.rejected))
	for c, n := range s.rejected {
		out[c] = n
	}
	return out
}

// Stats returns the gateway's counters, which go on counting.
func (g *Gateway) Stats() *Stats { return &g.stats }
