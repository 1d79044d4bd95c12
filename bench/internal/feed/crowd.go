package feed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"vaiven/bench/internal/load"
)

// Crowd is a number of followers who all read the same readings.
type Crowd struct {
	Addr      string
	Transport Transport
	Size      int
	Cut       time.Duration // how long each connection lasts, see Follower
	Pause     time.Duration // of long pollers
	Clock     *Departures
	Span      *Span // which readings are timed

	begin     Place
	followers []*Follower
	readers   []*Reader
	errs      []error // by follower
	stop      context.CancelFunc
	all       sync.WaitGroup
	failed    chan struct{} // closed when one of them ended with an error
}

// Start lets all of them follow from a place on. The caller calls Await or Stop.
func (c *Crowd) Start(ctx context.Context, from Place) {
	ctx, c.stop = context.WithCancel(ctx)
	c.begin, c.failed, c.errs = from, make(chan struct{}), make([]error, c.Size)
	var once sync.Once
	for i := range c.Size {
		r := NewReader(from, c.Clock, c.Span)
		f := &Follower{
			Addr: c.Addr, Transport: c.Transport, Kind: "reading", Event: r.Event, Pause: c.Pause,
			Cut: c.Cut, FirstCut: c.Cut * time.Duration(i+1) / time.Duration(c.Size),
		}
		c.readers, c.followers = append(c.readers, r), append(c.followers, f)
		c.all.Go(func() {
			if c.errs[i] = f.Run(ctx, from.ID); c.errs[i] != nil {
				once.Do(func() { close(c.failed) })
			}
		})
	}
}

// Stop ends all of them and waits. Safe twice.
func (c *Crowd) Stop() {
	c.stop()
	c.all.Wait()
}

const (
	lookEvery = 10 * time.Millisecond
	// aWhile is how long followers go on behind the last reading, in case that
	// one comes again.
	aWhile = 150 * time.Millisecond
)

// Await waits until each of them has read up to the SEQs that were sent, and
// nothing behind that; then it stops them, and says where they are.
func (c *Crowd) Await(ctx context.Context, sent []uint64) (Place, error) {
	defer c.Stop()
	want := uint64(0)
	for i, n := range sent {
		want += n - c.begin.Seqs[i]
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for slices.ContainsFunc(c.readers, func(r *Reader) bool { return r.Count() < want }) {
		select {
		case <-look.C:
		case <-c.failed:
			c.Stop()
			return Place{}, errors.Join(c.errs...)
		case <-ctx.Done():
			return Place{}, fmt.Errorf("%s followers, of %d readings: %w", c.Transport, want, errors.Join(c.behind(want), ctx.Err()))
		}
	}
	select {
	case <-time.After(aWhile):
	case <-ctx.Done():
	}
	c.Stop()
	if err := errors.Join(c.errs...); err != nil {
		return Place{}, err
	}
	return c.place(sent)
}

// behind names who has not got all.
func (c *Crowd) behind(want uint64) error {
	var errs []error
	for i, r := range c.readers {
		if n := r.Count(); n < want {
			errs = append(errs, fmt.Errorf("follower %d got %d", i, n))
		}
	}
	return errors.Join(errs...)
}

// place compares where they are with what was sent.
func (c *Crowd) place(sent []uint64) (Place, error) {
	for i, r := range c.readers {
		if !slices.Equal(r.Seqs(), sent) {
			return Place{}, fmt.Errorf("%s follower %d read other readings than were sent", c.Transport, i)
		}
	}
	return Place{ID: c.readers[0].at.String(), Seqs: slices.Clone(sent)}, nil
}

// Late returns how late the timed readings came, for all of them; to be asked
// when they have ended.
func (c *Crowd) Late() *load.Histogram {
	all := &load.Histogram{}
	for _, r := range c.readers {
		all.Merge(&r.Late)
	}
	return all
}

// Cuts returns how many connections were reset; to be asked when they have
// ended.
func (c *Crowd) Cuts() (n int) {
	for _, f := range c.followers {
		n += f.Cuts()
	}
	return n
}
