package web

import (
	"context"
	"errors"
	"net"
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
		method: http.MethodGet, path: "/devices/{id}/state", id: "getState", tag: "state", refusals: []int{400, 404},
		summary:  "What a device's states ought to be, and are",
		examples: []example{{name: "get-state.json", title: "An LED that is on, as it was wanted", path: "/devices/101/state"}},
	}, s.getState)
	also := map[int]string{http.StatusAccepted: "The change is in the log and has not ended yet"}
	register(s, operation{
		method: http.MethodPut, path: "/devices/{id}/state", id: "setState", tag: "state", also: also, refusals: []int{400, 404, 412, 413},
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
		method: http.MethodPost, path: "/devices/{id}/state/toggle", id: "toggleState", tag: "state", also: also, refusals: []int{400, 404, 412, 413},
		summary:  "Turn states of a device over",
		about:    "0 becomes 1, all else becomes 0; of what is wanted, or of what the board reported when nothing is.",
		examples: []example{{name: "toggle-state.json", title: "The LED", path: "/devices/101/state/toggle?wait=2s", body: `{"states":["LED"]}`}},
	}, s.toggleState)
}

func (s *server) getState(_ context.Context, in *struct{ DeviceID }) (*revised[api.State], error) {
	d, err := s.known(in.ID)
	if err != nil {
		return nil, err
	}
	t, _ := s.o.Twins.State(d.ID)
	now, want := s.now(), t.Desired()
	out := api.State{
		Device: d.ID, Rev: t.Rev, Desired: statesMap(want.States), Reported: valuesOf(now, d.States),
		ReportedRev: t.BootRev, Reports: t.Reports, Until: moment(want.Until),
		Open: []api.Change{}, Recent: []api.Change{}, Known: t.Askable(s.o.States, d.Declared),
	}
	for i := range t.Open {
		c := api.Change{Device: d.ID}
		openChange(&c, &t.Open[i])
		out.Open = append(out.Open, c)
	}
	for i := range t.Recent {
		c := api.Change{Device: d.ID}
		endedChange(&c, &t.Recent[i])
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
	return s.change(ctx, &in.exchange, in.ID, &in.Terms, in.Body, nil)
}

type toggleState struct {
	exchange
	DeviceID
	Terms
	Body api.Toggle
}

func (s *server) toggleState(ctx context.Context, in *toggleState) (*revised[api.Change], error) {
	return s.change(ctx, &in.exchange, in.ID, &in.Terms, nil, in.Body.States)
}

// change asks for one change of one device.
func (s *server) change(ctx context.Context, x *exchange, id string, t *Terms, states api.States, toggle []string) (*revised[api.Change], error) {
	d, err := s.known(id)
	if err != nil {
		return nil, err
	}
	ask, wait, err := s.terms(t)
	if err != nil {
		return nil, err
	}
	ask.Device, ask.By = d.ID, by(x.r)
	twin, _ := s.o.Twins.State(d.ID)
	if ask.States, ask.Toggle, err = s.wanted(d, &twin, states, toggle); err != nil {
		return nil, err
	}
	asked := s.askAll(ctx, []vaiven.ChangeRequest{ask})[0]
	if err := s.askedError(d.ID, &asked); err != nil {
		return nil, err
	}
	if wait > 0 {
		x.linger(wait)
	}
	c := s.follow(ctx, time.Now(), wait, d, &ask, &asked)
	out := &revised[api.Change]{Status: http.StatusAccepted, ETag: etag(c.Rev), Body: c}
	if c.Done() {
		out.Status = http.StatusOK
	}
	return out, nil
}

func (s *server) askAll(ctx context.Context, asks []vaiven.ChangeRequest) []vaiven.ChangeResult {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return s.o.Twins.AskMany(ctx, asks)
}

// by says who asked, for the log.
func by(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	return "api " + host
}

// Bounds of the terms.
const (
	maxWithin = 24 * time.Hour
	maxWait   = 60 * time.Second
)

// terms reads how a change is asked for.
func (s *server) terms(t *Terms) (ask vaiven.ChangeRequest, wait time.Duration, err error) {
	if ask.Within, err = s.duration("query.within", t.Within, maxWithin); err != nil {
		return ask, 0, err
	}
	if wait, err = s.duration("query.wait", t.Wait, maxWait); err != nil {
		return ask, 0, err
	}
	if t.Key != "" {
		if ask.Key, err = vaiven.ParseKey(t.Key); err != nil {
			return ask, 0, s.invalid("header.Idempotency-Key", s.o.Lang.Say("want 16 hexadecimal digits", "se esperan 16 cifras hexadecimales"))
		}
	}
	if t.IfMatch != "" && t.IfMatch != "*" {
		n, err := strconv.ParseUint(strings.Trim(t.IfMatch, `"`), 10, 64)
		if err != nil {
			return ask, 0, s.invalid("header.If-Match", s.o.Lang.Say(`want one REV in quotes, as "7"`, `se espera un REV entre comillas, como "7"`))
		}
		ask.HasIf, ask.If = true, n
	}
	return ask, wait, nil
}

// duration reads a time as 5s or 2m; "" is 0.
func (s *server) duration(location, text string, limit time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > limit {
		return 0, s.invalid(location, s.o.Lang.Say("want a time as 500ms, 5s or 2m, at most ", "se espera un tiempo como 500ms, 5s o 2m, como mucho ")+limit.String())
	}
	return d, nil
}

// wanted checks the names of states, in either case.
func (s *server) wanted(d *vaiven.DeviceInfo, t *vaiven.DeviceState, states api.States, toggle []string) ([]vaiven.Value, []string, error) {
	known := t.Askable(s.o.States, d.Declared)
	seen := map[string]bool{}
	name := func(n string) (string, error) {
		n = strings.ToUpper(n)
		switch {
		case !slices.Contains(known, n):
			return "", s.unknownState(d.ID, n, known)
		case seen[n]:
			return "", s.invalid("body", s.o.Lang.Say("state "+vaiven.Shorten(n)+" is there twice", "el estado "+vaiven.Shorten(n)+" está dos veces"))
		}
		seen[n] = true
		return n, nil
	}
	var values []vaiven.Value
	for n, v := range states {
		n, err := name(n)
		if err != nil {
			return nil, nil, err
		}
		values = append(values, vaiven.Value{Name: n, Num: float64(v)})
	}
	slices.SortFunc(values, func(a, b vaiven.Value) int { return strings.Compare(a.Name, b.Name) })
	var turn []string
	for _, n := range toggle {
		n, err := name(n)
		if err != nil {
			return nil, nil, err
		}
		turn = append(turn, n)
	}
	return values, turn, nil
}

func (s *server) unknownState(d vaiven.Device, name string, known []string) *api.Problem {
	list := strings.Join(known, ", ")
	p := api.NewProblem(http.StatusUnprocessableEntity, codeUnknownState,
		s.o.Lang.Say("device "+string(d)+" has no state "+vaiven.Shorten(name), "el dispositivo "+string(d)+" no tiene el estado "+vaiven.Shorten(name)),
		s.o.Lang.Say("states known: ", "estados conocidos: ")+list)
	p.States = known
	return p
}

// askedError is the answer to a change that was not accepted, nil when it was.
func (s *server) askedError(d vaiven.Device, a *vaiven.ChangeResult) error {
	if a.Err != nil {
		return s.fail(a.Err)
	}
	switch a.Refused {
	case vaiven.RefusedRev:
		t, _ := s.o.Twins.State(d)
		now := t.Rev
		p := api.NewProblem(http.StatusPreconditionFailed, vaiven.RefusedRev,
			s.o.Lang.Say("somebody else changed it: its REV is "+etag(now), "alguien lo cambió antes: su REV es "+etag(now)),
			s.o.Lang.Say("read the state again, then decide", "lee el estado otra vez y decide"))
		p.Rev = &now
		return withETag(p, now)
	case vaiven.RefusedStates:
		return api.NewProblem(http.StatusUnprocessableEntity, vaiven.RefusedStates,
			s.o.Lang.Say("a device has at most "+strconv.Itoa(vaiven.MaxStates)+" wanted states", "un dispositivo tiene como mucho "+strconv.Itoa(vaiven.MaxStates)+" estados deseados"), "")
	}
	return nil
}

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
