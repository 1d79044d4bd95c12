package views

import (
	"slices"

	"vaiven"
)

// Decider says of each record of a log what in it is new. Its decisions depend
// on the records alone, so that two deciders that have read the same records
// agree, on any node and at any time. It is not for concurrent use.
type Decider struct {
	log     string
	next    uint64 // the record that must come now, 0: the first one
	writers writers
	devices map[vaiven.Device]*device
	changes map[vaiven.Device]*changes
	dropped marks
	fills   marks
	stats   Stats
}

// Stats counts what a decider has seen in the log since its first record.
type Stats struct {
	Records         uint64 // all, repeated ones included
	RepeatedRecords uint64 // published twice under one (writer, n); dropped whole
	Events          uint64 // handed on
	Readings        uint64 // handed on, of those
	Filled          uint64 // of the readings, such as had been recorded as a gap
	Repeats         uint64 // readings dropped: their SEQ was stored already
	Different       uint64 // of those, with values other than the ones stored: a BOOT used twice
	Devices         uint64 // that have stored a reading with SEQ, been refused one, or left a gap
}

// NewDecider returns a decider that expects the first record of the log with
// this id; "" accepts any log.
func NewDecider(log string) *Decider {
	return &Decider{log: log, devices: make(map[vaiven.Device]*device), changes: make(map[vaiven.Device]*changes)}
}

// Decide takes the next record, and returns the events that are new, in their
// order, with their ids. It returns none for a record that was published
// twice. The errors are a *LostRecordsError, when a record is missing before
// this one, and an *OtherLogError; both mean that the log cannot be trusted.
func (d *Decider) Decide(rec vaiven.Record) ([]vaiven.Entry, error) {
	if err := d.begin(rec); err != nil {
		return nil, err
	}
	fresh, want := d.writers.take(rec.Writer, rec.N, rec.Seq)
	if want != 0 {
		return nil, &LostRecordsError{Seq: rec.Seq, Writer: rec.Writer, N: rec.N, Want: want}
	}
	d.next = rec.Seq + 1
	d.stats.Records++
	if !fresh {
		d.stats.RepeatedRecords++
		d.dropped.add(vaiven.ID{Record: rec.Seq, Index: wholeRecord})
		return nil, nil
	}
	entries := make([]vaiven.Entry, 0, len(rec.Events))
	for i, ev := range rec.Events {
		id := vaiven.ID{Record: rec.Seq, Index: uint32(i)}
		if fresh, fills := d.fresh(ev); fresh {
			entries = append(entries, vaiven.Entry{ID: id, Event: ev, Fills: fills})
			if fills {
				d.stats.Filled++
				d.fills.add(id)
			}
		} else {
			d.dropped.add(id)
		}
	}
	d.stats.Events += uint64(len(entries))
	return entries, nil
}

// begin checks the record's place, and the name of the log.
func (d *Decider) begin(rec vaiven.Record) error {
	if d.next != 0 && rec.Seq != d.next {
		return &LostRecordsError{Seq: rec.Seq, Expected: d.next}
	}
	for i, ev := range rec.Events {
		start, ok := ev.(*vaiven.LogStart)
		if !ok {
			if d.next == 0 && i == 0 {
				break
			}
			continue
		}
		if d.log == "" {
			d.log = start.Log
		}
		if start.Log != d.log {
			return &OtherLogError{Want: d.log, Got: start.Log}
		}
		return nil
	}
	if d.next == 0 {
		return &LostRecordsError{Seq: rec.Seq, Beginning: true}
	}
	return nil
}

