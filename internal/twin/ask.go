package twin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"vaiven"
)

// Request is a change of a device's desired state.
type Request struct {
	Device vaiven.Device
	States []vaiven.Value // what they are to be; together with Toggle 1 to vaiven.MaxStates, each once
	Toggle []string       // states to be turned over: 0 becomes 1, all else 0
	By     string         // who asks, for people; at most 128 bytes

	// Within and Deadline bound when it may be applied: so long from now, or
	// until this moment in Unix ms UTC on the server's clock. The earlier
	// counts; 0: no bound.
	Within   time.Duration
	Deadline int64

	// HasIf makes it compare and set: refused unless the device's REV is If.
	HasIf bool
	If    uint64

	// Key names the change, so that asking again does not change again, as long
	// as it is open or among the device's last 32. "": a new one.
	Key vaiven.Key
}

// Asked is what a change was given.
type Asked struct {
	Key     vaiven.Key
	Rev     uint64         // 0: refused
	Values  []vaiven.Value // by name, toggles resolved
	Refused string         // why, as vaiven.RefusedRev and others have it; "": accepted
}

// Result is the outcome of one of several requests.
type Result struct {
	Device vaiven.Device
	Asked  Asked
	Err    error
}

// maxBy bounds Request.By, in bytes.
const maxBy = 128

// Ask writes a change to the log, and returns when it counts: with its REV, or
// with why it was refused. It does not wait for the board (see Wait). Errors: a
// *vaiven.Error about the request, or with CodeBusy when the log takes nothing
// now or hundreds of changes of this device have not ended; ctx's, and then the change may still come to count, under Asked.Key.
func (t *Twin) Ask(ctx context.Context, r Request) (Asked, error) {
	res := t.AskMany(ctx, []Request{r})[0]
	return res.Asked, res.Err
}

// AskMany asks for several changes at once, next to each other in the log, and
// returns what came of each, in the same order. One that is wrong does not stop
// the others.
func (t *Twin) AskMany(ctx context.Context, requests []Request) []Result {
	results := make([]Result, len(requests))
	waits := make([]chan answer, len(requests))
	events := make([]vaiven.Event, 0, len(requests))
	for i, r := range requests {
		results[i].Device = r.Device
		e, err := t.word(r)
		if err != nil {
			results[i].Err = fmt.Errorf("twin: ask: %w", err)
			continue
		}
		results[i].Asked.Key = e.Key
		var known bool
		if waits[i], known = t.expect(ref{e.Device, e.Key}); waits[i] == nil {
			results[i].Err = fmt.Errorf("twin: ask: %w", crowd(e.Device))
			continue
		}
		if !known {
			events = append(events, e)
		}
		defer t.unexpect(ref{e.Device, e.Key}, waits[i])
	}
	err := t.write(ctx, events)
	for i, ch := range waits {
		if ch != nil {
			results[i].take(ctx, ch, err)
		}
	}
	return results
}

func (t *Twin) write(ctx context.Context, events []vaiven.Event) error {
	if len(events) == 0 {
		return nil
	}
	return t.o.Log.Append(ctx, events, nil)
}

// take waits for the answer; failed is why nothing was written, if so. What was
// answered before the request counts also then.
func (r *Result) take(ctx context.Context, ch chan answer, failed error) {
	if failed == nil {
		select {
		case a := <-ch:
			r.set(a)
			return
		case <-ctx.Done():
			failed = ctx.Err()
		}
	}
	select {
	case a := <-ch:
		r.set(a)
	default:
		r.Err = fmt.Errorf("twin: ask: %w", failed)
	}
}

func (r *Result) set(a answer) {
	r.Asked.Rev, r.Asked.Values, r.Asked.Refused = a.rev, slices.Clone(a.values), a.refused
}

// maxAsked bounds the changes of a device that are on their way into the log or
// have no end there yet: half of what its readers remember, who would drop the
// ends of the oldest otherwise. The keeper writes ends as fast as the log takes
// them, so this is reached only by hundreds who ask at once.
const maxAsked = maxUnended / 2

// crowd is why a change is not asked for now.
func crowd(id vaiven.Device) error {
	return &vaiven.Error{Code: vaiven.CodeBusy, Reason: "crowd", Device: id, At: -1, Retry: time.Second}
}

