package server

import (
	"context"
	"time"

	"vaiven"
)

const (
	// forgetEvery is how often silent devices are looked for, and forgetFirst how long
	// after a start for the first time: boards that were silent since the server was off
	// have that long to come back.
	forgetEvery = 10 * time.Minute
	forgetFirst = time.Hour
	// mostForgotten are forgotten in one round; the rest waits for the next.
	mostForgotten = 100
	// forgetTimeout bounds a round.
	forgetTimeout = 10 * time.Second
)

// ShortestForget is the least that Options.ForgetAfter may be, but 0: a board may be
// switched off for a moment.
const ShortestForget = time.Hour

// forgetSilentDevices forgets, now and then, the devices of which nothing came for
// Options.ForgetAfter.
func (s *Server) forgetSilentDevices(ctx context.Context) error {
	nowAndThen(ctx, func(ctx context.Context) {
		round, cancel := context.WithTimeout(ctx, forgetTimeout)
		defer cancel()
		if err := s.forgetSilent(round, s.clock.Stamp()); err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("silent devices not forgotten now", "err", err)
		}
	})
	return nil
}

// nowAndThen calls round after forgetFirst, and then forgetEvery after its return, until
// ctx is done. It counts the time that the process runs: no clock that is set matters.
func nowAndThen(ctx context.Context, round func(context.Context)) {
	wait := time.NewTimer(forgetFirst)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-wait.C:
		}
		round(ctx)
		wait.Reset(forgetEvery)
	}
}

// forgetSilent writes into the log that the devices are forgotten of which nothing came
// for so long, by the log's own time, up to what is read now. One that comes back before
// that is in the log is not forgotten (see [vaiven.Forgotten]); one that comes later
// begins anew. Another node may write the same, which then changes nothing. While the
// clock is not known to be right nothing is forgotten.
func (s *Server) forgetSilent(ctx context.Context, stamp vaiven.Stamp) error {
	if !stamp.Synced {
		return nil
	}
	through := past{s}.Position()
	if err := s.pump.Wait(ctx, through); err != nil {
		return err
	}
	var gone []vaiven.Event
	for _, d := range s.awayDevices(stamp.At) {
		if s.pump.Silence(d.record, d.at) < s.o.ForgetAfter || s.gateway.Connected(d.id) {
			continue
		}
		gone = append(gone, &vaiven.Forgotten{Stamp: stamp, Device: d.id, Through: through})
		if len(gone) == mostForgotten {
			break
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return s.log.Append(ctx, gone, nil)
}

// away is a device that may be forgotten, and when something that matters came of it.
type away struct {
	id     vaiven.Device
	record uint64 // 0: not known
	at     int64  // Unix ms
}

// awayDevices are those that are not connected now (Unix ms), do not sleep, and have no
// session that goes on.
func (s *Server) awayDevices(now int64) (list []away) {
	s.registry.Each(func(d *vaiven.DeviceInfo) bool {
		status, _, _ := d.Status(now)
		open := d.Session != nil && !d.Session.Ended
		if d.Connected || status == vaiven.StatusAsleep || open {
			return true
		}
		a := away{d.ID, d.Word, d.WordAt}
		if d.Word == 0 { // only a table of before does not say it
			a.at = max(d.Reading, d.Last, d.Since)
		}
		list = append(list, a)
		return true
	})
	return list
}
