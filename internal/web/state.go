package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"vaiven"
	"vaiven/internal/web/api"
)

func (s *server) stateOperations() {
	register(s, operation{
		method: http.MethodGet, path: "/devices/{id}/state", id: "getState", needs: readsDevice, tag: "state", refusals: []int{400, 404},
		summary:  "What a device's states ought to be, and are",
		examples: []example{{name: "get-state.json", title: "An LED that is on, as it was wanted", path: "/devices/101/state"}},
	}, s.getState)
	also := map[int]string{http.StatusAccepted: "The change is in the log and has not ended yet"}
	register(s, operation{
		method: http.MethodPut, path: "/devices/{id}/state", id: "setState", needs: setsDevice, busy: busyLog, tag: "state", also: also, refusals: []int{400, 404, 412, 413},
		summary: "Ask for states of a device",
		about: "States that are not named stay as they are wanted. The change is in the log when this answers: 200 when it has ended (see phase), " +
			"202 when not. A change for a board that cannot be heard waits until it comes back, but not beyond its deadline.",
		examples: []example{
			{name: "set-state.json", title: "Switch the LED on and wait for the board's confirmation", path: "/devices/101/state?wait=10s", body: `{"LED":1}`},
			{name: "set-state-offline.json", title: "For a board that is away; in 5 s it would be too late", path: "/devices/102/state?within=5s", body: `{"LED":true}`, status: 202},
			{name: "set-state-once.json", title: "The same again is the same change", path: "/devices/102/state", headers: [][2]string{{"Idempotency-Key", "00d1c0ffee5eed42"}}, body: `{"LED":0}`, status: 202},
			{name: "set-state-if.json", title: "Only if nobody was quicker", path: "/devices/101/state", headers: [][2]string{{"If-Match", `"3"`}}, body: `{"LED":0}`, status: 412},
			{name: "set-unknown-state.json", title: "A state that the board does not have", path: "/devices/101/state", body: `{"LAMP":1}`, status: 422},
		},
	}, s.setState)
	register(s, operation{
		method: http.MethodPost, path: "/devices/{id}/state/toggle", id: "toggleState", needs: setsDevice, busy: busyLog, tag: "state", also: also, refusals: []int{400, 404, 412, 413},
		summary:  "Turn states of a device over",
		about:    "0 becomes 1, all else becomes 0; of what is wanted, or of what the board reported when nothing is.",
		examples: []example{{name: "toggle-state.json", title: "The LED", path: "/devices/101/state/toggle?wait=2s", body: `{"states":["LED"]}`}},
	}, s.toggleState)
	register(s, operation{
		method: http.MethodPost, path: "/state", id: "setStates", needs: setsSome, busy: busyTable, tag: "state", refusals: []int{400, 413},
		summary: "Ask for states of several devices or groups",
		about:   "Each device has an outcome of its own, with the status that the answer for it alone would have had; this answers 200 when the request itself was right.",
		examples: []example{
			{name: "set-states.json", title: "Two devices and a group; wait for all of them", path: "/state",
				body: `{"devices":["101","999"],"groups":["lab"],"states":{"LED":1},"within":"5s","wait":"2s"}`},
		},
	}, s.setStates)
}

func (s *server) getState(_ context.Context, in *struct{ DeviceID }) (*revised[api.State], error) {
	d, err := s.findDevice(in.ID)
	if err != nil {
		return nil, err
	}
	t, _ := s.o.Twins.State(d.ID)
	now, desired := s.now(), t.Desired()
	out := api.State{
		Device: d.ID, Rev: t.Rev, Desired: statesOf(desired.States), Reported: valuesOf(now, d.States),
		ReportedRev: t.BootRev, Reports: t.Reports, Until: moment(desired.Until),
		Open: []api.Change{}, Recent: []api.Change{}, Known: t.Askable(s.o.States, d.Declared),
	}
	for i := range t.Open {
		c := api.Change{Device: d.ID}
		setOpen(&c, &t.Open[i])
		out.Open = append(out.Open, c)
	}
	for i := range t.Recent {
		c := api.Change{Device: d.ID}
		setEnded(&c, &t.Recent[i])
		out.Recent = append(out.Recent, c)
	}
	return &revised[api.State]{Status: http.StatusOK, ETag: etag(out.Rev), Body: out}, nil
}

