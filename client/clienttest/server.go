package clienttest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"vaiven"
	"vaiven/wire"
)

// Options say how the server behaves. The zero value is a server that commits
// and acknowledges every message at once.
type Options struct {
	// Listener to serve on. Nil: a free port of 127.0.0.1.
	Listener net.Listener
	// Refuse answers a handshake with this HTTP status, when it is not 0.
	Refuse func(*http.Request) int
	// Intercept sees each element of each message first; true means that it has
	// been dealt with and the server ignores it. The item is valid during the
	// call only.
	Intercept func(*Conn, *wire.Item) bool
	// Commit is asked after each message whether what was taken goes to disk
	// now, with acknowledgements. Nil: always. See Server.Commit.
	Commit func() bool
	// Welcome may change what a HELLO is answered with.
	Welcome func(*wire.Welcome)
}

// Reading is what the server took.
type Reading struct {
	Device vaiven.Device
	Boot   vaiven.Boot
	Seq    uint64
	Age    int64
	Values []vaiven.Value
}

// Server speaks the server's end of the protocol.
type Server struct {
	URL string // ws://...

	o    Options
	http *httptest.Server

	mu     sync.Mutex
	conns  map[*Conn]bool
	closed bool
	boots  map[key]*boot
	course []Reading
	hellos []wire.Item
	states []wire.Item
}

type key struct {
	device vaiven.Device
	boot   vaiven.Boot
}

// boot is what the server has of one power-up.
type boot struct {
	conn      *Conn // that speaks for it now
	next      uint64
	asked     uint64
	taken     []Reading
	durable   int    // of taken
	settled   uint64 // every SEQ up to here is durable
	committed uint64 // next-1 at the last commit
	owed      bool   // an acknowledgement
}

// New starts a server. Close it.
func New(o Options) *Server {
	s := &Server{o: o, conns: make(map[*Conn]bool), boots: make(map[key]*boot)}
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	if o.Listener != nil {
		_ = s.http.Listener.Close()
		s.http.Listener = o.Listener
	}
	s.http.Start()
	s.URL = "ws" + strings.TrimPrefix(s.http.URL, "http")
	return s
}

// Close drops all connections and waits for them to end.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	for _, c := range s.Conns() {
		c.Drop()
	}
	s.http.Close()
	for _, c := range s.Conns() {
		<-c.done
	}
}

// Conns returns the present connections.
func (s *Server) Conns() []*Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	return conns
}

// Stored returns the readings with SEQ that are on "disk", in the order in
// which they were taken.
func (s *Server) Stored(d vaiven.Device, b vaiven.Boot) []Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.boots[key{d, b}]; st != nil {
		return append([]Reading(nil), st.taken[:st.durable]...)
	}
	return nil
}

// Course returns the readings without SEQ, in order of arrival.
func (s *Server) Course() []Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Reading(nil), s.course...)
}

// Hellos returns the HELLOs that came, in order.
func (s *Server) Hellos() []wire.Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire.Item(nil), s.hellos...)
}

// Reports returns the state reports that came, in order.
func (s *Server) Reports() []wire.Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]wire.Item(nil), s.states...)
}

// Commit puts everything that was taken on "disk" and acknowledges it.
func (s *Server) Commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, b := range s.boots {
		b.durable, b.settled = len(b.taken), b.next-1
		s.acknowledge(k, b)
	}
}

// Crash forgets what was not committed and drops all connections, as a power
// cut does. The server goes on at once.
func (s *Server) Crash() {
	s.mu.Lock()
	for _, b := range s.boots {
		b.taken = b.taken[:b.durable]
		b.next, b.asked, b.conn, b.owed = b.settled+1, 0, nil, false
	}
	for c := range s.conns {
		c.dead = true // what it still reads is of before the crash
	}
	s.mu.Unlock()
	for _, c := range s.Conns() {
		c.Drop()
	}
}

