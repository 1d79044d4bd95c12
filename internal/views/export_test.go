package views

import "vaiven"

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

// DeciderState is what a checkpoint would hold of a pump's decider, but for when the
// log began: one that goes on from a checkpoint of before does not know.
func DeciderState(p *Pump) []byte {
	d := p.decider.Clone()
	d.time.first = 0
	return d.appendState(nil)
}
