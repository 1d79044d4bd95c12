//go:build suites && linux

package changes

import (
	"context"
	"flag"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"vaiven/test/harness"
)

var (
	changes = flag.Int("changes", 2000, "how many changes are asked for")
	kills   = flag.Int("kills", 6, "how often the server is killed meanwhile")
	still   = flag.Duration("still", 8*time.Second, "how long the network of half the boards stands still once")
	seed    = flag.Uint64("seed", 0, "for the random moments; 0: a new one, which is printed")
)

func randomness(t *testing.T) *rand.Rand {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed %d", *seed)
	return rand.New(rand.NewPCG(*seed, 1))
}

const (
	boards    = 20
	perBoard  = 3 // askers
	calmAfter = 90 * time.Second
)

// TestChangesSurviveChaos switches boards while everything goes wrong that may,
// and then holds what the askers and the boards know against the log.
func TestChangesSurviveChaos(t *testing.T) {
	w := newWorld(t, randomness(t), *changes)
	for i := range boards {
		w.add(kindOfBoard(i))
	}
	w.begin()
	followed := w.follow()
	begun := time.Now()
	done := w.askers(perBoard, time.Second)
	stop := w.trouble(w.boards)
	stalled := w.standStill(w.boards[:boards/2], *still)
	for i := range *kills {
		w.progress(i+1, *kills+1)
		w.count.kills++
		w.server.Kill()
		pause(t.Context(), random(700*time.Millisecond))
		w.server.StartReady()
	}
	<-done
	<-stalled
	stop()
	asking := time.Since(begun)
	w.calm(calmAfter)
	h := w.history()
	tally, wrong := h.check()
	report(t, wrong)
	same(t, "live feed", followed(h.events[len(h.events)-1].ID), h.events)
	w.server.Stop()
	w.replay(h)
	harness.Verify(t, w.server.Data)
	t.Logf("%v", tally)
	t.Logf("%+v; asking took %v, all %v", w.count, asking.Round(time.Second), time.Since(begun).Round(time.Second))
}

// kindOfBoard varies what boards are like.
func kindOfBoard(i int) *board {
	b := &board{names: []string{"LED", "RELAY", "DIM"}[:1+i%3]}
	if i%4 == 1 {
		b.slow = 500 * time.Millisecond
	}
	if i%4 == 2 {
		b.net.delay = 60 * time.Millisecond
	}
	if i%5 == 3 {
		b.reads = 200 * time.Millisecond
	}
	return b
}

// report fails the test with what is wrong.
func report(t *testing.T, wrong []error) {
	t.Helper()
	const most = 40
	for i, err := range wrong {
		if i == most {
			t.Errorf("... and %d more", len(wrong)-most)
			return
		}
		t.Error(err)
	}
}

// standStill stops the network of some boards for a while, once a third of the
// changes was asked for.
func (w *world) standStill(some []*board, d time.Duration) (done <-chan struct{}) {
	ch := make(chan struct{})
	go func() {
		defer close(ch)
		for w.begun.Load() < int64(w.total/3) {
			if !pause(w.t.Context(), 10*time.Millisecond) {
				return
			}
		}
		for _, b := range some {
			defer b.net.stall()()
		}
		pause(w.t.Context(), d)
	}()
	return ch
}

// trouble befalls random boards, until the function returned is called: that puts
// everything right and waits for it.
func (w *world) trouble(some []*board) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	r := rand.New(rand.NewPCG(w.rand.Uint64(), 2))
	var jobs sync.WaitGroup
	jobs.Go(func() {
		for pause(ctx, random(150*time.Millisecond)) {
			w.befall(ctx, &jobs, r, some[r.IntN(len(some))])
		}
	})
	return func() {
		cancel()
		jobs.Wait()
	}
}

// befall does one thing to a board.
func (w *world) befall(ctx context.Context, jobs *sync.WaitGroup, r *rand.Rand, b *board) {
	switch n := r.IntN(100); {
	case n < 45:
		w.count.flips++
		b.flip(b.names[0])
	case n < 65:
		w.count.cuts++
		b.net.cut(false)
	case n < 80:
		w.count.deaths++
		b.die(false)
		pause(ctx, random(300*time.Millisecond))
		b.on(w.t)
	case n < 86:
		w.count.vanished++
		b.die(true)
		b.on(w.t)
	default:
		w.count.stalls++
		goOn := b.net.stall()
		jobs.Go(func() {
			pause(ctx, random(2500*time.Millisecond))
			goOn()
		})
	}
}
