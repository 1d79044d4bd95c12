package twin

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// waited is how a change ended, or why nobody will know.
type waited struct {
	end vaiven.ChangeEnd
	err error
}

// Wait returns how a change ended, at once when it has, otherwise as soon as
// the log says so. The errors are ErrUnknown, ErrForgotten, and ctx's; an
// offline board's change may take for ever, so ctx needs an end.
func (t *Twin) Wait(ctx context.Context, id vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, error) {
	r := ref{id, key}
	ch := make(chan waited, 1)
	t.mu.Lock()
	w, over := t.expectEnd(r, ch)
	t.mu.Unlock()
	if over {
		return w.end, wrap(r, w.err)
	}
	defer t.leave(r, ch)
	select {
	case w := <-ch:
		return w.end, wrap(r, w.err)
	case <-ctx.Done():
		return vaiven.ChangeEnd{}, wrap(r, ctx.Err())
	}
}

// expectEnd registers ch, unless there is nothing left to wait for. t.mu is held.
func (t *Twin) expectEnd(r ref, ch chan waited) (waited, bool) {
	d := t.devices[r.device]
	if d == nil {
		return waited{err: ErrUnknown}, true
	}
	if l, ok := d.End(r.key); ok {
		l.End.States = slices.Clone(l.End.States)
		return waited{end: l.End}, true
	}
	if _, known := d.Answer(r.key); !known {
		return waited{err: ErrUnknown}, true
	}
	t.waiting[r] = append(t.waiting[r], ch)
	return waited{}, false
}

// ended tells who waits; each channel has room for the one answer. t.mu is held.
func (t *Twin) ended(r ref, w waited) {
	for _, ch := range t.waiting[r] {
		own := w
		own.end.States = slices.Clone(w.end.States)
		ch <- own
	}
	delete(t.waiting, r)
}

func (t *Twin) leave(r ref, ch chan waited) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[r] = slices.DeleteFunc(t.waiting[r], func(c chan waited) bool { return c == ch })
	if len(t.waiting[r]) == 0 {
		delete(t.waiting, r)
	}
}

func wrap(r ref, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("twin: change %s of %s: %w", r.key, r.device, err)
}
