package twin

import (
	"slices"

	"vaiven"
)

// watcher is somebody who is told of changes. It has an identity, unlike fn.
type watcher struct{ fn func(vaiven.Device) }

// Watch has fn told of each device whose desired or reported states, or whose
// open changes, became others: after a change counted, was sent or ended, the
// board reported something new, or the device was forgotten.
// What they are now is for fn, or whoever it wakes, to ask (Desired, Device).
//
// fn is called by the goroutine that applies the log, without any lock: it must
// return at once, and must not wait for the log. A call that is under way when
// stop is called may still end after it.
func (t *Twin) Watch(fn func(vaiven.Device)) (stop func()) {
	w := &watcher{fn}
	t.watchMu.Lock()
	defer t.watchMu.Unlock()
	t.watchers = append(slices.Clone(t.watchers), w)
	return func() {
		t.watchMu.Lock()
		defer t.watchMu.Unlock()
		t.watchers = slices.DeleteFunc(slices.Clone(t.watchers), func(o *watcher) bool { return o == w })
	}
}

func (t *Twin) tell(devices []vaiven.Device) {
	if len(devices) == 0 {
		return
	}
	t.watchMu.Lock()
	watchers := t.watchers
	t.watchMu.Unlock()
	for _, id := range devices {
		for _, w := range watchers {
			w.fn(id)
		}
	}
}
