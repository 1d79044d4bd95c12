package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"vaiven"
	"vaiven/internal/web/api"
)

func (s *server) manyOperations() {
	register(s, operation{
		method: http.MethodPost, path: "/state", id: "setStates", tag: "state", refusals: []int{400, 413},
		summary: "Ask for states of several devices or groups",
		about:   "Each device has an outcome of its own, with the status that the answer for it alone would have had; this answers 200 when the request itself was right.",
		examples: []example{
			{name: "set-states.json", title: "Two devices and a group; wait for all of them", path: "/state",
				body: `{"devices":["101","999"],"groups":["lab"],"states":{"LED":1},"within":"5s","wait":"2s"}`},
		},
	}, s.setStates)
}

// maxMany bounds the devices of one request.
const maxMany = 1000

type setStates struct {
	exchange
	Key  string `header:"Idempotency-Key" maxLength:"40" doc:"16 hexadecimal digits: the same key again is the same change, for each device" example:"00d1c0ffee5eed42"`
	Body api.ManyStates
}

// part is one device of the request.
type part struct {
	device *vaiven.DeviceInfo // nil: not known
	ask    vaiven.ChangeRequest
	asked  vaiven.ChangeResult
}

func (s *server) setStates(ctx context.Context, in *setStates) (*body[api.Outcomes], error) {
	b := &in.Body
	ask, wait, err := s.terms(&Terms{Within: b.Within, Wait: b.Wait, Key: in.Key})
	if err != nil {
		return nil, err
	}
	ask.By = by(in.r)
	if len(b.States)+len(b.Toggle) == 0 || len(b.States)+len(b.Toggle) > vaiven.MaxStates {
		return nil, s.invalid("body.states", s.o.Lang.Say("want 1 to 16 states", "se esperan de 1 a 16 estados"))
	}
	ids, err := s.chosen(ctx, b.Devices, b.Groups)
	if err != nil {
		return nil, err
	}
	out := make([]api.Outcome, len(ids))
	parts := s.parts(ids, ask, b, out)
	s.askParts(ctx, parts, out)
	if wait > 0 {
		in.linger(wait)
	}
	s.followParts(ctx, time.Now(), wait, parts, out)
	return &body[api.Outcomes]{api.Outcomes{Outcomes: out}}, nil
}

// chosen lists the devices of a request, each once.
func (s *server) chosen(ctx context.Context, devices []vaiven.Device, groups []string) ([]vaiven.Device, error) {
	var ids []vaiven.Device
	seen := map[vaiven.Device]bool{}
	add := func(d vaiven.Device) bool {
		if !seen[d] {
			seen[d] = true
			ids = append(ids, d)
		}
		return len(ids) <= maxMany
	}
	for _, text := range devices {
		d, err := s.device(string(text))
		if err != nil {
			return nil, err
		}
		add(d)
	}
	named := len(ids)
	if len(groups) > 0 {
		err := s.scan(ctx, func(r *vaiven.DeviceInfo) bool {
			return !slices.ContainsFunc(r.Described().Groups, func(g string) bool { return slices.Contains(groups, g) }) || add(r.ID)
		})
		if err != nil {
			return nil, s.fail(err)
		}
	}
	slices.Sort(ids[named:])
	switch {
	case len(ids) > maxMany:
		return nil, api.NewProblem(http.StatusRequestEntityTooLarge, string(vaiven.CodeTooLarge),
			s.o.Lang.Say("more than 1000 devices", "más de 1000 dispositivos"),
			s.o.Lang.Say("ask for them in several requests", "pídelos en varias peticiones"))
	case len(ids) == 0:
		return nil, s.invalid("body.devices", s.o.Lang.Say("no device and no group with devices", "ningún dispositivo y ningún grupo con dispositivos"))
	}
	return ids, nil
}

// parts makes what is asked of each device; what cannot be asked has its
// outcome at once.
func (s *server) parts(ids []vaiven.Device, ask vaiven.ChangeRequest, b *api.ManyStates, out []api.Outcome) []part {
	parts := make([]part, len(ids))
	for i, id := range ids {
		out[i].Device = id
		d, ok := s.o.Devices.Device(id)
		if !ok {
			s.outcome(&out[i], nil, s.unknownDevice(id))
			continue
		}
		twin, _ := s.o.Twins.State(id)
		p := &parts[i]
		p.ask = ask
		p.ask.Device = id
		var err error
		if p.ask.States, p.ask.Toggle, err = s.wanted(&d, &twin, b.States, b.Toggle); err != nil {
			s.outcome(&out[i], nil, err)
			continue
		}
		p.device = &d
	}
	return parts
}

// askParts asks all at once, so that one commit may hold them.
func (s *server) askParts(ctx context.Context, parts []part, out []api.Outcome) {
	var asks []vaiven.ChangeRequest
	var of []int
	for i := range parts {
		if parts[i].device != nil {
			asks, of = append(asks, parts[i].ask), append(of, i)
		}
	}
	if len(asks) == 0 {
		return
	}
	for n, asked := range s.askAll(ctx, asks) {
		p := &parts[of[n]]
		p.asked = asked
		if err := s.askedError(p.device.ID, &asked); err != nil {
			s.outcome(&out[of[n]], nil, err)
			p.device = nil
		}
	}
}

// followParts waits for all since the same moment: one after the other, since
// those that end meanwhile have ended when their turn comes.
func (s *server) followParts(ctx context.Context, since time.Time, wait time.Duration, parts []part, out []api.Outcome) {
	for i := range parts {
		if p := &parts[i]; p.device != nil {
			c := s.follow(ctx, since, wait, p.device, &p.ask, &p.asked)
			s.outcome(&out[i], &c, nil)
		}
	}
}

func (s *server) outcome(o *api.Outcome, c *api.Change, err error) {
	if c != nil {
		o.Change, o.Status = c, http.StatusAccepted
		if c.Done() {
			o.Status = http.StatusOK
		}
		return
	}
	if errors.As(s.fail(err), &o.Error) {
		o.Status = o.Error.Status
	}
}
