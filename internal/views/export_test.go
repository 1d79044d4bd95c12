package views

import (
	"context"

	"vaiven"
)

// What the tests of package views_test use too.
type MemLog = memLog

var (
	NewMemLog   = newMemLog
	TestReading = reading
	TestStamp   = stamp
	TestKey     = key
)

func (l *memLog) Add(events ...vaiven.Event) uint64 { return l.add(events...) }

func (l *memLog) Raw(rec vaiven.Record) uint64 { return l.raw(rec) }

// DeciderState is what a checkpoint would hold of a pump's decider, but for when the log
// began, how far its times go back, by what rules it was decided, and when it named its
// devices: one that goes on from a checkpoint of before does not know.
func DeciderState(p *Pump) []byte {
	d := p.decider.Clone()
	d.time.first, d.time.latest, d.time.disorder, d.rules, d.named = 0, 0, 0, 0, named{}
	for id, a := range d.changes {
		d.changes[id] = asked{list: a.list}
	}
	for _, dev := range d.devices {
		dev.used = 0
	}
	return d.appendState(nil)
}

// Round is what Run does every Options.Every.
func (p *Pump) Round(ctx context.Context, room bool) (trimmed bool, err error) {
	c, err := p.checkpoint(ctx, room)
	if err != nil {
		return false, err
	}
	return p.retain(ctx, c, room)
}
