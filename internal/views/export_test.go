package views

import "vaiven"

// What the tests of package views_test use too.
type MemLog = memLog

var (
	NewMemLog   = newMemLog
	TestReading = reading
	TestStamp   = stamp
)

func (l *memLog) Add(events ...vaiven.Event) uint64 { return l.add(events...) }
