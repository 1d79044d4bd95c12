package stream

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// card is a witness's file on a card that fails at times, and then leaves half of
// what was written.
type card struct {
	witnessFile
	fails atomic.Bool
	tried atomic.Int64
}

func (c *card) WriteAt(b []byte, at int64) (int, error) {
	if c.fails.Load() {
		c.tried.Add(1)
		n, _ := c.witnessFile.WriteAt(b[:len(b)/2], at)
		return n, syscall.EIO
	}
	return c.witnessFile.WriteAt(b, at)
}

// TestCardThatFailsBetweenRecordAndWitness: the record is on disk, and the witness
// cannot be written. Nobody is told of it, the log refuses and says why, and goes
// on by itself when the card does.
func TestCardThatFailsBetweenRecordAndWitness(t *testing.T) {
	dir, bad := t.TempDir(), &card{}
	l, err := launch(t, Options{Dir: dir, StallAfter: 200 * time.Millisecond}, func(l *Log) {
		bad.witnessFile, l.witness.f = l.witness.f, bad
	})
	if err != nil {
		t.Fatal(err)
	}
	l.append(reading(1, 1))
	l.await(1)
	bad.fails.Store(true)
	l.append(reading(1, 2))
	until(t, "the log refuses", func() bool {
		var busy *BusyError
		return errors.As(l.Health(), &busy) && bad.tried.Load() > 2
	})
	if n := l.count(); n != 1 {
		t.Errorf("%d readings are acknowledged", n)
	}
	bad.fails.Store(false)
	l.await(2)
	until(t, "the log goes on", func() bool { return l.Health() == nil })
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	last := l.Log.acked.Load()
	if n, err := Acknowledged(dir); err != nil || n != last {
		t.Errorf("the witness knows %d, %v; the last was %d", n, err, last)
	}
	start(t, Options{Dir: dir})
}