// expect returns where the answer to a change will come, which has to be asked
// for before it is written; nil when there are too many already. known means
// that it was given already.
func (t *Twin) expect(r ref) (ch chan answer, known bool) {
	ch = make(chan answer, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.devices[r.device]; d != nil {
		if a, ok := d.answer(r.key); ok {
			ch <- a
			return ch, true
		}
		if t.askers[r.device]+len(d.Open)+len(d.Owed) >= maxAsked {
			return nil, false
		}
	}
	if t.askers[r.device] >= maxAsked {
		return nil, false
	}
	t.asking[r] = append(t.asking[r], ch)
	t.askers[r.device]++
	return ch, false
}

// served takes n off those who ask for changes of a device. t.mu is held.
func (t *Twin) served(id vaiven.Device, n int) {
	if t.askers[id] -= n; t.askers[id] <= 0 {
		delete(t.askers, id)
	}
}

// answered tells who asked; each channel has room for the one answer. t.mu is
// held.
func (t *Twin) answered(r ref, a answer) {
	for _, ch := range t.asking[r] {
		ch <- a
	}
	t.served(r.device, len(t.asking[r]))
	delete(t.asking, r)
}

func (t *Twin) unexpect(r ref, ch chan answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.asking[r])
	t.asking[r] = slices.DeleteFunc(t.asking[r], func(c chan answer) bool { return c == ch })
	t.served(r.device, before-len(t.asking[r]))
	if len(t.asking[r]) == 0 {
		delete(t.asking, r)
	}
}

// word makes the event of a request.
func (t *Twin) word(r Request) (*vaiven.Change, error) {
	if t.o.Log == nil {
		return nil, errors.New("no log")
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	e := &vaiven.Change{
		Stamp: t.o.Stamp(), Device: r.Device, Key: r.Key, States: slices.Clone(r.States), Toggle: slices.Clone(r.Toggle),
		By: r.By, Deadline: r.Deadline, HasIf: r.HasIf, If: r.If,
	}
	if r.Within > 0 {
		until := e.At + max(1, r.Within.Milliseconds())
		if e.Deadline == 0 || until < e.Deadline {
			e.Deadline = until
		}
	}
	if r.Key != "" {
		key, err := vaiven.ParseKey(string(r.Key))
		e.Key = key
		return e, err
	}
	key, err := t.newKey()
	e.Key = key
	return e, err
}

func (t *Twin) newKey() (vaiven.Key, error) {
	var b [8]byte
	t.keyMu.Lock()
	defer t.keyMu.Unlock()
	if _, err := io.ReadFull(t.o.Rand, b[:]); err != nil {
		return "", fmt.Errorf("random key: %w", err)
	}
	return vaiven.Key(hex.EncodeToString(b[:])), nil
}

// check refuses what would be wrong at every time, before it is in the log.
func (r *Request) check() error {
	if r.Device == "" {
		return &vaiven.Error{Code: vaiven.CodeMissingDevice, Key: vaiven.KeyDevice, At: -1}
	}
	if len(r.By) > maxBy {
		return &vaiven.Error{Code: vaiven.CodeTooLarge, Key: "by", Got: vaiven.Shorten(r.By), At: -1, Device: r.Device}
	}
	if r.Within < 0 || r.Deadline < 0 {
		return &vaiven.Error{Code: vaiven.CodeOutOfRange, Key: "within", At: -1, Device: r.Device}
	}
	all := slices.Clone(r.States)
	for _, name := range r.Toggle {
		all = append(all, vaiven.Value{Name: name})
	}
	if len(all) > vaiven.MaxStates {
		return &vaiven.Error{Code: vaiven.CodeTooLarge, Reason: vaiven.RefusedStates, At: -1, Device: r.Device}
	}
	if err := (vaiven.Rules{}).Check(all); err != nil {
		return err
	}
	for i, v := range all {
		_, twice := vaiven.Find(all[:i], v.Name)
		if twice || reserved[v.Name] {
			return &vaiven.Error{Code: vaiven.CodeBadName, Key: v.Name, At: -1, Device: r.Device}
		}
	}
	return nil
}

// reserved are names that mean something else in the messages between server
// and board, so that no state can have them.
var reserved = map[string]bool{
	vaiven.KeyHello: true, vaiven.KeyDevice: true, vaiven.KeyBoot: true, vaiven.KeySeq: true, vaiven.KeyAge: true,
	vaiven.KeyTime: true, vaiven.KeyOldest: true, vaiven.KeyNext: true, vaiven.KeyLost: true, vaiven.KeyUp: true,
	vaiven.KeySleep: true, vaiven.KeyStates: true, vaiven.KeyRev: true, vaiven.KeyFW: true, vaiven.KeyToken: true,
	"WELCOME": true, "ACK": true, "NOW": true, "UNTIL": true, "ERROR": true, "CODE": true, "AT": true,
	"BYE": true, "RETRY": true,
}