// revised is an answer with the device's REV.
type revised[T any] struct {
	Status int
	ETag   string `header:"ETag" doc:"The device's REV, for If-Match" example:"\"7\""`
	Body   T
}

func etag(rev uint64) string { return `"` + strconv.FormatUint(rev, 10) + `"` }

// Terms are how a change is asked for.
type Terms struct {
	Within  string `query:"within" maxLength:"20" doc:"Not to be applied later than this from now, as 5s or 2m; 24h at most" example:"5s"`
	Wait    string `query:"wait" maxLength:"20" doc:"Answer when the change has ended, or after this time, 60s at most. A server that is very busy may answer earlier" example:"10s"`
	IfMatch string `header:"If-Match" maxLength:"40" doc:"Compare and set: only if the device's REV is this" example:"\"7\""`
	Key     string `header:"Idempotency-Key" maxLength:"40" doc:"16 hexadecimal digits: the same key again is the same change" example:"00d1c0ffee5eed42"`
}

type setState struct {
	exchange
	DeviceID
	Terms
	Body api.States `minProperties:"1" maxProperties:"16" doc:"Values by the state's name"`
}

func (s *server) setState(ctx context.Context, in *setState) (*revised[api.Change], error) {
	return s.changeOne(ctx, &in.exchange, in.ID, &in.Terms, in.Body, nil)
}

type toggleState struct {
	exchange
	DeviceID
	Terms
	Body api.Toggle
}

func (s *server) toggleState(ctx context.Context, in *toggleState) (*revised[api.Change], error) {
	return s.changeOne(ctx, &in.exchange, in.ID, &in.Terms, nil, in.Body.States)
}

// changeOne requests one change of one device, and follows it as long as was asked.
func (s *server) changeOne(ctx context.Context, x *exchange, id string, t *Terms, states api.States, toggle []string) (*revised[api.Change], error) {
	d, err := s.findDevice(id)
	if err != nil {
		return nil, err
	}
	request, wait, err := s.parseTerms(t)
	if err != nil {
		return nil, err
	}
	request.Device, request.By = d.ID, s.requester(ctx, x.r)
	if request.States, request.Toggle, err = s.checkStates(d, states, toggle); err != nil {
		return nil, err
	}
	result := s.requestChanges(ctx, []vaiven.ChangeRequest{request})[0]
	if err := s.refusalOf(d.ID, &result); err != nil {
		return nil, err
	}
	if wait > 0 {
		x.extendDeadline(wait)
	}
	c := s.followChange(ctx, time.Now(), wait, d, &request, &result)
	out := &revised[api.Change]{Status: http.StatusAccepted, ETag: etag(c.Rev), Body: c}
	if c.Done() {
		out.Status = http.StatusOK
	}
	return out, nil
}

// maxTargets bounds the devices of one request.
const maxTargets = 1000

type setStates struct {
	exchange
	Key  string `header:"Idempotency-Key" maxLength:"40" doc:"16 hexadecimal digits: the same key again is the same change, for each device" example:"00d1c0ffee5eed42"`
	Body api.ManyStates
}

// target is one device of a request for several.
type target struct {
	device  *vaiven.DeviceInfo
	request vaiven.ChangeRequest
	result  vaiven.ChangeResult
	out     *api.Outcome
}

