package views

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaiven"
)

// same checks that a view has been given exactly what the log holds.
func same(t *testing.T, log *memLog, view *tape) {
	t.Helper()
	if diff := cmp.Diff(log.want(t), view.all()); diff != "" {
		t.Errorf("view %s: %s", view.name, diff)
	}
}

func TestStuckViewHarmsNobodyAndCatchesUp(t *testing.T) {
	log := newMemLog()
	stuck := make(chan struct{})
	entered := make(chan struct{})
	var once sync.Once
	slow := &tape{name: "slow", fail: func(pos uint64) error {
		if pos > 1 {
			once.Do(func() { close(entered); <-stuck })
		}
		return nil
	}}
	quick := &tape{name: "quick"}
	p, stop := running(t, Options{Source: log, Views: []View{slow, quick}, Queue: 4})
	defer stop()
	log.add(reading("101", "aaaaaaaa", 1))
	<-entered
	var last uint64
	for s := uint64(2); s <= 100; s++ {
		last = log.add(reading("101", "aaaaaaaa", s), reading("101", "aaaaaaaa", s-1))
	}
	select {
	case <-p.runners[1].reach(last):
	case <-time.After(2 * time.Minute):
		t.Fatal("the quick view was stopped by the slow one")
	}
	same(t, log, quick)
	st := p.Status()[0]
	if st.Lag < 90 || !st.Behind {
		t.Errorf("the slow view: %+v", st)
	}
	close(stuck)
	waitFor(t, p, last)
	same(t, log, slow)
	last = log.add(reading("101", "aaaaaaaa", 101))
	waitFor(t, p, last)
	same(t, log, slow)
	if st := p.Status()[0]; st.Behind || st.Lag != 0 || st.Err != nil {
		t.Errorf("after catching up: %+v", st)
	}
}

func TestFailingViewIsTriedAgainWithTheSameRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		broken := errors.New("the stick is out")
		var out atomic.Bool
		bad := &tape{name: "bad", fail: func(uint64) error {
			if out.Load() {
				return broken
			}
			return nil
		}}
		good := &tape{name: "good"}
		p, stop := running(t, Options{Source: log, Views: []View{bad, good}, Queue: 4})
		defer stop()
		out.Store(true)
		var last uint64
		for s := uint64(1); s <= 30; s++ {
			last = log.add(reading("101", "aaaaaaaa", s))
			synctest.Wait()
		}
		same(t, log, good)
		st := p.Status()[0]
		if !errors.Is(st.Err, broken) || st.Lag != 30 || st.Since.IsZero() {
			t.Errorf("while it fails: %+v", st)
		}
		time.Sleep(time.Hour)
		out.Store(false)
		waitFor(t, p, last)
		same(t, log, bad)
		if st := p.Status()[0]; st.Err != nil || st.Behind {
			t.Errorf("after: %+v", st)
		}
	})
}

// rewind is the error of a view that has lost what it had.
type rewind struct{}

func (rewind) Error() string { return "all is gone" }
func (rewind) Rewind() bool  { return true }

func TestViewThatLostItsDataBeginsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		lose := uint64(0)
		v := &tape{name: "v"}
		v.fail = func(pos uint64) error {
			if pos == lose {
				lose = 0
				return rewind{}
			}
			return nil
		}
		lose = 15
		p, stop := running(t, Options{Source: log, Views: []View{v}})
		defer stop()
		var last uint64
		for s := uint64(1); s <= 30; s++ {
			last = log.add(reading("101", "aaaaaaaa", s))
		}
		waitFor(t, p, last)
		same(t, log, v)
		synctest.Wait() // Replayed comes behind the last record
		if v.resets != 2 || v.ready != 2 {
			t.Errorf("Restore(nil) %d times, Replayed %d times", v.resets, v.ready)
		}
	})
}

