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
	dropped dropped
	stats   Stats
}

// Stats counts what a decider has seen in the log since its first record.
type Stats struct {
	Records         uint64 // all, repeated ones included
	RepeatedRecords uint64 // published twice under one (writer, n); dropped whole
	Events          uint64 // handed on
	Readings        uint64 // handed on, of those
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
		if d.fresh(ev) {
			entries = append(entries, vaiven.Entry{ID: id, Event: ev})
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

// fresh decides one event.
func (d *Decider) fresh(ev vaiven.Event) bool {
	switch e := ev.(type) {
	case *vaiven.Reading:
		if e.Seq != 0 {
			fresh, same := d.boot(e.Device, e.Boot).store(e.Seq, e.Values)
			if !fresh {
				d.stats.Repeats++
				if !same {
					d.stats.Different++
				}
				return false
			}
		}
		d.stats.Readings++
	case *vaiven.Refusal:
		return e.Seq == 0 || d.boot(e.Device, e.Boot).skip(e.Seq, e.Seq)
	case *vaiven.Gap:
		return d.boot(e.Device, e.Boot).skip(e.From, e.To)
	case *vaiven.Change:
		return d.changesOf(e.Device).ask(e.Key)
	case *vaiven.Sent:
		return d.changesOf(e.Device).send(e.Key)
	case *vaiven.ChangeEnd:
		return d.changesOf(e.Device).end(e.Key)
	case *vaiven.Forgotten:
		delete(d.changes, e.Device) // whoever is called so next has asked for nothing yet
	}
	return true
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

// Settled is what has become of the SEQs of one boot, as far as the log that
// was read says.
type Settled struct {
	Known bool   // the log names this boot, and it is among the device's last 32
	Top   uint64 // every SEQ up to here is stored, refused for good, or a gap
	Max   uint64 // the highest SEQ that is any of these; above Top when there are holes
}

// Settled returns what is known of a boot.
func (d *Decider) Settled(id vaiven.Device, b vaiven.Boot) Settled {
	known := d.devices[id].find(b)
	if known == nil {
		return Settled{}
	}
	return Settled{Known: true, Top: known.top, Max: max(known.stored.max(), known.skipped.max())}
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
	return c
}
