package views

import (
	"cmp"
	"maps"
	"slices"

	"vaiven"
)

// Decider says of each record of a log what in it is new. Its decisions depend
// on the records alone, so that two deciders that have read the same records
// agree, on any node and at any time. It is not for concurrent use.
type Decider struct {
	log     string
	rules   uint64 // the checkpoint's version by which it began to decide
	next    uint64 // the record that must come now, 0: the first one
	writers writers
	devices map[vaiven.Device]*device

	nobodies int // of the devices, those of which no reading was stored

	changes   map[vaiven.Device]asked
	strangers int // of changes, the devices of which no reading was stored
	named     named
	dropped   eventList // not handed on
	fills     eventList // readings that filled a gap
	time      logTime
	stats     Stats
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

// keepWriters is how many writers are remembered; the one that has not written
// for the longest is forgotten first.
const keepWriters = 1024

// writers knows how far each writer of the log has counted. Each process start
// is a writer, and numbers its records 1, 2, 3 ... with one in flight at a
// time; so a number that comes twice is the same record published twice, and a
// number that is left out is a record that the log has lost.
type writers struct {
	known   map[uint64]writer
	evicted bool // one was forgotten: an unknown writer need not begin at 1
}

type writer struct {
	n    uint64 // its last record
	used uint64 // where that stands in the log
}

const (
	// keepChanges is how many changes of a device are remembered by their key.
	// The oldest that has ended makes room.
	keepChanges = 32
	// maxOpen bounds those that have not ended: beyond, the oldest makes room,
	// and its end is dropped.
	maxOpen = 1024
)

// asked are the changes of a device.
type asked struct {
	list []change // the one that was asked for last at the end
	used uint64   // the last record with one
}

// change is what the decider knows of a change of desired state.
type change struct {
	key  vaiven.Key
	sent bool
	over bool
}

// NewDecider returns a decider that expects the first record of the log with
// this id; "" accepts any log.
func NewDecider(log string) *Decider {
	return &Decider{
		log: log, rules: checkpointVersion, writers: writers{known: make(map[uint64]writer)},
		devices: make(map[vaiven.Device]*device), changes: make(map[vaiven.Device]asked),
	}
}

// Decide takes the next record, and returns the events that are new, in their
// order, with their ids. It returns none for a record that was published
// twice. The errors are a *LostRecordsError, when a record is missing before
// this one, and an *OtherLogError; both mean that the log cannot be trusted.
func (d *Decider) Decide(rec vaiven.Record) ([]vaiven.Entry, error) {
	// Its place in this log.
	if d.next == 0 {
		if err := d.checkFirst(rec); err != nil {
			return nil, err
		}
	} else if rec.Seq != d.next {
		return nil, &LostRecordsError{Seq: rec.Seq, Expected: d.next}
	}
	// The same record again, or a hole in what this writer wrote?
	last, known := d.writers.known[rec.Writer]
	repeated := known && rec.N <= last.n
	if want := last.n + 1; rec.N != want && !repeated && (known || !d.writers.evicted) {
		return nil, &LostRecordsError{Seq: rec.Seq, Writer: rec.Writer, N: rec.N, Want: want}
	}
	if !known && len(d.writers.known) >= keepWriters {
		d.writers.evict()
	}
	d.writers.known[rec.Writer] = writer{n: max(last.n, rec.N), used: rec.Seq}
	d.next = rec.Seq + 1
	d.time.advance(rec)
	d.stats.Records++
	if repeated {
		d.stats.RepeatedRecords++
		d.dropped.add(vaiven.ID{Record: rec.Seq, Index: wholeRecord})
		return nil, nil
	}
	// What in it is new, event by event.
	entries := make([]vaiven.Entry, 0, len(rec.Events))
	for i, ev := range rec.Events {
		if start, ok := ev.(*vaiven.LogStart); ok && start.Log != d.log {
			return nil, &OtherLogError{Want: d.log, Got: start.Log}
		}
		id := vaiven.ID{Record: rec.Seq, Index: uint32(i)}
		d.named.note(rec.Seq, ev)
		fresh, fills := d.decideEvent(ev)
		if !fresh {
			d.dropped.add(id)
			continue
		}
		entries = append(entries, vaiven.Entry{ID: id, Event: ev, Fills: fills})
		if fills {
			d.fills.add(id)
		}
	}
	d.stats.Events += uint64(len(entries))
	return entries, nil
}

// checkFirst checks that the log begins with its name, and takes it over when any
// will do.
func (d *Decider) checkFirst(rec vaiven.Record) error {
	if len(rec.Events) > 0 {
		if start, ok := rec.Events[0].(*vaiven.LogStart); ok {
			d.log = cmp.Or(d.log, start.Log)
			return nil // Decide compares it
		}
	}
	return &LostRecordsError{Seq: rec.Seq, Beginning: true}
}

func (w *writers) evict() {
	var oldest uint64
	found := false
	for id, e := range w.known {
		if !found || e.used < w.known[oldest].used {
			oldest, found = id, true
		}
	}
	delete(w.known, oldest)
	w.evicted = true
}

// decideEvent reports whether an event is new, and of a reading whether it fills a
// gap.
func (d *Decider) decideEvent(ev vaiven.Event) (fresh, fills bool) {
	switch e := ev.(type) {
	case *vaiven.Reading:
		same := false
		if fresh = true; e.Seq != 0 {
			fresh, fills, same = d.touchBoot(e.Device, e.Boot).storeReading(e)
			d.makeReal(e.Device)
		}
		switch {
		case fresh:
			d.stats.Readings++
		case same:
			d.stats.Repeats++
		default:
			d.stats.Repeats++
			d.stats.Different++
		}
		if fills {
			d.stats.Filled++
		}
		return fresh, fills
	case *vaiven.Refusal:
		return e.Seq == 0 || d.touchBoot(e.Device, e.Boot).refuseSeq(e.Seq), false
	case *vaiven.Gap:
		return d.touchBoot(e.Device, e.Boot).recordGap(e.From, e.To), false
	case *vaiven.Change:
		return d.decideChange(e.Device, change{key: e.Key}), false
	case *vaiven.Sent:
		return d.decideChange(e.Device, change{key: e.Key, sent: true}), false
	case *vaiven.ChangeEnd:
		return d.decideChange(e.Device, change{key: e.Key, over: true}), false
	case *vaiven.Forgotten:
		if e.Through != 0 && !d.named.silent(e.Device, e.Through) {
			return false, false // it has come back meanwhile
		}
		d.dropChanges(e.Device) // whoever is called so next has asked for nothing yet
	}
	return true, false
}

// decideChange takes what the log says of a change: that it was asked for, that it
// was sent, or that it is over. It reports whether that is news: each of them counts
// once, in this order, and nothing counts behind the end.
func (d *Decider) decideChange(id vaiven.Device, now change) bool {
	all, known := d.changes[id]
	list := all.list
	i := slices.IndexFunc(list, func(c change) bool { return c.key == now.key })
	if !now.sent && !now.over { // asked for
		if i >= 0 {
			return false
		}
		if len(list) >= keepChanges {
			ended := slices.IndexFunc(list, func(c change) bool { return c.over })
			if ended >= 0 || len(list) >= maxOpen {
				list = slices.Delete(list, max(ended, 0), max(ended, 0)+1)
			}
		}
		if !known {
			d.makeRoomForChanges(id)
		}
		d.changes[id] = asked{append(list, now), d.Position()}
		return true
	}
	if i < 0 || list[i].over || now.sent && list[i].sent {
		return false
	}
	list[i].sent = list[i].sent || now.sent
	list[i].over = now.over
	d.changes[id] = asked{list, d.Position()}
	return true
}

// Position returns the last record that was decided, 0 for none.
func (d *Decider) Position() uint64 {
	if d.next == 0 {
		return 0
	}
	return d.next - 1
}

// Settled returns what is known of a boot.
func (d *Decider) Settled(id vaiven.Device, b vaiven.Boot) vaiven.Settled {
	known := d.devices[id].find(b)
	if known == nil {
		return vaiven.Settled{}
	}
	return vaiven.Settled{
		Known: true, Top: known.top, Max: max(known.stored.max(), known.skipped.max()), Has: known.highest(),
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
	c := *d
	c.writers.known = maps.Clone(d.writers.known)
	c.devices = make(map[vaiven.Device]*device, len(d.devices))
	for id, dev := range d.devices {
		c.devices[id] = dev.clone()
	}
	c.changes = make(map[vaiven.Device]asked, len(d.changes))
	for id, a := range d.changes {
		c.changes[id] = asked{slices.Clone(a.list), a.used}
	}
	c.named = d.named.clone()
	c.dropped, c.fills = slices.Clip(d.dropped), slices.Clip(d.fills) // never changed, only added to
	c.time.jumps = slices.Clone(d.time.jumps)
	return &c
}
