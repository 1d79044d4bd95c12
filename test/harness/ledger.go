package harness

import (
	"fmt"
	"math"
	"strconv"
	"sync"
)

// Scales that hide a reading's origin in its values: TEMP is SEQ thousandths of
// a degree and HUM the power-up's number in hundredths, so that each row of the
// CSV says which reading it is.
const (
	seqScale  = 1000
	bootScale = 100
	maxSeq    = 120 * seqScale // TEMP ends at 125
)

// Life is one power-up of a device: n is its number, from 1.
type Life struct {
	Device string
	N      int
}

// Ledger is what boards know of their readings: the witness. Several boards
// share one.
type Ledger struct {
	mu    sync.Mutex
	lives map[Life]*life
}

type life struct{ offered, acked uint64 }

// NewLedger returns an empty ledger.
func NewLedger() *Ledger { return &Ledger{lives: map[Life]*life{}} }

// offer notes that a SEQ is about to be sent, before it is.
func (l *Ledger) offer(k Life, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(k)
	e.offered = max(e.offered, seq)
}

// ack notes an acknowledgement; it is an error for more than was offered.
func (l *Ledger) ack(k Life, seq uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entry(k)
	if seq > e.offered {
		return fmt.Errorf("%v: acknowledged %d, but only %d were ever sent", k, seq, e.offered)
	}
	e.acked = max(e.acked, seq)
	return nil
}

func (l *Ledger) entry(k Life) *life {
	e := l.lives[k]
	if e == nil {
		e = &life{}
		l.lives[k] = e
	}
	return e
}

// Acked is how many readings have been acknowledged, over all boards.
func (l *Ledger) Acked() (n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.lives {
		n += e.acked
	}
	return n
}

// Marks returns the last acknowledged SEQ of every life.
func (l *Ledger) Marks() map[Life]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	marks := make(map[Life]uint64, len(l.lives))
	for k, e := range l.lives {
		marks[k] = e.acked
	}
	return marks
}

// Seen returns which readings the rows hold; the error is of one that is there twice,
// or that nobody sent.
func (l *Ledger) Seen(rows []Row) (map[Life]map[uint64]bool, error) { return l.count(rows) }

// Missing counts the acknowledged readings that rows lack.
func (l *Ledger) Missing(rows []Row) (missing uint64, err error) {
	seen, err := l.count(rows)
	if err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, e := range l.lives {
		for seq := uint64(1); seq <= e.acked; seq++ {
			if !seen[k][seq] {
				missing++
			}
		}
	}
	return missing, nil
}

// Check proves that rows hold every acknowledged reading, none twice, and
// nothing that no board ever sent.
func (l *Ledger) Check(rows []Row) error {
	missing, err := l.Missing(rows)
	if err != nil {
		return err
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d acknowledged readings are missing", missing, l.Acked())
	}
	return nil
}

// count collects which readings the rows hold.
func (l *Ledger) count(rows []Row) (map[Life]map[uint64]bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := map[Life]map[uint64]bool{}
	for _, r := range rows {
		k, seq, err := r.reading()
		if err != nil {
			return nil, err
		}
		if e := l.lives[k]; e == nil || seq == 0 || seq > e.offered {
			return nil, fmt.Errorf("row %+v: nobody sent that", r)
		}
		if seen[k] == nil {
			seen[k] = map[uint64]bool{}
		}
		if seen[k][seq] {
			return nil, fmt.Errorf("row %+v: %v SEQ %d is there twice", r, k, seq)
		}
		seen[k][seq] = true
	}
	return seen, nil
}

// reading says which reading a row is.
func (r Row) reading() (Life, uint64, error) {
	temp, err1 := strconv.ParseFloat(r.Temp, 64)
	hum, err2 := strconv.ParseFloat(r.Hum, 64)
	if err1 != nil || err2 != nil {
		return Life{}, 0, fmt.Errorf("row %+v: TEMP or HUM is not a number", r)
	}
	return Life{r.Device, int(math.Round(hum * bootScale))}, uint64(math.Round(temp * seqScale)), nil
}