// setStates requests all changes at once, so that one commit may hold them.
func (s *server) setStates(ctx context.Context, in *setStates) (*body[api.Outcomes], error) {
	b := &in.Body
	request, wait, err := s.parseTerms(&Terms{Within: b.Within, Wait: b.Wait, Key: in.Key})
	if err != nil {
		return nil, err
	}
	request.By = s.requester(ctx, in.r)
	if len(b.States)+len(b.Toggle) == 0 || len(b.States)+len(b.Toggle) > vaiven.MaxStates {
		return nil, s.invalid("body.states", s.o.Lang.Say("want 1 to 16 states", "se esperan de 1 a 16 estados"))
	}
	ids, err := s.targetDevices(ctx, b.Devices, b.Groups)
	if err != nil {
		return nil, err
	}
	out := make([]api.Outcome, len(ids))
	var targets []target
	var requests []vaiven.ChangeRequest
	for i, id := range ids {
		out[i].Device = id
		if !who(ctx).Sees(id) {
			s.setRefused(&out[i], s.guard.otherDevices())
			continue
		}
		d, ok := s.o.Devices.Device(id)
		if !ok {
			s.setRefused(&out[i], s.unknownDevice(id))
			continue
		}
		request.Device = id
		if request.States, request.Toggle, err = s.checkStates(&d, b.States, b.Toggle); err != nil {
			s.setRefused(&out[i], err)
			continue
		}
		targets = append(targets, target{device: &d, request: request, out: &out[i]})
		requests = append(requests, request)
	}
	if len(requests) > 0 {
		for i, result := range s.requestChanges(ctx, requests) {
			targets[i].result = result
		}
	}
	if wait > 0 {
		in.extendDeadline(wait)
	}
	// One after the other, all since the same moment: those that end meanwhile have
	// ended when their turn comes.
	since := time.Now()
	for i := range targets {
		t := &targets[i]
		if err := s.refusalOf(t.device.ID, &t.result); err != nil {
			s.setRefused(t.out, err)
			continue
		}
		c := s.followChange(ctx, since, wait, t.device, &t.request, &t.result)
		t.out.Change, t.out.Status = &c, http.StatusAccepted
		if c.Done() {
			t.out.Status = http.StatusOK
		}
	}
	return &body[api.Outcomes]{api.Outcomes{Outcomes: out}}, nil
}

func (s *server) setRefused(o *api.Outcome, err error) {
	if errors.As(s.fail(err), &o.Error) {
		o.Status = o.Error.Status
	}
}

// targetDevices lists the devices of a request, each once.
func (s *server) targetDevices(ctx context.Context, devices []vaiven.Device, groups []string) ([]vaiven.Device, error) {
	var ids []vaiven.Device
	seen := map[vaiven.Device]bool{}
	add := func(d vaiven.Device) bool {
		if !seen[d] {
			seen[d] = true
			ids = append(ids, d)
		}
		return len(ids) <= maxTargets
	}
	for _, text := range devices {
		d, err := s.parseDevice(string(text))
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
			return nil, s.tableFailed(err)
		}
	}
	slices.Sort(ids[named:])
	switch {
	case len(ids) > maxTargets:
		return nil, api.NewProblem(http.StatusRequestEntityTooLarge, string(vaiven.CodeTooLarge),
			s.o.Lang.Say("more than 1000 devices", "más de 1000 dispositivos"),
			s.o.Lang.Say("ask for them in several requests", "pídelos en varias peticiones"))
	case len(ids) == 0:
		return nil, s.invalid("body.devices", s.o.Lang.Say("no device and no group with devices", "ningún dispositivo y ningún grupo con dispositivos"))
	}
	return ids, nil
}

func (s *server) requestChanges(ctx context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return s.o.Twins.AskMany(ctx, requests)
}

// requester says who asks, for the log: what was shown, and from where.
func (s *server) requester(ctx context.Context, r *http.Request) string {
	from := s.o.Remote(r).String()
	switch p := who(ctx); {
	case p.Use == vaiven.UseBrowser:
		return "browser " + from
	case p.Use == vaiven.UseAPI:
		return "api " + p.Name + " " + from
	}
	return "api " + from
}

// Bounds of the terms.
const (
	maxWithin = 24 * time.Hour
	maxWait   = 60 * time.Second
)

