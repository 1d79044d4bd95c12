package main

import (
	"context"
	"math"
	"net/http"

	"vaiven"
	"vaiven/internal/gateway"
	"vaiven/internal/registry"
	"vaiven/internal/views"
	"vaiven/internal/web"
)

// table lends the registry to the API.
type table struct{ *registry.Registry }

// Scan implements web.Devices.
func (t table) Scan(yield func(*web.Row) bool) {
	t.Each(func(d *registry.Device) bool {
		row := rowOf(d)
		return yield(&row)
	})
}

func rowOf(d *registry.Device) web.Row {
	row := web.Row{
		ID: d.ID, Readings: d.Readings, Session: d.Session != nil,
		Presence: web.Presence{Connected: d.Connected, Silent: d.Silent, Since: d.Since, Sleep: d.Sleep, Last: d.Last},
	}
	if d.About != nil {
		row.Name, row.Note, row.Groups = d.About.Name, d.About.Note, d.About.Groups
	}
	return row
}

// Device implements web.Devices.
func (t table) Device(id vaiven.Device) (web.Device, bool) {
	d, ok := t.Registry.Device(id)
	if !ok {
		return web.Device{}, false
	}
	out := web.Device{
		Row: rowOf(&d), First: d.First, Remote: d.Remote, Reason: d.Reason, Reading: d.Reading, Rev: d.Rev,
		Declared: d.Declared, Greeted: d.Greeted, Boot: d.Boot, FW: d.FW, Refusals: d.Refusals, Gaps: d.Gaps, Filled: d.Filled, Lost: d.Lost,
		Conflicts: d.Conflicts, ConflictAt: d.ConflictAt, Remotes: d.Remotes, Last: d.Session,
	}
	for _, v := range d.Values {
		out.Values = append(out.Values, web.Latest(v))
	}
	for _, v := range d.States {
		out.States = append(out.States, web.Latest(v))
	}
	for _, r := range d.Rejected {
		out.Rejected = append(out.Rejected, web.Rejected(r))
	}
	return out, true
}

// Summary implements web.Devices.
func (t table) Summary(id vaiven.Device) (web.Summary, bool) {
	s, ok := t.Registry.Summary(id)
	if !ok {
		return web.Summary{}, false
	}
	out := web.Summary{
		End: s.End, First: s.First, Last: s.Last, Intervals: s.Intervals, IntervalMean: s.IntervalMean, IntervalP95: s.IntervalP95,
		Refusals: s.Refusals, Gaps: s.Gaps, Lost: s.Lost,
	}
	for _, m := range s.Measurements {
		out.Measurements = append(out.Measurements, web.Measurement{Name: m.Name, N: m.N, Min: m.Min, Max: m.Max, Mean: m.Mean, Deviation: m.Deviation})
	}
	for _, c := range s.Rejected {
		out.Rejected = append(out.Rejected, web.CodeCount(c))
	}
	return out, true
}

// names writes into the log what people say of devices.
type names struct{ *app }

// Describe implements web.Names.
func (n names) Describe(ctx context.Context, d vaiven.Device, name, note string, groups []string) error {
	return n.write(ctx, &vaiven.Described{Stamp: n.clock.stamp(), Device: d, Name: name, Note: note, Groups: groups})
}

// Forget implements web.Names.
func (n names) Forget(ctx context.Context, d vaiven.Device) error {
	return n.write(ctx, &vaiven.Forgotten{Stamp: n.clock.stamp(), Device: d})
}

// commit is the owner of an append that somebody waits for.
type commit chan vaiven.ID

// committed hands what the log has made durable to whoever wrote it.
func (a *app) committed(tickets []vaiven.Ticket) {
	for _, t := range tickets {
		if c, ok := t.Owner.(commit); ok {
			c <- t.First // it has room
		}
	}
	a.gateway.Committed(tickets)
}

// write appends one event, and returns when every view has applied it.
func (a *app) write(ctx context.Context, ev vaiven.Event) error {
	done := make(commit, 1)
	if err := a.log.Append(ctx, []vaiven.Event{ev}, done); err != nil {
		return err
	}
	select {
	case id := <-done:
		return a.pump.Wait(ctx, id.Record)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// history lends the log's past to the API and to the live feeds.
type history struct{ *app }

// Bounds implements web.Events.
func (h history) Bounds() (first, last vaiven.ID) {
	pos, _ := h.pump.Position()
	if pos == 0 {
		return first, last
	}
	return vaiven.ID{Record: views.First(h.log)}, vaiven.ID{Record: pos, Index: math.MaxUint32} // behind all events of it
}

// History implements web.Events.
func (h history) History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error {
	return h.pump.History(ctx, after, fn)
}

// Position implements live.History.
func (h history) Position() uint64 {
	pos, _ := h.pump.Position()
	return pos
}

// posts lends the gateway to boards that come by HTTP.
type posts struct{ *gateway.Gateway }

// Post implements web.Posts.
func (p posts) Post(ctx context.Context, r *http.Request, message []byte, binary bool) (web.Posted, error) {
	res, err := p.Gateway.Post(ctx, p.Remote(r), binary, message)
	out := web.Posted{Committed: res.Readings + res.Reports + res.Hellos, Refused: res.Refused, Messages: res.Messages}
	if err == nil && out.Committed+res.Repeats == 0 && res.Refusal != nil {
		err = res.Refusal
	}
	return out, err
}

// Desired implements web.Posts.
func (p posts) Desired(ctx context.Context, r *http.Request, d vaiven.Device, rev uint64) ([]byte, error) {
	return p.AwaitDesired(ctx, p.Remote(r), d, rev)
}
