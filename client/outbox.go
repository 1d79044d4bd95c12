package client

import (
	"time"

	"vaiven"
)

// outbox is what the device still owes the server, and how far the present
// connection has got with it. It decides and counts; it has no lock, no socket
// and no clock, all of which are its user's.
//
// On a connection it goes through: HELLO due, HELLO sent (nothing else leaves
// until WELCOME says from where to go on), welcomed.
type outbox struct {
	ring
	window int
	lost   uint64 // readings given up since the beginning

	hello   helloState
	helloAt time.Time
	oldest  uint64 // OLDEST of the last HELLO
	cursor  uint64 // SEQ to be sent next
	expect  uint64 // SEQ that the server expects behind what was sent
	top     uint64 // highest SEQ ever sent, on any connection

	paused   time.Time // no readings before this moment
	progress time.Time // last sign that the server gets on with what was sent
	stalls   int       // times in a row that nothing moved

	backTo uint64 // where the last unasked WELCOME made us go back to
	backAt time.Time
}

type helloState int

const (
	helloDue helloState = iota
	helloSent
	welcomed
)

func newOutbox(o Options) outbox {
	return outbox{ring: ring{head: o.Next, max: o.Ring}, window: o.Window, top: o.Next - 1}
}

// connected begins a connection: nothing of what an earlier one carried counts
// as sent.
func (o *outbox) connected() {
	o.hello, o.cursor, o.expect, o.oldest = helloDue, o.head, 0, 0
	o.paused, o.stalls, o.backTo = time.Time{}, 0, 0
}

func (o *outbox) saidHello(now time.Time) {
	o.hello, o.helloAt, o.oldest = helloSent, now, o.head
}

// inFlight is how many readings were sent and not settled.
func (o *outbox) inFlight() int {
	if o.cursor <= o.head {
		return 0
	}
	return int(o.cursor - o.head)
}

// ready reports whether a reading may be sent now.
func (o *outbox) ready(now time.Time) bool {
	return o.hello == welcomed && !now.Before(o.paused) &&
		o.cursor < o.nextSeq() && o.inFlight() < o.window
}

// jumps reports whether the reading at the cursor would surprise the server,
// since readings before it were given up: it must be told by another HELLO.
func (o *outbox) jumps() bool { return o.cursor > o.expect && o.oldest < o.cursor }

// sent notes that the reading at the cursor is being given to the socket, and
// reports whether it was sent before.
func (o *outbox) sent(wall, now time.Time) (again bool) {
	if o.inFlight() == 0 {
		o.progress = now // the wait for an answer begins
	}
	s := o.at(o.cursor)
	if s.sends == 0 {
		s.sent = wall
	}
	s.sends++
	o.cursor++
	o.expect = o.cursor
	o.top = max(o.top, o.cursor-1)
	return s.sends > 1
}

// plausible reports whether the server may have settled seq: it cannot have
// what was neither sent nor given up.
func (o *outbox) plausible(seq uint64) bool { return seq <= o.top || seq < o.head }

// settle takes out everything up to seq, oldest first.
func (o *outbox) settle(seq uint64, now time.Time, each func(seq uint64, s slot)) {
	for o.n > 0 && o.head <= seq {
		n := o.head
		each(n, o.pop())
		o.progress, o.stalls = now, 0
	}
	o.cursor, o.expect = max(o.cursor, o.head), max(o.expect, seq+1)
}

// repeatedWelcome is for how long a WELCOME that names the same place again is
// taken as an echo: a window of readings behind one that was not taken may
// bring many of them.
const repeatedWelcome = time.Second

// welcome goes on behind ack, which settle has taken out already.
func (o *outbox) welcome(ack uint64, now time.Time) {
	asked := o.hello == helloSent
	if !asked && o.backTo == ack+1 && now.Sub(o.backAt) < repeatedWelcome {
		return
	}
	if !asked {
		o.backTo, o.backAt = ack+1, now
	}
	o.hello = welcomed
	o.expect = ack + 1
	o.cursor = max(o.head, ack+1)
	o.progress = now
}

// refused notes what was said about seq (0: about no reading in particular).
func (o *outbox) refused(seq uint64, code vaiven.Code, retry time.Duration, now time.Time) {
	switch {
	case code.Settles():
		if o.holds(seq) {
			o.at(seq).refused = code
		}
	case code.ForNow():
		if until := now.Add(retry); until.After(o.paused) {
			o.paused = until
		}
		o.progress = now
		if o.hello == helloSent {
			o.hello = helloDue
		} else if o.holds(seq) && seq < o.cursor {
			o.cursor, o.expect = seq, seq
		}
	}
}

// stalled reports whether what was sent has waited for longer than after, and
// then goes back to the first reading of it.
func (o *outbox) stalled(after time.Duration, now time.Time) bool {
	if o.inFlight() == 0 || o.hello != welcomed || now.Before(o.stallAt(after)) {
		return false
	}
	o.cursor, o.expect, o.progress = o.head, o.head, now
	o.stalls++
	return true
}

func (o *outbox) stallAt(after time.Duration) time.Time {
	at := o.progress.Add(after)
	if o.paused.After(o.progress) {
		at = o.paused.Add(after)
	}
	return at
}

// giveUp drops the oldest reading.
func (o *outbox) giveUp() {
	o.pop()
	o.lost++
	o.cursor = max(o.cursor, o.head)
}

// slot is a reading that is not settled yet. Its SEQ is its place in the ring.
type slot struct {
	values  []vaiven.Value
	taken   time.Time
	sent    time.Time // zero: never given to a socket
	sends   int
	refused vaiven.Code
}

// ring holds the readings head, head+1 ... in order of SEQ. It grows up to
// its capacity, so that a thousand idle devices cost little. What happens when
// it is full is its user's decision.
type ring struct {
	head  uint64 // SEQ of the oldest
	n     int
	max   int
	slots []slot // the oldest is at slots[first]
	first int
}

// nextSeq is the SEQ that the next reading will get.
func (r *ring) nextSeq() uint64 { return r.head + uint64(r.n) }

func (r *ring) full() bool { return r.n >= r.max }

// at returns the slot of a SEQ that is held.
func (r *ring) at(seq uint64) *slot {
	return &r.slots[(r.first+int(seq-r.head))%len(r.slots)]
}

// holds reports whether seq is in the ring.
func (r *ring) holds(seq uint64) bool { return seq >= r.head && seq < r.nextSeq() }

// push appends a reading and returns its SEQ. The ring must not be full.
func (r *ring) push(s slot) uint64 {
	if r.n == len(r.slots) {
		r.grow()
	}
	seq := r.nextSeq()
	r.n++
	*r.at(seq) = s
	return seq
}

func (r *ring) grow() {
	bigger := make([]slot, min(r.max, max(8, 2*len(r.slots))))
	for i := range r.n {
		bigger[i] = r.slots[(r.first+i)%len(r.slots)]
	}
	r.slots, r.first = bigger, 0
}

// pop removes the oldest reading. The ring must not be empty.
func (r *ring) pop() slot {
	s := r.slots[r.first]
	r.slots[r.first] = slot{}
	r.first = (r.first + 1) % len(r.slots)
	r.head++
	r.n--
	return s
}