// parseTerms reads how a change is asked for.
func (s *server) parseTerms(t *Terms) (r vaiven.ChangeRequest, wait time.Duration, err error) {
	if r.Within, err = s.parseDuration("query.within", t.Within, maxWithin); err != nil {
		return r, 0, err
	}
	if wait, err = s.parseDuration("query.wait", t.Wait, maxWait); err != nil {
		return r, 0, err
	}
	if t.Key != "" {
		if r.Key, err = vaiven.ParseKey(t.Key); err != nil {
			return r, 0, s.invalid("header.Idempotency-Key", s.o.Lang.Say("want 16 hexadecimal digits", "se esperan 16 cifras hexadecimales"))
		}
	}
	if t.IfMatch != "" && t.IfMatch != "*" {
		r.HasIf = true
		if r.If, err = strconv.ParseUint(strings.Trim(t.IfMatch, `"`), 10, 64); err != nil {
			return r, 0, s.invalid("header.If-Match", s.o.Lang.Say(`want one REV in quotes, as "7"`, `se espera un REV entre comillas, como "7"`))
		}
	}
	return r, wait, nil
}

// parseDuration reads a time as 5s or 2m; "" is 0.
func (s *server) parseDuration(location, text string, limit time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > limit {
		return 0, s.invalid(location, s.o.Lang.Say("want a time as 500ms, 5s or 2m, at most ", "se espera un tiempo como 500ms, 5s o 2m, como mucho ")+limit.String())
	}
	return d, nil
}

// checkStates looks whether the device has the states, whose names may be in either
// case, and returns them as they are asked for.
func (s *server) checkStates(d *vaiven.DeviceInfo, states api.States, toggle []string) ([]vaiven.Value, []string, error) {
	t, _ := s.o.Twins.State(d.ID)
	known := t.Askable(s.o.States, d.Declared)
	seen := map[string]bool{}
	check := func(name string) (string, error) {
		name = strings.ToUpper(name)
		short := vaiven.Shorten(name)
		switch {
		case !slices.Contains(known, name):
			p := api.NewProblem(http.StatusUnprocessableEntity, codeUnknownState,
				s.o.Lang.Say("device "+string(d.ID)+" has no state "+short, "el dispositivo "+string(d.ID)+" no tiene el estado "+short),
				s.o.Lang.Say("states known: ", "estados conocidos: ")+strings.Join(known, ", "))
			p.States = known
			return "", p
		case seen[name]:
			return "", s.invalid("body", s.o.Lang.Say("state "+short+" is there twice", "el estado "+short+" está dos veces"))
		}
		seen[name] = true
		return name, nil
	}
	var values []vaiven.Value
	for name, v := range states {
		name, err := check(name)
		if err != nil {
			return nil, nil, err
		}
		values = append(values, vaiven.Value{Name: name, Num: float64(v)})
	}
	slices.SortFunc(values, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) })
	var toggled []string
	for _, name := range toggle {
		name, err := check(name)
		if err != nil {
			return nil, nil, err
		}
		toggled = append(toggled, name)
	}
	return values, toggled, nil
}

// refusalOf is the answer to a change that was not accepted, nil when it was.
func (s *server) refusalOf(d vaiven.Device, r *vaiven.ChangeResult) error {
	if r.Err != nil {
		return s.fail(r.Err)
	}
	switch r.Refused {
	case vaiven.RefusedRev:
		t, _ := s.o.Twins.State(d)
		p := api.NewProblem(http.StatusPreconditionFailed, vaiven.RefusedRev,
			s.o.Lang.Say("somebody else changed it: its REV is "+etag(t.Rev), "alguien lo cambió antes: su REV es "+etag(t.Rev)),
			s.o.Lang.Say("read the state again, then decide", "lee el estado otra vez y decide"))
		p.Rev = &t.Rev
		return huma.ErrorWithHeaders(p, http.Header{"Etag": {etag(t.Rev)}})
	case vaiven.RefusedStates:
		most := strconv.Itoa(vaiven.MaxStates)
		return api.NewProblem(http.StatusUnprocessableEntity, vaiven.RefusedStates,
			s.o.Lang.Say("a device has at most "+most+" wanted states", "un dispositivo tiene como mucho "+most+" estados deseados"), "")
	}
	return nil
}

