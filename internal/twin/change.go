package twin

import (
	"container/heap"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"vaiven"
)

// Why Wait has no end to tell of.
var (
	// ErrUnknown: the log has no such change of this device, or it ended too
	// long ago to be remembered.
	ErrUnknown = errors.New("no such change")
	// ErrForgotten: the device was forgotten before the change ended.
	ErrForgotten = errors.New("the device was forgotten")
)

// maxAsked bounds the changes of a device that are on their way into the log or
// have no end there yet: half of what its readers remember, who would drop the
// ends of the oldest otherwise. The keeper writes ends as fast as the log takes
// them, so this is reached only by hundreds who ask at once.
const maxAsked = vaiven.MaxUnended / 2

// asker is one Ask of a change that is on its way into the log.
type asker struct {
	key    vaiven.Key
	answer chan vaiven.Answer // holds one
}

// ending is how a change ended, or why nobody will know.
type ending struct {
	end vaiven.ChangeEnd
	err error
}

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
	answers := make([]chan vaiven.Answer, len(requests))
	events := make([]vaiven.Event, 0, len(requests))
	for i, r := range requests {
		e, err := t.newChange(r)
		if err != nil {
			results[i].Err = fmt.Errorf("twin: ask: %w", err)
			continue
		}
		results[i].Key = e.Key
		answer, known := t.addAsker(e.Device, e.Key)
		if answer == nil {
			busy := &vaiven.Error{Code: vaiven.CodeBusy, Reason: "crowd", Device: e.Device, At: -1, Retry: time.Second}
			results[i].Err = fmt.Errorf("twin: ask: %w", busy)
			continue
		}
		answers[i] = answer
		if !known {
			events = append(events, e)
		}
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.removeAskers(e.Device, func(a asker) bool { return a.answer == answer })
		}()
	}
	var failed error // why nothing is written
	if len(events) > 0 {
		failed = t.o.Log.Append(ctx, events, nil)
	}
	for i, answer := range answers {
		if answer != nil {
			awaitAnswer(ctx, &results[i], answer, failed)
		}
	}
	return results
}

// newChange makes the event of a request.
func (t *Twin) newChange(r vaiven.ChangeRequest) (*vaiven.Change, error) {
	if t.o.Log == nil {
		return nil, errors.New("no log")
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	e := &vaiven.Change{
		Stamp: t.o.Stamp(), Device: r.Device, States: slices.Clone(r.States), Toggle: slices.Clone(r.Toggle),
		By: r.By, Deadline: r.Deadline, HasIf: r.HasIf, If: r.If,
	}
	if r.Within > 0 {
		until := e.At + max(1, r.Within.Milliseconds())
		if e.Deadline == 0 || until < e.Deadline {
			e.Deadline = until
		}
	}
	var err error
	if r.Key != "" {
		e.Key, err = vaiven.ParseKey(string(r.Key))
		return e, err
	}
	var b [8]byte
	t.randMu.Lock()
	defer t.randMu.Unlock()
	if _, err := io.ReadFull(t.o.Rand, b[:]); err != nil {
		return nil, fmt.Errorf("random key: %w", err)
	}
	e.Key = vaiven.Key(hex.EncodeToString(b[:]))
	return e, nil
}

// addAsker returns where the answer to a change will come, which has to be asked
// for before it is written; nil when there are too many already. known means
// that it was given already.
func (t *Twin) addAsker(id vaiven.Device, key vaiven.Key) (answer chan vaiven.Answer, known bool) {
	answer = make(chan vaiven.Answer, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	unended := 0
	if d := t.devices[id]; d != nil {
		if a, ok := d.Answer(key); ok {
			answer <- a
			return answer, true
		}
		unended = len(d.Open) + len(d.Owed)
	}
	if len(t.askers[id])+unended >= maxAsked {
		return nil, false
	}
	t.askers[id] = append(t.askers[id], asker{key, answer})
	return answer, false
}

// removeAskers removes those of a device who need no answer any more. t.mu is held.
func (t *Twin) removeAskers(id vaiven.Device, remove func(asker) bool) {
	left := slices.DeleteFunc(t.askers[id], remove)
	if len(left) == 0 {
		delete(t.askers, id)
		return
	}
	t.askers[id] = left
}

// awaitAnswer takes over the answer; failed is why nothing was written, if so. What
// was answered before the request counts also then.
func awaitAnswer(ctx context.Context, r *vaiven.ChangeResult, answer chan vaiven.Answer, failed error) {
	if failed == nil {
		select {
		case r.Answer = <-answer:
		case <-ctx.Done():
			failed = ctx.Err()
		}
	}
	if failed != nil {
		select {
		case r.Answer = <-answer:
		default:
			r.Err = fmt.Errorf("twin: ask: %w", failed)
		}
	}
	r.Values = slices.Clone(r.Values)
}

// Wait returns how a change ended, at once when it has, otherwise as soon as
// the log says so. The errors are ErrUnknown, ErrForgotten, and ctx's; an
// offline board's change may take for ever, so ctx needs an end.
func (t *Twin) Wait(ctx context.Context, id vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, error) {
	r, ch := ref{id, key}, make(chan ending, 1)
	t.mu.Lock()
	d, known := t.devices[id], false
	if d != nil {
		_, known = d.Answer(key)
	}
	if !known {
		ch <- ending{err: ErrUnknown}
	} else if past, over := d.End(key); over {
		ch <- ending{end: past.End}
	} else {
		t.waiters[r] = append(t.waiters[r], ch)
		defer func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.waiters[r] = slices.DeleteFunc(t.waiters[r], func(c chan ending) bool { return c == ch })
			if len(t.waiters[r]) == 0 {
				delete(t.waiters, r)
			}
		}()
	}
	t.mu.Unlock()
	var e ending
	select {
	case e = <-ch: // first, also if ctx is done
	default:
		select {
		case e = <-ch:
		case <-ctx.Done():
			e.err = ctx.Err()
		}
	}
	if e.err != nil {
		return vaiven.ChangeEnd{}, fmt.Errorf("twin: change %s of %s: %w", key, id, e.err)
	}
	e.end.States = slices.Clone(e.end.States) // the twin's own
	return e.end, nil
}

// endChange takes a change off the keeper's agenda, and tells those who wait how it
// ended; each channel has room for that. t.mu is held.
func (t *Twin) endChange(r ref, e ending) {
	if k := t.agenda.tasks[r]; k != nil && k.index != handed {
		heap.Remove(&t.agenda.due, k.index)
	}
	delete(t.agenda.tasks, r)
	for _, ch := range t.waiters[r] {
		ch <- e
	}
	delete(t.waiters, r)
}
