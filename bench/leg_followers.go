package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vaiven/bench/internal/feed"
	"vaiven/bench/internal/load"
	"vaiven/bench/internal/report"
)

// questionsPerSecond is how many long polls the pollers of a crowd ask for
// together: those who asked again at once would ask as often as the machine can
// answer, and it would be full with any number of them.
const questionsPerSecond = 2000

func followersMethod(p plan) []string {
	return []string{
		fmt.Sprintf("Followers: %d boards send %.0f readings/s together; %d followers of one transport after another, each of whose connections is reset every %v and resumes behind the last id; measured for %v. Each must get every reading once and in order: ids rise, of each board every SEQ follows the one before, and all that was sent came. Latency is from the moment when the board wrote the reading until the follower has parsed the event, also across resets. A long poller waits %v before it asks again, so that %d polls/s are answered. Server CPU is that of the time, minus what the readings alone took, over events times followers.",
			p.read, p.pace, p.crowd, p.cut, p.follow, pollPause(p.crowd), questionsPerSecond),
		fmt.Sprintf("Stalled followers: %d followers alone, and beside %d who asked for the log's %d readings and never read, until nothing more fits into their sockets and before the server drops them (checked); %d times in a round, each order in turn, %v each after %v of warming up. A ratio is that of the two measurements of one turn. Long pollers wait %v; one that stalls has asked ahead.",
			p.beside, p.beside, p.backlog, p.pairs, p.pair, p.begin, pollPause(p.beside)),
	}
}

func pollPause(followers int) time.Duration {
	return time.Duration(followers) * time.Second / questionsPerSecond
}

// playFollowers measures the live feeds.
func playFollowers(ctx context.Context, t *trial) error {
	t.say("connecting")
	a := &audience{trial: t, clock: feed.NewDepartures(t.plan.read), place: feed.Begin(t.plan.read)}
	f, err := t.fleetOf(ctx, t.plan.read, func(i int) load.Protocol { return a.clock.Noted(i, t.peer.Board(i)) })
	if err != nil {
		return err
	}
	defer func() { t.retire(f) }()
	a.fleet = f
	if err := a.fill(ctx); err != nil {
		return err
	}
	if err := a.readingsAlone(ctx); err != nil {
		return err
	}
	if err := a.crowds(ctx); err != nil {
		return err
	}
	return a.stalled(ctx)
}

// audience are those who follow one fleet, one crowd after another.
type audience struct {
	*trial
	fleet *load.Fleet
	clock *feed.Departures
	place feed.Place // up to here everybody has read
	alone spent      // the readings without followers
}

// fill makes the log long enough for those who will stall.
func (a *audience) fill(ctx context.Context) error {
	a.say("filling the log")
	if err := a.fleet.SetLoad(load.Load{Window: a.plan.window}); err != nil {
		return err
	}
	for a.fleet.Sent() < a.plan.backlog {
		if _, err := a.fleet.Run(ctx, turnTime); err != nil {
			return err
		}
	}
	return a.fleet.Drain(ctx, patience)
}

// pour makes the fleet send at the leg's pace until fn returns, and waits until
// everything that was sent is acknowledged.
func (a *audience) pour(ctx context.Context, fn func(context.Context) error) error {
	if err := a.fleet.SetLoad(load.Load{Window: pacedWindow, Rate: a.plan.pace}); err != nil {
		return err
	}
	if err := a.beside(ctx, a.fleet, fn); err != nil {
		return err
	}
	return a.fleet.Drain(ctx, patience)
}

func (a *audience) sent() []uint64 {
	sent := make([]uint64, a.plan.read)
	for i := range sent {
		sent[i] = a.fleet.SentBy(i)
	}
	return sent
}

func (a *audience) readingsAlone(ctx context.Context) error {
	a.say("readings alone")
	return a.pour(ctx, func(ctx context.Context) (err error) {
		a.alone, err = a.during(ctx, a.plan.begin, a.plan.alone, nil)
		return err
	})
}

// catchUp lets one follower read what nobody has followed yet; it proves that,
// too, and finds the place where the next crowd begins.
func (a *audience) catchUp(ctx context.Context) error {
	one := &feed.Crowd{Addr: a.server.Addr, Transport: feed.NDJSON, Size: 1, Clock: a.clock, Span: &feed.Span{}}
	return a.beside(ctx, a.fleet, func(ctx context.Context) error {
		one.Start(ctx, a.place)
		return a.await(ctx, one)
	})
}

// await lets a crowd read all that was sent; the fleet must be at rest.
func (a *audience) await(ctx context.Context, c *feed.Crowd) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	place, err := c.Await(ctx, a.sent())
	if err == nil {
		a.place = place
	}
	return err
}

// followed is how followers fared.
type followed struct {
	spent
	late   *load.Histogram
	cuts   int
	events float64 // timed, of all followers together
}

// follow measures one crowd for d; cut is 0 when its connections last.
func (a *audience) follow(ctx context.Context, tr feed.Transport, size int, cut, d time.Duration) (r followed, err error) {
	span := &feed.Span{}
	c := &feed.Crowd{Addr: a.server.Addr, Transport: tr, Size: size, Cut: cut, Pause: pollPause(size), Clock: a.clock, Span: span}
	c.Start(ctx, a.place)
	defer c.Stop()
	err = a.pour(ctx, func(ctx context.Context) (err error) {
		r.spent, err = a.during(ctx, a.plan.begin, d, func(begins bool) {
			if begins {
				span.Open(a.clock)
			} else {
				span.Shut(a.clock)
			}
		})
		return err
	})
	if err != nil {
		return r, err
	}
	if err := a.beside(ctx, a.fleet, func(ctx context.Context) error { return a.await(ctx, c) }); err != nil {
		return r, err
	}
	r.late, r.cuts = c.Late(), c.Cuts()
	r.events = float64(r.late.Count())
	if r.events == 0 {
		return r, errors.New("nobody got anything")
	}
	return r, nil
}

// crowds measures each transport with many followers who are cut off.
func (a *audience) crowds(ctx context.Context) error {
	for _, tr := range feed.Transports {
		a.say(fmt.Sprintf("%d followers, %s", a.plan.crowd, tr))
		if err := a.catchUp(ctx); err != nil {
			return err
		}
		before := a.fleet.Sent()
		r, err := a.follow(ctx, tr, a.plan.crowd, a.plan.cut, a.plan.follow)
		if err != nil {
			return err
		}
		a.proved = append(a.proved, fmt.Sprintf("%d readings, each once and in order for each of %d followers over %s with %d connections reset",
			a.fleet.Sent()-before, a.plan.crowd, tr, r.cuts))
		a.noteCrowd(string(tr), r)
	}
	return nil
}

func (a *audience) noteCrowd(column string, r followed) {
	readings := a.alone.cores() * r.took.Seconds()
	a.recordAs(report.FollowP50, column, ms(r.late.Quantile(0.50)))
	a.recordAs(report.FollowP99, column, ms(r.late.Quantile(0.99)))
	a.recordAs(report.FollowMax, column, ms(r.late.Max()))
	a.recordAs(report.FollowCPU, column, (r.server.Seconds()-readings)*1e6/r.events)
	a.recordAs(report.FollowRate, column, r.events/r.took.Seconds())
	a.recordAs(report.FollowCores, column, 100*r.cores())
	a.recordAs(report.FollowAlone, column, 100*a.alone.cores())
	a.recordAs(report.FollowCuts, column, float64(r.cuts))
	a.recordAs(report.FollowBusy, column, r.busy)
	a.recordAs(report.FollowOthers, column, r.others)
}