// noReportWait is how long a change of a board that does not report is followed: it
// may be the first that the board answers.
const noReportWait = time.Second

// followChange waits until a change has ended, or for as long as it may, and says how
// far it has got.
func (s *server) followChange(ctx context.Context, since time.Time, wait time.Duration, d *vaiven.DeviceInfo, r *vaiven.ChangeRequest, result *vaiven.ChangeResult) api.Change {
	c := api.Change{Device: d.ID, Key: result.Key, Rev: result.Rev, Phase: api.PhaseAsked, States: statesOf(result.Values), By: r.By}
	c.Status, _, _ = statusNow(s.now(), d)
	if s.refreshChange(&c); c.Done() {
		return c
	}
	// It sends readings, and nothing that speaks for an answer.
	t, _ := s.o.Twins.State(d.ID)
	noReport := d.Readings > 0 && d.Mute(&t)
	if noReport {
		wait = min(wait, noReportWait)
	}
	if end, ok := s.awaitEnd(ctx, since.Add(wait), d.ID, result.Key); ok {
		setEnded(&c, &vaiven.Ended{End: end})
	}
	s.refreshChange(&c) // also when it was sent; and an end that came just now
	c.NoReport = noReport && !c.Done()
	if now, ok := s.o.Devices.Device(d.ID); ok {
		c.Status, _, _ = statusNow(s.now(), &now)
	}
	return c
}

// awaitEnd returns the end of a change, if it comes in time.
func (s *server) awaitEnd(ctx context.Context, until time.Time, d vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, bool) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if ctx.Err() == nil { // else an end that came already is told at once
		select {
		case s.waiting <- struct{}{}:
			defer func() { <-s.waiting }()
		default:
			return vaiven.ChangeEnd{}, false
		}
	}
	end, err := s.o.Twins.Wait(ctx, d, key)
	return end, err == nil
}

// refreshChange takes over what the twin knows of the change now.
func (s *server) refreshChange(c *api.Change) {
	t, _ := s.o.Twins.State(c.Device)
	for i := range t.Recent {
		if t.Recent[i].End.Key == c.Key {
			setEnded(c, &t.Recent[i])
			return
		}
	}
	i := slices.IndexFunc(t.Open, func(p vaiven.Pending) bool { return p.Key == c.Key })
	if i >= 0 && !c.Done() {
		setOpen(c, &t.Open[i])
	}
}

// setOpen writes a change that has not ended.
func setOpen(c *api.Change, p *vaiven.Pending) {
	c.Key, c.Rev, c.States, c.By = p.Key, p.Rev, statesOf(p.States), p.By
	c.Asked, c.Deadline, c.Sent = moment(p.Asked), moment(p.Deadline), moment(p.Sent)
	c.Phase = api.PhaseAsked
	if p.Sent != 0 {
		c.Phase = api.PhaseSent
	}
}

// setEnded writes a change that has ended; what its end does not say stays: an old
// one tells the least.
func setEnded(c *api.Change, l *vaiven.Ended) {
	e := &l.End
	took := e.Took()
	c.Key, c.Phase, c.Reason = e.Key, api.Phase(e.Outcome), e.Reason
	c.Asked, c.Ended, c.TookMS = moment(e.Asked), moment(e.At), &took
	c.By, c.Rev = cmp.Or(e.By, c.By), cmp.Or(e.Rev, c.Rev)
	c.Sent, c.Deadline = cmp.Or(moment(l.Sent), c.Sent), cmp.Or(moment(l.Deadline), c.Deadline)
	if len(e.States) > 0 {
		c.States = statesOf(e.States)
	}
}

func statesOf(values []vaiven.Value) api.States {
	m := make(api.States, len(values))
	for _, v := range values {
		m[v.Name] = api.Number(v.Num)
	}
	return m
}
