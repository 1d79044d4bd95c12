package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"vaiven"
)

// Registry is the table of devices. It implements the pump's View and Restorer.
type Registry struct {
	mu       sync.RWMutex
	devices  map[vaiven.Device]*vaiven.DeviceInfo
	approved int                   // of devices: somebody let them in
	nobody   []vaiven.RejectedCode // refused messages of no device of the log
	counts   Counts
}

// Counts are totals over all devices.
type Counts struct {
	Events    uint64 `json:"events"`
	Readings  uint64 `json:"readings"`
	Refusals  uint64 `json:"refusals"`
	Gaps      uint64 `json:"gaps"`
	Filled    uint64 `json:"filled,omitempty"`
	Rejected  uint64 `json:"rejected"`
	Devices   uint64 `json:"-"`
	Connected uint64 `json:"-"`
}

// New returns an empty registry.
func New() *Registry {
	return &Registry{devices: make(map[vaiven.Device]*vaiven.DeviceInfo)}
}

// Name is the view's name in the checkpoint.
func (r *Registry) Name() string { return "registry" }

// Apply takes a record's events. It never fails.
func (r *Registry) Apply(pos uint64, entries []vaiven.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Events += uint64(len(entries))
	for i := range entries {
		r.apply(pos, &entries[i])
	}
	return nil
}

// apply takes one event of the record pos; r.mu is held.
func (r *Registry) apply(pos uint64, en *vaiven.Entry) {
	r.counts.add(en)
	id := en.Event.Of()
	d := r.devices[id]
	switch e := en.Event.(type) {
	case *vaiven.Forgotten:
		r.countApproved(d, -1)
		delete(r.devices, id)
		return
	case *vaiven.Rejected:
		if d == nil { // who was only refused is nobody
			r.nobody = vaiven.CountRejected(r.nobody, e)
		}
	}
	if d == nil {
		if id == "" || vaiven.Refuses(en.Event) {
			return
		}
		d = &vaiven.DeviceInfo{ID: id}
		r.devices[id] = d
	}
	r.countApproved(d, -1)
	d.Apply(en.Event)
	r.countApproved(d, 1)
	if vaiven.Matters(en.Event) {
		d.Word, d.WordAt = pos, en.Event.Time().At
	}
	if en.Fills {
		d.Fill()
	}
}

// countApproved adds n for a device that somebody let in; r.mu is held.
func (r *Registry) countApproved(d *vaiven.DeviceInfo, n int) {
	if d != nil && d.Standing != nil && d.Standing.Approved {
		r.approved += n
	}
}

// add counts one event.
func (c *Counts) add(en *vaiven.Entry) {
	switch e := en.Event.(type) {
	case *vaiven.Reading:
		c.Readings++
		if en.Fills {
			c.Filled++
		}
	case *vaiven.Refusal:
		c.Refusals++
	case *vaiven.Gap:
		c.Gaps += e.To - e.From + 1
	case *vaiven.Rejected:
		c.Rejected += e.Count
	}
}

// Device returns what is known of a device; Summary has the statistics of its
// session.
func (r *Registry) Device(id vaiven.Device) (vaiven.DeviceInfo, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	d := r.devices[id]
	if d == nil {
		return vaiven.DeviceInfo{}, false
	}
	return d.Clone(), true
}

// Known reports whether there is something of a device.
func (r *Registry) Known(id vaiven.Device) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.devices[id] != nil
}

// Unapproved is how many devices there are that nobody let in.
func (r *Registry) Unapproved() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.devices) - r.approved
}

// List returns all devices, in the order of their ids.
func (r *Registry) List() []vaiven.DeviceInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := make([]vaiven.DeviceInfo, 0, len(r.devices))
	for _, id := range slices.Sorted(maps.Keys(r.devices)) {
		list = append(list, r.devices[id].Clone())
	}
	return list
}

// Each calls yield with every device, in no order, until it returns false. What
// it gets is the table itself, for the call only and not to be changed, and no
// record is applied meanwhile: yield must be quick, and must not call back.
func (r *Registry) Each(yield func(*vaiven.DeviceInfo) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, d := range r.devices {
		if !yield(d) {
			return
		}
	}
}

// Session returns a device's last session; its Count is that of the readings in
// the log between the session's beginning and its end, but for those that are
// uncounted.
func (r *Registry) Session(id vaiven.Device) (vaiven.Session, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	d := r.devices[id]
	if d == nil || d.Session == nil {
		return vaiven.Session{}, false
	}
	return *d.Session, true
}

// Summary returns a device's last session in numbers.
func (r *Registry) Summary(id vaiven.Device) (vaiven.Summary, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	d := r.devices[id]
	if d == nil {
		return vaiven.Summary{}, false
	}
	return d.Summary()
}

// Nobody returns the refused messages of no device of the log.
func (r *Registry) Nobody() []vaiven.RejectedCode {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.nobody)
}

// Counts returns the totals.
func (r *Registry) Counts() Counts {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := r.counts
	c.Devices = uint64(len(r.devices))
	for _, d := range r.devices {
		if d.Connected {
			c.Connected++
		}
	}
	return c
}

// state is what a checkpoint keeps.
type state struct {
	Version int                   `json:"version"`
	Counts  Counts                `json:"counts"`
	Nobody  []vaiven.RejectedCode `json:"nobody,omitempty"`
	Devices []*vaiven.DeviceInfo  `json:"devices"`
}

// stateVersion is 2 since who was only refused is no device: a table of before is
// made again from the log.
const stateVersion = 2

// Snapshot returns the whole table as JSON.
func (r *Registry) Snapshot() ([]byte, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := state{Version: stateVersion, Counts: r.counts, Nobody: r.nobody}
	s.Devices = make([]*vaiven.DeviceInfo, 0, len(r.devices))
	for _, id := range slices.Sorted(maps.Keys(r.devices)) {
		s.Devices = append(s.Devices, r.devices[id])
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	return b, nil
}

// Restore makes the table that of a Snapshot, or empty for nil.
func (r *Registry) Restore(snap []byte) error {
	var s state
	if snap != nil {
		if err := json.Unmarshal(snap, &s); err != nil {
			return fmt.Errorf("registry: snapshot: %w", err)
		}
		if s.Version != stateVersion {
			return fmt.Errorf("registry: snapshot of version %d", s.Version)
		}
	}
	devices := make(map[vaiven.Device]*vaiven.DeviceInfo, len(s.Devices))
	for _, d := range s.Devices {
		if d == nil {
			return errors.New("registry: snapshot: a device is missing")
		}
		devices[d.ID] = d
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.devices, r.nobody, r.counts, r.approved = devices, s.Nobody, s.Counts, 0
	for _, d := range devices {
		r.countApproved(d, 1)
	}
	return nil
}