// acknowledge tells the board of b what is settled, if it does not know. The
// caller holds mu; the write goes to the kernel's buffer or is dropped with the
// connection.
func (s *Server) acknowledge(k key, b *boot) {
	if b.conn == nil || !b.owed && b.committed == b.settled {
		return
	}
	b.owed, b.committed = false, b.settled
	b.conn.Write(wire.AppendAck(nil, k.device, k.boot, b.settled))
}

// take deals with one element of a message.
func (s *Server) take(c *Conn, it *wire.Item) {
	if s.o.Intercept != nil && s.o.Intercept(c, it) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.dead {
		return
	}
	if it.Boot != "" {
		c.boots[it.Device] = it.Boot
	}
	switch it.Kind {
	case wire.Hello:
		s.hellos = append(s.hellos, *it)
		s.hello(c, it)
	case wire.Report:
		s.states = append(s.states, *it)
	case wire.Reading:
		s.reading(c, it)
	case wire.Invalid:
		s.invalid(c, it)
	}
}

// of returns the power-up that an element is about. The caller holds mu.
func (s *Server) of(c *Conn, it *wire.Item) (key, *boot) {
	k := key{it.Device, c.boots[it.Device]}
	b := s.boots[k]
	if b == nil {
		b = &boot{next: 1}
		s.boots[k] = b
	}
	b.conn = c
	return k, b
}

func (s *Server) hello(c *Conn, it *wire.Item) {
	k, b := s.of(c, it)
	if it.Next > 0 && it.Next < b.next {
		c.Write(wire.AppendError(nil, &vaiven.Error{
			Code: vaiven.CodeBadBoot, Key: vaiven.KeyBoot, Got: string(k.boot), At: -1, Device: k.device, Boot: k.boot,
		}, vaiven.English))
		return
	}
	if it.Oldest > b.next {
		b.next = it.Oldest // a gap
	}
	b.asked = 0
	s.welcome(c, k, b)
}

func (s *Server) welcome(c *Conn, k key, b *boot) {
	w := wire.Welcome{Device: k.device, Boot: k.boot, Ack: b.settled, Now: time.Now().UnixMilli()}
	if s.o.Welcome != nil {
		s.o.Welcome(&w)
	}
	c.Write(wire.AppendWelcome(nil, w))
}

func (s *Server) reading(c *Conn, it *wire.Item) {
	r := Reading{Device: it.Device, Boot: c.boots[it.Device], Seq: it.Seq, Age: it.Age, Values: it.Values}
	if it.Seq == 0 {
		r.Boot = ""
		s.course = append(s.course, r)
		return
	}
	if _, b, ok := s.expected(c, it); ok {
		b.taken = append(b.taken, r)
		b.next++
	}
}

// expected reports whether the element has the SEQ that comes next, and answers
// it if not.
func (s *Server) expected(c *Conn, it *wire.Item) (key, *boot, bool) {
	k, b := s.of(c, it)
	switch {
	case it.Seq < b.next:
		b.owed = true
	case it.Seq > b.next:
		if b.asked == 0 || it.Seq <= b.asked {
			b.asked = it.Seq
			s.welcome(c, k, b)
		}
	default:
		b.asked = 0
		return k, b, true
	}
	return k, b, false
}

// invalid answers with an error; one for good settles its SEQ.
func (s *Server) invalid(c *Conn, it *wire.Item) {
	if it.Seq != 0 && it.Err.Code.Settles() {
		_, b, ok := s.expected(c, it)
		if !ok {
			return
		}
		b.next++
	}
	c.Write(wire.AppendError(nil, it.Err, vaiven.English))
}

// settle commits after a message, if it is time to.
func (s *Server) settle() {
	if s.o.Commit == nil || s.o.Commit() {
		s.Commit()
	}
}

// Want is a Welcome hook that asks for these states.
func Want(rev uint64, states ...vaiven.Value) func(*wire.Welcome) {
	return func(w *wire.Welcome) { w.Rev, w.States = rev, states }
}