func TestViewThatFailsInTheStartCatchesUpInRun(t *testing.T) {
	for _, kind := range []error{errors.New("no"), rewind{}} {
		t.Run(kind.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newMemLog()
				var last uint64
				for s := uint64(1); s <= 30; s++ {
					last = log.add(reading("101", "aaaaaaaa", s), reading("101", "aaaaaaaa", 1))
				}
				times := 0
				v := &tape{name: "v", fail: func(pos uint64) error {
					if pos == 10 && times < 3 {
						times++
						return kind
					}
					return nil
				}}
				good := &tape{name: "good"}
				p, stop := running(t, Options{Source: log, Views: []View{v, good}})
				defer stop()
				waitFor(t, p, last)
				same(t, log, v)
				same(t, log, good)
				synctest.Wait() // Replayed comes behind the last record
				if v.ready != 1 {
					t.Errorf("Replayed %d times", v.ready)
				}
			})
		})
	}
}

// collector is a view that counts only what is flushed.
type collector struct {
	tape
	flush   func() error
	waiting atomic.Int64
}

func (c *collector) Apply(pos uint64, e []vaiven.Entry) error {
	if err := c.tape.Apply(pos, e); err != nil {
		return err
	}
	c.waiting.Add(1)
	return nil
}

func (c *collector) Flush() error {
	if err := c.flush(); err != nil {
		return err
	}
	c.waiting.Store(0)
	return nil
}

func TestNothingIsAppliedBehindAFailedFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		var full atomic.Bool
		full.Store(true)
		c := &collector{tape: tape{name: "c"}}
		c.flush = func() error {
			if full.Load() {
				return errors.New("disk full")
			}
			return nil
		}
		p, stop := running(t, Options{Source: log, Views: []View{c}})
		defer stop()
		var last uint64
		for s := uint64(1); s <= 200; s++ {
			last = log.add(reading("101", "aaaaaaaa", s))
		}
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		if st := p.Status()[0]; st.Err == nil || st.Position != 0 {
			t.Errorf("while full: %+v", st)
		}
		if n := c.waiting.Load(); n > flushAfter {
			t.Errorf("%d records wait", n)
		}
		full.Store(false)
		waitFor(t, p, last)
		same(t, log, &c.tape)
	})
}

func TestFollowerBeginsNowAndEnds(t *testing.T) {
	log := newMemLog()
	log.add(reading("101", "aaaaaaaa", 1))
	p, stop := running(t, Options{Source: log})
	defer stop()
	waitFor(t, p, 2)
	f := &tape{name: "live"}
	end := p.Follow(f)
	waitFor(t, p, log.add(reading("101", "aaaaaaaa", 2)))
	if diff := cmp.Diff([]string{"3.0"}, f.all()); diff != "" {
		t.Error(diff)
	}
	end()
	end()
	waitFor(t, p, log.add(reading("101", "aaaaaaaa", 3)))
	if n := len(f.all()); n != 1 {
		t.Errorf("%d events after the end", n)
	}
	if err := p.Wait(t.Context(), 1<<40); err != nil {
		t.Errorf("Wait with no view left: %v", err)
	}
	if n := len(p.Status()); n != 0 {
		t.Errorf("%d views", n)
	}
	p.Follow(&tape{name: "kept to the end"})
}

// unseen is the error of a view that nobody looks at any more.
type unseen struct{}

func (unseen) Error() string { return "the reader has gone" }
func (unseen) Gone() bool    { return true }

func TestAFollowerThatNobodySeesEndsByItself(t *testing.T) {
	log := newMemLog()
	p, stop := running(t, Options{Source: log, Queue: 4})
	defer stop()
	f := &tape{name: "screen", fail: func(pos uint64) error {
		if pos >= 3 {
			return unseen{}
		}
		return nil
	}}
	end := p.Follow(f)
	for range 20 {
		log.add(reading("101", "aaaaaaaa", log.n))
	}
	waitFor(t, p, log.add(reading("101", "aaaaaaaa", log.n))) // it holds up nobody who waits for the views
	deadline := time.Now().Add(4 * time.Minute)
	for len(p.Status()) > 0 && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if st := p.Status(); len(st) != 0 {
		t.Errorf("it is still there: %+v", st)
	}
	end()
}

