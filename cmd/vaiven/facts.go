package main

import (
	"context"
	"math"
	"net/http"

	"vaiven"
	"vaiven/internal/gateway"
	"vaiven/internal/views"
	"vaiven/internal/web"
)

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
