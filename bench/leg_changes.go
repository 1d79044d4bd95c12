package main

import (
	"context"
	"errors"
	"fmt"

	"vaiven/bench/internal/feed"
	"vaiven/bench/internal/load"
	"vaiven/bench/internal/report"
)

// askedAtOnce is how many changes are under way in the second half.
const askedAtOnce = 10

// sendEvery is how often each board sends a reading while states are changed.
const sendEvery = 2.0

func changesMethod(p plan) []string {
	return []string{fmt.Sprintf("Changes: %d boards that said HELLO with UP, each sending a reading every %.0f s; a change of a random board's LED through PUT /api/v1/devices/ID/state, from the moment before the request leaves until one who follows the live feed (NDJSON, only change_end) has the event that the board confirmed it. %d one after another, then %d by %d who ask at once. Server CPU is that of the time, minus what the readings alone took in the same time (measured for %v before), over the changes. Each must be confirmed exactly once, at the follower and in the log read afterwards.",
		p.switched, sendEvery, p.changes, p.changes, askedAtOnce, p.alone)}
}

// playChanges measures the way from a person's wish to the board and back.
func playChanges(ctx context.Context, t *trial) error {
	t.say("connecting")
	f, err := t.fleet(ctx, t.plan.switched)
	if err != nil {
		return err
	}
	defer func() { t.retire(f) }()
	if err := f.SetLoad(load.Load{Window: pacedWindow, Rate: float64(t.plan.switched) / sendEvery}); err != nil {
		return err
	}
	if err := t.beside(ctx, f, t.changes); err != nil {
		return err
	}
	return f.Drain(ctx, patience)
}

// changes is what goes on beside the readings.
func (t *trial) changes(ctx context.Context) error {
	a := newAsker(t.server.Addr, askedAtOnce)
	defer a.close()
	return t.followed(ctx, a, func(ctx context.Context) error {
		t.say("readings alone")
		alone, err := t.during(ctx, t.plan.warm, t.plan.alone, nil)
		if err != nil {
			return err
		}
		lit := make([]bool, t.plan.switched)
		for _, atOnce := range []int{1, askedAtOnce} {
			if err := t.changed(ctx, a, atOnce, lit, alone); err != nil {
				return err
			}
		}
		if err := a.verify(ctx); err != nil {
			return err
		}
		t.proved = append(t.proved, fmt.Sprintf("%d changes asked for, each once in the log and confirmed once", a.confirmed()))
		return nil
	})
}

// followed runs fn while somebody follows the ends of changes for a.
func (t *trial) followed(ctx context.Context, a *asker, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	follower := &feed.Follower{Addr: t.server.Addr, Transport: feed.NDJSON, Kind: "change_end", Event: a.end}
	over := make(chan error, 1)
	go func() {
		err := follower.Run(ctx, "0") // no change has ended yet
		over <- err
		cancel(err)
	}()
	err := fn(ctx)
	cancel(nil)
	return errors.Join(<-over, err)
}

// changed plays one half and notes its figures.
func (t *trial) changed(ctx context.Context, a *asker, atOnce int, lit []bool, alone spent) error {
	t.say(fmt.Sprintf("changes, %d at a time", atOnce))
	before, err := t.look()
	if err != nil {
		return err
	}
	all, err := a.play(ctx, t.plan.changes, atOnce, lit)
	if err != nil {
		return err
	}
	s, err := t.since(before)
	if err != nil {
		return err
	}
	column := report.OneAtATime
	if atOnce > 1 {
		column = report.TenAtATime
	}
	n := float64(all.confirmed.Count())
	readings := alone.cores() * s.took.Seconds()
	t.recordAs(report.ChangeP50, column, ms(all.confirmed.Quantile(0.50)))
	t.recordAs(report.ChangeP99, column, ms(all.confirmed.Quantile(0.99)))
	t.recordAs(report.ChangeMax, column, ms(all.confirmed.Max()))
	t.recordAs(report.ChangeAnswered, column, ms(all.answered.Quantile(0.50)))
	t.recordAs(report.ChangeRate, column, n/s.took.Seconds())
	t.recordAs(report.ChangeCPU, column, (s.server.Seconds()-readings)*1e6/n)
	t.recordAs(report.ChangeCores, column, 100*s.cores())
	t.recordAs(report.ChangeAlone, column, 100*alone.cores())
	t.recordAs(report.ChangeBusy, column, s.busy)
	t.recordAs(report.ChangeOthers, column, s.others)
	return nil
}
