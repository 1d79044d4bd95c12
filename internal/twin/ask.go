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

// Ask writes a change to the log, and returns when it counts: with its REV, or
// with why it was refused. It does not wait for the board (see Wait). Errors: a
// *vaiven.Error about the request, or with CodeBusy when the log takes nothing
// now or hundreds of changes of this device have not ended; ctx's, and then the change
// may still come to count, under the result's Key.
func (t *Twin) Ask(ctx context.Context, r vaiven.ChangeRequest) (vaiven.ChangeResult, error) {
	res := t.AskMany(ctx, []vaiven.ChangeRequest{r})[0]
	return res, res.Err
}

// AskMany asks for several changes at once, next to each other in the log, and
// returns what came of each, in the same order. One that is wrong does not stop
// the others.
func (t *Twin) AskMany(ctx context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult {
	results := make([]vaiven.ChangeResult, len(requests))
	waits := make([]chan vaiven.Answer, len(requests))
	events := make([]vaiven.Event, 0, len(requests))
	for i, r := range requests {
		e, err := t.word(r)
		if err != nil {
			results[i].Err = fmt.Errorf("twin: ask: %w", err)
			continue
		}
		results[i].Key = e.Key
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
			await(ctx, &results[i], ch, err)
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

// await takes over the answer; failed is why nothing was written, if so. What was
// answered before the request counts also then.
func await(ctx context.Context, r *vaiven.ChangeResult, ch chan vaiven.Answer, failed error) {
	if failed == nil {
		select {
		case r.Answer = <-ch:
		case <-ctx.Done():
			failed = ctx.Err()
		}
	}
	if failed != nil {
		select {
		case r.Answer = <-ch:
		default:
			r.Err = fmt.Errorf("twin: ask: %w", failed)
		}
	}
	r.Values = slices.Clone(r.Values)
}

// maxAsked bounds the changes of a device that are on their way into the log or
// have no end there yet: half of what its readers remember, who would drop the
// ends of the oldest otherwise. The keeper writes ends as fast as the log takes
// them, so this is reached only by hundreds who ask at once.
const maxAsked = vaiven.MaxUnended / 2

// crowd is why a change is not asked for now.
func crowd(id vaiven.Device) error {
	return &vaiven.Error{Code: vaiven.CodeBusy, Reason: "crowd", Device: id, At: -1, Retry: time.Second}
}

// expect returns where the answer to a change will come, which has to be asked
// for before it is written; nil when there are too many already. known means
// that it was given already.
func (t *Twin) expect(r ref) (ch chan vaiven.Answer, known bool) {
	ch = make(chan vaiven.Answer, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.devices[r.device]; d != nil {
		if a, ok := d.Answer(r.key); ok {
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
func (t *Twin) answered(r ref, a vaiven.Answer) {
	for _, ch := range t.asking[r] {
		ch <- a
	}
	t.served(r.device, len(t.asking[r]))
	delete(t.asking, r)
}

func (t *Twin) unexpect(r ref, ch chan vaiven.Answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.asking[r])
	t.asking[r] = slices.DeleteFunc(t.asking[r], func(c chan vaiven.Answer) bool { return c == ch })
	t.served(r.device, before-len(t.asking[r]))
	if len(t.asking[r]) == 0 {
		delete(t.asking, r)
	}
}

// word makes the event of a request.
func (t *Twin) word(r vaiven.ChangeRequest) (*vaiven.Change, error) {
	if t.o.Log == nil {
		return nil, errors.New("no log")
	}
	if err := r.Check(); err != nil {
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
