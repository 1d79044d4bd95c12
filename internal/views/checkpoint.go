package views

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"vaiven"
	"vaiven/internal/atomicfile"
)

// CheckpointName is the checkpoint's file in Options.Dir.
const CheckpointName = "checkpoint"

// A checkpoint file is this magic, the format's version, the length of what
// follows, its CRC-32C, and the body: log id, position, decider, and each
// view's name and snapshot.
const (
	checkpointMagic   = "vaiven-checkpoint\n"
	checkpointVersion = 4
	versionOfTime     = 4 // from this one on the log's time is there, whom the log names, and when changes were asked for
	versionOfGaps     = 3 // from this one on gaps are told from refusals; earlier ones are read too
	oldestVersion     = 2 // earlier ones are written over
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why a checkpoint is not used.
var (
	errDamaged = errors.New("damaged")
	errNewer   = errors.New("written by a later vaiven")
	errOlder   = errors.New("written by an earlier vaiven")
)

// checkpoint is a consistent cut: everything as it was exactly behind the
// record pos.
type checkpoint struct {
	log     string
	pos     uint64
	decider *Decider
	views   map[string][]byte
}

// viewSnapshot is what a checkpoint holds of one view.
type viewSnapshot struct {
	name string
	data []byte
}

// appendCheckpoint writes the file's content. decider is what appendState wrote.
func appendCheckpoint(b []byte, log string, pos uint64, decider []byte, views []viewSnapshot) []byte {
	body := appendText(nil, log)
	body = binary.AppendUvarint(body, pos)
	body = append(body, decider...)
	body = binary.AppendUvarint(body, uint64(len(views)))
	for _, v := range views {
		body = appendText(appendText(body, v.name), v.data)
	}
	b = append(b, checkpointMagic...)
	b = binary.LittleEndian.AppendUint32(b, checkpointVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(body)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...)
}

// parseCheckpoint reads a file's content; the errors are errDamaged, errNewer
// and errOlder.
func parseCheckpoint(b []byte) (*checkpoint, error) {
	r := &reader{b: b}
	if string(r.bytes(uint64(len(checkpointMagic)))) != checkpointMagic {
		return nil, errDamaged
	}
	version, size, sum := r.uint32(), r.uint64(), r.uint32()
	switch {
	case r.bad || version == 0 || version >= 1<<16:
		return nil, errDamaged
	case version > checkpointVersion:
		return nil, errNewer
	case version < oldestVersion:
		return nil, errOlder
	}
	if uint64(len(r.b)) != size || crc32.Checksum(r.b, castagnoli) != sum {
		return nil, errDamaged
	}
	c := &checkpoint{log: r.text(), pos: r.uvarint(), views: make(map[string][]byte)}
	if r.bad {
		return nil, errDamaged
	}
	d, rest, err := parseState(r.b, version)
	if err != nil {
		return nil, err
	}
	c.decider, r.b = d, rest
	for range r.count(2) {
		name := r.text()
		c.views[name] = r.bytes(r.uvarint())
	}
	if r.bad || len(r.b) != 0 {
		return nil, errDamaged
	}
	return c, nil
}

// loadCheckpoint reads the folder's checkpoint. One that cannot be used is set
// aside under a telling name, and told as a notice; so is one of another log.
// All of that means (nil, notice, nil), as no checkpoint means (nil, nil, nil).
func loadCheckpoint(dir, log string, now time.Time) (*checkpoint, *AsideNotice, error) {
	path := filepath.Join(dir, CheckpointName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint(b)
	why := AsideDamaged
	switch {
	case errors.Is(err, errOlder): // it will be written over: the log has it all
		return nil, nil, nil
	case errors.Is(err, errNewer):
		why = AsideNewer
	case err != nil:
	case c.log != log:
		why = AsideOtherLog
	default:
		return c, nil, nil
	}
	aside, err := atomicfile.AsideName(path, string(why), now)
	if err == nil {
		err = os.Rename(path, aside)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint: set aside: %w", err)
	}
	return nil, &AsideNotice{Path: path, Aside: aside, Why: why}, nil
}

// CheckpointPosition returns how far the checkpoint in dir has seen its log, 0
// when there is none that can be read. It is for a log that does not open.
func CheckpointPosition(dir string) uint64 { return checkpointOf(dir, nil) }

// CheckpointOf is CheckpointPosition for a checkpoint of this log, 0 for another's.
func CheckpointOf(dir, log string) uint64 { return checkpointOf(dir, &log) }

func checkpointOf(dir string, log *string) uint64 {
	c, err := readCheckpoint(dir)
	if err != nil || log != nil && c.log != *log {
		return 0
	}
	return c.pos
}

// readCheckpoint reads the checkpoint in dir, and leaves it as it is.
func readCheckpoint(dir string) (*checkpoint, error) {
	b, err := os.ReadFile(filepath.Join(dir, CheckpointName))
	if err != nil {
		return nil, err
	}
	return parseCheckpoint(b)
}

// appendState writes all that the decider knows. Equal deciders write equal
// bytes. The format is private to the checkpoint, whose version covers it.
func (d *Decider) appendState(b []byte) []byte {
	b = appendText(b, d.log)
	b = binary.AppendUvarint(b, d.next)
	for _, n := range d.stats.fields(checkpointVersion) {
		b = binary.AppendUvarint(b, *n)
	}
	b = append(b, bit(d.writers.evicted))
	b = binary.AppendUvarint(b, uint64(len(d.writers.known)))
	for _, id := range slices.Sorted(maps.Keys(d.writers.known)) {
		w := d.writers.known[id]
		b = binary.LittleEndian.AppendUint64(b, id)
		b = binary.AppendUvarint(b, w.n)
		b = binary.AppendUvarint(b, w.used)
	}
	b = binary.AppendUvarint(b, uint64(len(d.devices)))
	for _, id := range slices.Sorted(maps.Keys(d.devices)) {
		b = appendText(b, id)
		b = append(b, bit(d.devices[id].real))
		b = binary.AppendUvarint(b, d.devices[id].used)
		b = binary.AppendUvarint(b, uint64(len(d.devices[id].boots)))
		for _, boot := range d.devices[id].boots {
			b = boot.appendState(b)
		}
	}
	b = binary.AppendUvarint(b, uint64(len(d.changes)))
	for _, id := range slices.Sorted(maps.Keys(d.changes)) {
		b = appendText(b, id)
		b = binary.AppendUvarint(b, d.changes[id].used)
		b = binary.AppendUvarint(b, uint64(len(d.changes[id].list)))
		for _, c := range d.changes[id].list {
			b = append(appendText(b, c.key), bit(c.sent), bit(c.over))
		}
	}
	b = appendEvents(b, d.dropped)
	b = appendEvents(b, d.fills)
	b = binary.AppendUvarint(b, d.rules)
	return d.named.appendState(d.time.appendState(b))
}

func (n *named) appendState(b []byte) []byte {
	b = binary.AppendUvarint(b, n.from)
	b = binary.AppendUvarint(b, n.turn)
	for _, ids := range []map[vaiven.Device]uint64{n.old, n.young} {
		b = binary.AppendUvarint(b, uint64(len(ids)))
		for _, id := range slices.Sorted(maps.Keys(ids)) {
			b = binary.AppendUvarint(appendText(b, id), ids[id])
		}
	}
	return b
}

func (l *logTime) appendState(b []byte) []byte {
	b = binary.AppendVarint(b, l.first)
	b = binary.AppendVarint(b, l.at)
	b = append(b, bit(l.synced))
	b = binary.AppendVarint(b, l.latest)
	b = binary.AppendVarint(b, l.disorder)
	b = binary.AppendUvarint(b, uint64(len(l.jumps)))
	for _, j := range l.jumps {
		b = binary.AppendUvarint(b, j.pos)
		b = binary.AppendVarint(b, j.by)
	}
	return b
}

func appendEvents(b []byte, list eventList) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	last := uint64(0)
	for _, id := range list {
		b = binary.AppendUvarint(b, id.Record-last)
		b = binary.AppendUvarint(b, uint64(id.Index))
		last = id.Record
	}
	return b
}

// fields are what a checkpoint of a version holds.
func (s *Stats) fields(version uint32) []*uint64 {
	all := []*uint64{&s.Records, &s.RepeatedRecords, &s.Events, &s.Readings, &s.Repeats, &s.Different, &s.Filled}
	if version < versionOfGaps {
		return all[:6]
	}
	return all
}

func (b *boot) appendState(buf []byte) []byte {
	buf = appendText(buf, b.id)
	buf = binary.AppendUvarint(buf, b.top)
	buf = appendSpans(buf, b.stored)
	buf = appendSpans(buf, b.skipped)
	buf = binary.AppendUvarint(buf, uint64(len(b.sums.first)))
	for _, sum := range b.sums.first {
		buf = binary.LittleEndian.AppendUint32(buf, sum)
	}
	buf = append(buf, bit(b.sums.last != nil))
	if b.sums.last != nil {
		for _, sum := range b.sums.last {
			buf = binary.LittleEndian.AppendUint32(buf, sum)
		}
	}
	buf = appendSpans(buf, b.open)
	buf = binary.AppendUvarint(buf, uint64(b.pace.taken))
	buf = binary.AppendUvarint(buf, uint64(b.pace.window))
	for _, n := range append(b.pace.before[:], b.pace.count) {
		buf = binary.AppendUvarint(buf, uint64(n))
	}
	return buf
}

func appendText[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// appendSpans writes each span as its distance from the one before it and its
// length.
func appendSpans(b []byte, s spans) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	last := uint64(0)
	for _, e := range s {
		b = binary.AppendUvarint(b, e.lo-last)
		b = binary.AppendUvarint(b, e.hi-e.lo)
		last = e.hi
	}
	return b
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// parseState reads what appendState of that version wrote, and returns the bytes
// behind it. The error is errDamaged: the file's checksum was right, so it was
// written wrongly.
func parseState(b []byte, version uint32) (*Decider, []byte, error) {
	r := &reader{b: b, version: version}
	d := NewDecider(r.text())
	d.next = r.uvarint()
	for _, n := range d.stats.fields(version) {
		*n = r.uvarint()
	}
	d.writers.evicted = r.bit()
	for range r.count(10) {
		id := r.uint64()
		d.writers.known[id] = writer{n: r.uvarint(), used: r.uvarint()}
	}
	for range r.count(2) {
		id := vaiven.Device(r.text())
		dev := &device{}
		if version >= versionOfTime {
			dev.real, dev.used = r.bit(), r.uvarint()
		}
		for range r.count(6) {
			dev.boots = append(dev.boots, r.boot())
			dev.real = dev.real || len(dev.boots[len(dev.boots)-1].stored) > 0
		}
		if d.devices[id] = dev; !dev.real {
			d.nobodies++
		}
	}
	for range r.count(2) {
		id, a := vaiven.Device(r.text()), asked{}
		if version >= versionOfTime {
			a.used = r.uvarint()
		}
		for range r.count(3) {
			a.list = append(a.list, change{key: vaiven.Key(r.text()), sent: r.bit(), over: r.bit()})
		}
		if d.changes[id] = a; d.stranger(id) {
			d.strangers++
		}
	}
	d.dropped = r.events()
	if version >= versionOfGaps {
		d.fills = r.events()
	}
	d.rules = uint64(version)
	d.named = named{from: d.next}
	if version >= versionOfTime {
		d.rules, d.time = r.uvarint(), r.logTime()
		d.named = named{from: r.uvarint(), turn: r.uvarint(), old: r.names(), young: r.names()}
	}
	if r.bad {
		return nil, nil, errDamaged
	}
	return d, r.b, nil
}

// reader takes values off a slice; after the first that is not there, bad is
// set and everything is zero.
type reader struct {
	b       []byte
	version uint32 // of the checkpoint
	bad     bool
}

func (r *reader) bytes(n uint64) []byte {
	if r.bad || n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	p := r.b[:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if r.bad || n <= 0 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) logTime() logTime {
	l := logTime{first: r.varint(), at: r.varint(), synced: r.bit(), latest: r.varint(), disorder: r.varint()}
	for range r.count(2) {
		l.jumps = append(l.jumps, jump{pos: r.uvarint(), by: r.varint()})
	}
	return l
}

// names reads one generation of named.
func (r *reader) names() map[vaiven.Device]uint64 {
	n := r.count(2)
	if n == 0 {
		return nil
	}
	ids := make(map[vaiven.Device]uint64, n)
	for range n {
		id := vaiven.Device(r.text())
		ids[id] = r.uvarint()
	}
	return ids
}

// count reads how many things follow, each of at least size bytes.
func (r *reader) count(size uint64) uint64 {
	n := r.uvarint()
	if n > uint64(len(r.b))/size {
		r.bad = true
		return 0
	}
	return n
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) bit() bool {
	p := r.bytes(1)
	return len(p) == 1 && p[0] == 1
}

func (r *reader) uint64() uint64 {
	if p := r.bytes(8); len(p) == 8 {
		return binary.LittleEndian.Uint64(p)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if p := r.bytes(4); len(p) == 4 {
		return binary.LittleEndian.Uint32(p)
	}
	return 0
}

func (r *reader) events() (list eventList) {
	last := uint64(0)
	for range r.count(2) {
		last += r.uvarint()
		list = append(list, vaiven.ID{Record: last, Index: uint32(r.uvarint())})
	}
	return list
}

func (r *reader) spans() spans {
	var s spans
	last := uint64(0)
	for range r.count(2) {
		lo := last + r.uvarint()
		last = lo + r.uvarint()
		s = append(s, span{lo, last})
	}
	return s
}

func (r *reader) boot() *boot {
	b := &boot{id: vaiven.Boot(r.text()), top: r.uvarint(), stored: r.spans(), skipped: r.spans()}
	for range r.count(4) {
		b.sums.first = append(b.sums.first, r.uint32())
	}
	if r.bit() {
		b.sums.last = new([lastSums]uint32)
		for i := range b.sums.last {
			b.sums.last[i] = r.uint32()
		}
	}
	if r.version >= versionOfGaps {
		b.open = r.spans()
		b.pace = pace{taken: int64(r.uvarint()), window: int64(r.uvarint())}
		for i := range b.pace.before {
			b.pace.before[i] = uint32(r.uvarint())
		}
		b.pace.count = uint32(r.uvarint())
		return b
	}
	// It did not tell a gap from what was refused for good: either may come.
	b.open = append(b.open, b.skipped...)
	for _, e := range b.stored {
		b.open.remove(e.lo, e.hi)
	}
	return b
}
