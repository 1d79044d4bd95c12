package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
	"vaiven/internal/web/api"
)

// follow waits until a change has ended, or for as long as it may, and says how
// far it has got.
func (s *server) follow(ctx context.Context, since time.Time, wait time.Duration, d *vaiven.DeviceInfo, ask *vaiven.ChangeRequest, asked *vaiven.ChangeResult) api.Change {
	c := api.Change{Device: d.ID, Key: asked.Key, Rev: asked.Rev, Phase: api.PhaseAsked, States: statesMap(asked.Values), By: ask.By}
	c.Status, _, _ = statusNow(s.now(), d)
	if s.progress(&c); c.Done() {
		return c
	}
	mute := s.mute(d)
	if mute {
		wait = min(wait, muteWait)
	}
	if end, ok := s.wait(ctx, since.Add(wait), d.ID, asked.Key); ok {
		endedChange(&c, &vaiven.Ended{End: end})
	}
	s.progress(&c) // also when it was sent; and an end that came just now
	c.NoReport = mute && !c.Done()
	if now, ok := s.o.Devices.Device(d.ID); ok {
		c.Status, _, _ = statusNow(s.now(), &now)
	}
	return c
}

// muteWait is how long a change of a board that does not report is followed: it may
// be the first that the board answers.
const muteWait = time.Second

// mute reports whether the device sends readings and has never reported: it has
// said neither HELLO nor BOOT, nor a REV.
func (s *server) mute(d *vaiven.DeviceInfo) bool {
	t, _ := s.o.Twins.State(d.ID)
	return d.Readings > 0 && !d.Speaks() && !t.Reports
}

// wait returns the end of a change, if it comes in time.
func (s *server) wait(ctx context.Context, until time.Time, d vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, bool) {
	left := time.Until(until)
	if left <= 0 { // an end that came already is told at once
		over, cancel := context.WithCancel(ctx)
		cancel()
		end, err := s.o.Twins.Wait(over, d, key)
		return end, err == nil
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return vaiven.ChangeEnd{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	end, err := s.o.Twins.Wait(ctx, d, key)
	return end, err == nil
}

// progress takes over what the twin knows of the change now.
func (s *server) progress(c *api.Change) {
	t, _ := s.o.Twins.State(c.Device)
	for i := range t.Recent {
		if t.Recent[i].End.Key == c.Key {
			endedChange(c, &t.Recent[i])
			return
		}
	}
	i := slices.IndexFunc(t.Open, func(p vaiven.Pending) bool { return p.Key == c.Key })
	if i >= 0 && !c.Done() {
		openChange(c, &t.Open[i])
	}
}

// openChange writes a change that has not ended.
func openChange(c *api.Change, p *vaiven.Pending) {
	c.Key, c.Rev, c.States, c.By = p.Key, p.Rev, statesMap(p.States), p.By
	c.Asked, c.Deadline, c.Sent = moment(p.Asked), moment(p.Deadline), moment(p.Sent)
	c.Phase = api.PhaseAsked
	if p.Sent != 0 {
		c.Phase = api.PhaseSent
	}
}

// endedChange writes a change that has ended; what its end does not say stays.
func endedChange(c *api.Change, l *vaiven.Ended) {
	e := &l.End
	took := e.Took()
	c.Key, c.Phase, c.Reason = e.Key, api.Phase(e.Outcome), e.Reason
	if e.By != "" { // an old one tells the least
		c.By = e.By
	}
	c.Asked, c.Ended, c.TookMS = moment(e.Asked), moment(e.At), &took
	if e.Rev != 0 {
		c.Rev = e.Rev
	}
	if len(e.States) > 0 {
		c.States = statesMap(e.States)
	}
	if l.Sent != 0 {
		c.Sent = moment(l.Sent)
	}
	if l.Deadline != 0 {
		c.Deadline = moment(l.Deadline)
	}
}

func statesMap(values []vaiven.Value) api.States {
	m := make(api.States, len(values))
	for _, v := range values {
		m[v.Name] = api.Number(v.Num)
	}
	return m
}

// withETag tells the device's REV along with a problem.
func withETag(p *api.Problem, rev uint64) error {
	return huma.ErrorWithHeaders(p, http.Header{"Etag": {etag(rev)}})
}