// fresh decides one event, and tells of a reading whether it fills a gap.
func (d *Decider) fresh(ev vaiven.Event) (fresh, fills bool) {
	switch e := ev.(type) {
	case *vaiven.Reading:
		return d.reading(e)
	case *vaiven.Refusal:
		return e.Seq == 0 || d.boot(e.Device, e.Boot).refuse(e.Seq), false
	case *vaiven.Gap:
		return d.boot(e.Device, e.Boot).giveUp(e.From, e.To), false
	case *vaiven.Change:
		return d.changesOf(e.Device).ask(e.Key), false
	case *vaiven.Sent:
		return d.changesOf(e.Device).send(e.Key), false
	case *vaiven.ChangeEnd:
		return d.changesOf(e.Device).end(e.Key), false
	case *vaiven.Forgotten:
		delete(d.changes, e.Device) // whoever is called so next has asked for nothing yet
	}
	return true, false
}

func (d *Decider) reading(e *vaiven.Reading) (fresh, fills bool) {
	if e.Seq == 0 {
		d.stats.Readings++
		return true, false
	}
	fresh, fills, same := d.boot(e.Device, e.Boot).store(e)
	switch {
	case fresh:
		d.stats.Readings++
	case same:
		d.stats.Repeats++
	default:
		d.stats.Repeats++
		d.stats.Different++
	}
	return fresh, fills
}

func (d *Decider) changesOf(id vaiven.Device) *changes {
	c := d.changes[id]
	if c == nil {
		c = &changes{}
		d.changes[id] = c
	}
	return c
}

func (d *Decider) boot(id vaiven.Device, b vaiven.Boot) *boot {
	dev := d.devices[id]
	if dev == nil {
		dev = &device{}
		d.devices[id] = dev
	}
	return dev.touch(b)
}

// Settled returns what is known of a boot.
func (d *Decider) Settled(id vaiven.Device, b vaiven.Boot) vaiven.Settled {
	known := d.devices[id].find(b)
	if known == nil {
		return vaiven.Settled{}
	}
	return vaiven.Settled{
		Known: true, Top: known.top, Max: max(known.stored.max(), known.skipped.max()), Has: known.has(),
		Taken: known.pace.taken, Every: known.pace.every(),
	}
}

// Missing returns the first stretch of SEQs of a boot, both included, that ends at
// from or behind it, was recorded as a gap and has not come since; 0: none.
func (d *Decider) Missing(id vaiven.Device, b vaiven.Boot, from uint64) (first, last uint64) {
	known := d.devices[id].find(b)
	if known == nil {
		return 0, 0
	}
	i := known.open.find(from)
	if i == len(known.open) {
		return 0, 0
	}
	return known.open[i].lo, known.open[i].hi
}

// Repeat tells whether the values of a reading are those that are stored under
// its SEQ. known is false when that cannot be said (see sums: not stored, or
// too long ago); then same means nothing.
func (d *Decider) Repeat(id vaiven.Device, b vaiven.Boot, seq uint64, values []vaiven.Value) (same, known bool) {
	boot := d.devices[id].find(b)
	if boot == nil || seq == 0 || !boot.stored.has(seq) {
		return false, false
	}
	sum := boot.sums.of(seq, boot.stored.max())
	return sum == sumOf(values), sum != 0
}

// Stats returns the counts so far.
func (d *Decider) Stats() Stats {
	s := d.stats
	s.Devices = uint64(len(d.devices))
	return s
}

// Clone returns an independent copy.
func (d *Decider) Clone() *Decider {
	c := &Decider{log: d.log, next: d.next, stats: d.stats}
	c.writers = writers{known: make(map[uint64]writer, len(d.writers.known)), evicted: d.writers.evicted}
	for id, w := range d.writers.known {
		c.writers.known[id] = w
	}
	c.devices = make(map[vaiven.Device]*device, len(d.devices))
	for id, dev := range d.devices {
		c.devices[id] = dev.clone()
	}
	c.changes = make(map[vaiven.Device]*changes, len(d.changes))
	for id, list := range d.changes {
		own := slices.Clone(*list)
		c.changes[id] = &own
	}
	c.dropped = d.dropped[:len(d.dropped):len(d.dropped)] // never changed, only added to
	c.fills = d.fills[:len(d.fills):len(d.fills)]
	return c
}