// A view that must be right is tried again, whatever it says of itself.
func TestAViewThatNobodySeesIsStillAView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		times := 0
		v := &tape{name: "file", fail: func(pos uint64) error {
			if times++; pos > 1 && times < 5 {
				return unseen{}
			}
			return nil
		}}
		p, stop := running(t, Options{Source: log, Views: []View{v}})
		defer stop()
		waitFor(t, p, log.add(reading("101", "aaaaaaaa", 1)))
		same(t, log, v)
	})
}

func TestAFollowerThatHangsIsLeftBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		p, stop := running(t, Options{Source: log})
		entered, release := make(chan struct{}), make(chan struct{})
		end := p.Follow(&tape{name: "screen", fail: func(uint64) error {
			close(entered)
			<-release
			return nil
		}})
		log.add(reading("101", "aaaaaaaa", 1))
		<-entered
		end() // without a bound, the test would end here: nothing moves any more
		if st := p.Status(); len(st) != 0 {
			t.Errorf("it is still there: %+v", st)
		}
		close(release)
		stop()
	})
}

func TestManyReadersWhileEverythingMoves(t *testing.T) {
	dir, log := t.TempDir(), newMemLog()
	a, b := &tape{name: "a"}, &tape{name: "b"}
	p, stop := running(t, Options{Source: log, Views: []View{a, b}, Dir: dir, Every: time.Millisecond, Queue: 8})
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				dev := vaiven.Device(fmt.Sprintf("%03d", i))
				s := p.Settled(dev, "aaaaaaaa")
				if s.Top > 0 {
					if same, known := p.Repeat(dev, "aaaaaaaa", s.Top, reading(dev, "aaaaaaaa", s.Top).Values); known && !same {
						t.Error("Repeat says that the values differ")
					}
				}
				p.Status()
				p.Stats()
				end := p.Follow(&tape{name: "f"})
				end()
			}
		})
	}
	var last uint64
	for s := uint64(1); s <= 500; s++ {
		last = log.add(reading("000", "aaaaaaaa", s), reading("001", "aaaaaaaa", s), reading("000", "aaaaaaaa", s))
	}
	waitFor(t, p, last)
	cancel()
	wg.Wait()
	same(t, log, a)
	same(t, log, b)
}

func TestRunStopsAtALostRecord(t *testing.T) {
	log := newMemLog()
	p, err := Open(t.Context(), Options{Source: log, Views: []View{&tape{name: "v"}}})
	if err != nil {
		t.Fatal(err)
	}
	log.raw(vaiven.Record{Writer: 7, N: 5})
	if err := p.Run(t.Context()); !errors.Is(err, ErrLostRecords) {
		t.Errorf("Run: %v", err)
	}
	if err := p.Run(t.Context()); err == nil {
		t.Error("Run twice")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestRunStopsAtAnUnreadableLog(t *testing.T) {
	log := newMemLog()
	p, err := Open(t.Context(), Options{Source: log})
	if err != nil {
		t.Fatal(err)
	}
	torn := errors.New("checksum")
	log.fault = torn
	if err := p.Run(t.Context()); !errors.Is(err, torn) {
		t.Errorf("Run: %v", err)
	}
}

func TestViewThatHangsDoesNotHoldTheEndUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newMemLog()
		release := make(chan struct{})
		v := &tape{name: "hanging", fail: func(pos uint64) error {
			if pos > 1 {
				<-release
			}
			return nil
		}}
		p, err := Open(t.Context(), Options{Source: log, Views: []View{v}, Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		log.add(reading("101", "aaaaaaaa", 1))
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := p.Run(ctx); err == nil || !strings.Contains(err.Error(), "hanging") {
			t.Errorf("Run: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if _, saved := p.Position(); saved != 0 {
			t.Error("a checkpoint was written while a view hangs")
		}
		close(release)
		synctest.Wait()
	})
}
