package feed

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"vaiven/bench/internal/load"
)

// Place is how far somebody who reads all readings has come.
type Place struct {
	ID   string   // behind which it goes on
	Seqs []uint64 // of each board's last reading
}

// Begin is before the first reading of a number of boards.
func Begin(boards int) Place { return Place{ID: "0", Seqs: make([]uint64, boards)} }

// Span is a stretch of time in which readings left; its bounds may be set
// while readers look. The zero value holds none.
type Span struct{ from, to atomic.Int64 }

// Open lets the stretch begin now, without an end.
func (s *Span) Open(clock *Departures) {
	s.to.Store(math.MaxInt64)
	s.from.Store(clock.now())
}

// Shut lets it end now.
func (s *Span) Shut(clock *Departures) { s.to.Store(clock.now()) }

func (s *Span) holds(t int64) bool {
	from := s.from.Load()
	return from > 0 && t >= from && t < s.to.Load()
}

// Reader takes the events of a follower of readings and proves that each comes
// once and in order: ids rise, and of each board every SEQ follows the one
// before. Only Count may be asked meanwhile.
type Reader struct {
	Late load.Histogram // from the board to here, of readings that left in the span

	at    id
	seqs  []uint64
	count atomic.Uint64
	clock *Departures
	span  *Span
}

// NewReader goes on from a place.
func NewReader(p Place, clock *Departures, span *Span) *Reader {
	at, _ := parseID([]byte(p.ID)) // "0" is before all ids
	return &Reader{at: at, seqs: slices.Clone(p.Seqs), clock: clock, span: span}
}

// Count returns how many readings came.
func (r *Reader) Count() uint64 { return r.count.Load() }

// Seqs returns how far it has come, by board.
func (r *Reader) Seqs() []uint64 { return r.seqs }

// Event takes one reading.
func (r *Reader) Event(p []byte) error {
	at, err := parseID(p[len(eventHead):])
	if err != nil {
		return fmt.Errorf("%w in %s", err, p)
	}
	board, ok1 := numberBehind(p, []byte(`"device":"b`))
	seq, ok2 := numberBehind(p, []byte(`"seq":`))
	switch {
	case !ok1 || !ok2 || board >= uint64(len(r.seqs)):
		return fmt.Errorf("not a reading of this fleet: %s", p)
	case !r.at.before(at):
		return fmt.Errorf("id %v came behind %v", at, r.at)
	case seq != r.seqs[board]+1:
		return fmt.Errorf("reading %d of board %d came behind reading %d", seq, board, r.seqs[board])
	}
	r.at, r.seqs[board] = at, seq
	if left := r.clock.of(int(board), seq); r.span.holds(left) {
		r.Late.Add(time.Duration(r.clock.now() - left))
	}
	r.count.Add(1)
	return nil
}

// id is an event's place in the log, RECORD.INDEX: what a client need not know,
// but whoever proves the order has to.
type id struct{ record, index uint64 }

func (a id) before(b id) bool {
	return a.record < b.record || a.record == b.record && a.index < b.index
}

func (a id) String() string { return fmt.Sprintf("%d.%d", a.record, a.index) }

func parseID(p []byte) (id, error) {
	record, rest := digits(p)
	if len(rest) == 0 || rest[0] != '.' {
		return id{}, errors.New("no id")
	}
	index, _ := digits(rest[1:])
	return id{record, index}, nil
}

// numberBehind reads the number that follows key.
func numberBehind(p, key []byte) (uint64, bool) {
	i := bytes.Index(p, key)
	if i < 0 {
		return 0, false
	}
	n, rest := digits(p[i+len(key):])
	return n, len(rest) < len(p)-i-len(key)
}

func digits(p []byte) (n uint64, rest []byte) {
	i := 0
	for ; i < len(p) && p[i] >= '0' && p[i] <= '9'; i++ {
		n = n*10 + uint64(p[i]-'0')
	}
	return n, p[i:]
}

// Departures remembers when each of the last readings of each board left. It
// may be used from several goroutines.
type Departures struct {
	epoch time.Time
	at    []atomic.Int64 // ns since the epoch
}

// kept is how many readings of a board are remembered; one whose followers
// are further behind is not timed rightly.
const kept = 1 << 10

// NewDepartures remembers for a number of boards.
func NewDepartures(boards int) *Departures {
	return &Departures{epoch: time.Now(), at: make([]atomic.Int64, boards*kept)}
}

func (d *Departures) now() int64 { return int64(time.Since(d.epoch)) }

func (d *Departures) of(board int, seq uint64) int64 {
	return d.at[uint64(board)*kept+seq%kept].Load()
}

// Noted is what a board says, and its departures are remembered.
func (d *Departures) Noted(i int, says load.Protocol) load.Protocol {
	return &noted{says, d, i}
}

type noted struct {
	load.Protocol
	clock *Departures
	board int
}

// Reading notes the time; the reading leaves right behind it.
func (n *noted) Reading(out []byte, seq uint64) []byte {
	n.clock.at[uint64(n.board)*kept+seq%kept].Store(n.clock.now())
	return n.Protocol.Reading(out, seq)
}
