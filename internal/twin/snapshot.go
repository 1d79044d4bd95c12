package twin

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"vaiven"
)

// snapshot is what a checkpoint keeps.
type snapshot struct {
	Version int                   `json:"version"`
	Devices []*vaiven.DeviceState `json:"devices"`
}

const snapshotVersion = 1

// Snapshot returns the whole twin as JSON; equal twins give equal bytes.
func (t *Twin) Snapshot() ([]byte, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	s := snapshot{Version: snapshotVersion, Devices: make([]*vaiven.DeviceState, 0, len(t.devices))}
	for _, id := range slices.Sorted(maps.Keys(t.devices)) {
		s.Devices = append(s.Devices, t.devices[id])
	}
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("twin: %w", err)
	}
	return b, nil
}

// Restore makes the twin that of a Snapshot, or that of an empty log for nil.
// From here to Replayed the keeper rests and watchers are told nothing.
func (t *Twin) Restore(snap []byte) error {
	var s snapshot
	if snap != nil {
		if err := json.Unmarshal(snap, &s); err != nil {
			return fmt.Errorf("twin: snapshot: %w", err)
		}
		if s.Version != snapshotVersion {
			return fmt.Errorf("twin: snapshot of version %d", s.Version)
		}
	}
	devices := make(map[vaiven.Device]*vaiven.DeviceState, len(s.Devices))
	for _, d := range s.Devices {
		if d == nil {
			return errors.New("twin: snapshot: a device is missing")
		}
		devices[d.ID] = d
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.devices, t.replaying = devices, true
	t.agenda.clear()
	return nil
}

// Replayed is told that the log's end was reached: what is open now is open, the
// keeper sees to what became due meanwhile, and watchers look at every device.
func (t *Twin) Replayed() error {
	t.mu.Lock()
	t.replaying = false
	all := slices.Collect(maps.Keys(t.devices))
	t.remindAll()
	t.mu.Unlock()
	t.tell(all)
	return nil
}
