package stream

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

// MaxRecord is the largest record, in bytes, as it is handed to JetStream.
const MaxRecord = 256 << 10

// Kinds and versions of records that this program writes and understands.
const (
	recordKind    = 1 // events
	recordVersion = 1
)

// headRoom is more than everything in a record that is neither an event nor a column.
const headRoom = 64

// The fields of docs/log.proto around the events.
const (
	fieldCRC  = 1 // Envelope
	fieldBody = 2

	fieldKind       = 1 // Record
	fieldVersion    = 2
	fieldWriter     = 3
	fieldN          = 4
	fieldTime       = 5
	fieldBaseOffset = 6
	fieldBaseSynced = 7
	fieldColumn     = 8
	fieldEvent      = 9

	fieldColName     = 1 // Column
	fieldColDecimals = 2
	fieldColReal     = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendRecord appends the encoding of r (all but its Seq, which the log
// gives) to b. The error says which event cannot be written.
func AppendRecord(b []byte, r vaiven.Record) ([]byte, error) {
	var e encoder
	for _, ev := range r.Events {
		if _, err := e.bound(ev); err != nil {
			return b, err
		}
		e.add(ev)
	}
	return e.finish(b, r.Writer, r.N), nil
}

// encoder collects the events of one record. The zero value is ready, and finish makes
// it ready for the next record; its buffers are kept.
type encoder struct {
	codec
	begun  bool
	events []byte // fieldEvent after fieldEvent, encoded
	head   []byte
}

// bound returns a size in bytes that the event's encoding, together with the columns
// that it may add, cannot exceed; or why it cannot be written: a programmer's mistake,
// since devices and boots are parsed at the edge.
func (c *codec) bound(ev vaiven.Event) (int, error) {
	n := kindNumber(ev)
	if n >= len(eventKinds) {
		return 0, fmt.Errorf("stream: events of type %T have no encoding", ev)
	}
	c.pass, c.size, c.err = boundPass, boundFixed, nil
	eventKinds[n].fields(c, ev)
	return c.size, c.err
}

// add encodes one event, which bound has accepted.
func (e *encoder) add(ev vaiven.Event) {
	if !e.begun {
		e.begun, e.base = true, *ev.Time()
	}
	e.pass, e.event = writePass, e.event[:0]
	n := kindNumber(ev)
	eventKinds[n].fields(&e.codec, ev)

	// The event is one submessage in another: Event{kind: {...}}.
	kind := protowire.Number(n)
	inner := protowire.SizeTag(kind) + protowire.SizeBytes(len(e.event))
	e.events = appendField(e.events, fieldEvent, inner)
	e.events = append(appendField(e.events, kind, len(e.event)), e.event...)
}

// length is at least that of the record, if it were finished now.
func (e *encoder) length() int { return headRoom + len(e.events) + e.columnBytes }

// finish appends the whole record to b and forgets the events.
func (e *encoder) finish(b []byte, writer, n uint64) []byte {
	h := e.head[:0]
	h = appendNumber(h, fieldKind, recordKind)
	h = appendNumber(h, fieldVersion, recordVersion)
	h = protowire.AppendTag(h, fieldWriter, protowire.Fixed64Type)
	h = protowire.AppendFixed64(h, writer)
	h = appendNumber(h, fieldN, n)
	if e.base.At != 0 {
		h = appendNumber(h, fieldTime, uint64(e.base.At))
	}
	if e.base.Offset != 0 {
		h = appendNumber(h, fieldBaseOffset, protowire.EncodeZigZag(int64(e.base.Offset)))
	}
	if e.base.Synced {
		h = appendNumber(h, fieldBaseSynced, 1)
	}
	for _, c := range e.columns {
		size := 1 + protowire.SizeBytes(len(c.name))
		if c.decimals > 0 {
			size += 2
		}
		if c.real {
			size += 2
		}
		h = appendField(h, fieldColumn, size)
		h = append(appendField(h, fieldColName, len(c.name)), c.name...)
		if c.decimals > 0 {
			h = appendNumber(h, fieldColDecimals, uint64(c.decimals))
		}
		if c.real {
			h = appendNumber(h, fieldColReal, 1)
		}
	}

	start := len(b)
	b = protowire.AppendTag(b, fieldCRC, protowire.Fixed32Type)
	b = protowire.AppendFixed32(b, 0)
	b = appendField(b, fieldBody, len(h)+len(e.events))
	at := len(b)
	b = append(b, h...)
	b = append(b, e.events...)
	binary.LittleEndian.PutUint32(b[start+1:], crc32.Checksum(b[at:], castagnoli))

	e.head, e.events, e.columns, e.columnBytes = h[:0], e.events[:0], e.columns[:0], 0
	e.begun, e.base = false, vaiven.Stamp{}
	clear(e.index)
	return b
}

// DecodeRecord decodes what AppendRecord wrote; the events share nothing with
// b. The error is ErrLater or ErrCorrupt.
func DecodeRecord(seq uint64, b []byte) (vaiven.Record, error) {
	var d codec
	return d.decode(seq, b)
}

func (c *codec) decode(seq uint64, b []byte) (vaiven.Record, error) {
	var rec vaiven.Record
	body, err := openEnvelope(b)
	if err == nil {
		rec, err = c.record(body)
	}
	if err != nil {
		return vaiven.Record{}, fmt.Errorf("record %d: %w", seq, err)
	}
	rec.Seq = seq
	return rec, nil
}

// openEnvelope returns the body that the checksum vouches for.
func openEnvelope(b []byte) ([]byte, error) {
	var body []byte
	var sum uint32
	var have int
	for r := (cursor{b: b}); r.next(); {
		switch {
		case r.num == fieldCRC && r.typ == protowire.Fixed32Type:
			sum, have = uint32(r.val), have|1
		case r.num == fieldBody && r.typ == protowire.BytesType:
			body, have = r.bytes(), have|2
		}
	}
	if have != 3 {
		return nil, fmt.Errorf("%w: no envelope", ErrCorrupt)
	}
	if got := crc32.Checksum(body, castagnoli); got != sum {
		return nil, fmt.Errorf("%w: checksum %08x, expected %08x", ErrCorrupt, got, sum)
	}
	return body, nil
}

// record reads the body: first all that the events refer to, then the events.
func (c *codec) record(body []byte) (vaiven.Record, error) {
	var rec vaiven.Record
	var kind, version uint64
	var events, readings, firstEvent int
	c.base, c.columns = vaiven.Stamp{}, c.columns[:0]
	r := cursor{b: body}
	for at := 0; r.next(); at = r.at {
		switch r.num {
		case fieldKind:
			kind = r.val
		case fieldVersion:
			version = r.val
		case fieldWriter:
			rec.Writer = r.val
		case fieldN:
			rec.N = r.val
		case fieldTime:
			c.base.At = int64(r.val)
		case fieldBaseOffset:
			c.base.Offset = int32(protowire.DecodeZigZag(r.val))
		case fieldBaseSynced:
			c.base.Synced = r.val != 0
		case fieldColumn:
			if err := c.readColumn(r.bytes()); err != nil {
				return rec, err
			}
		case fieldEvent:
			if events++; events == 1 {
				firstEvent = at
			}
			if r.typ == protowire.BytesType && r.hi > r.lo && body[r.lo] == eventReading<<3|byte(protowire.BytesType) {
				readings++
			}
		}
	}
	if kind != recordKind || version != recordVersion {
		return rec, fmt.Errorf("%w: record of kind %d, version %d", ErrLater, kind, version)
	}
	if r.bad {
		return rec, errShape("record")
	}
	c.readings = make([]vaiven.Reading, 0, readings)
	c.values = nil
	rec.Events = make([]vaiven.Event, 0, events)
	for r := (cursor{b: body, at: firstEvent}); r.next(); {
		if r.num != fieldEvent {
			continue
		}
		ev, err := c.readEvent(&r)
		if err != nil {
			return rec, fmt.Errorf("event %d: %w", len(rec.Events), err)
		}
		rec.Events = append(rec.Events, ev)
	}
	return rec, nil
}

// readColumn adds a column to the record's table.
func (c *codec) readColumn(b []byte) error {
	var col column
	r := cursor{b: b}
	for r.next() {
		switch r.num {
		case fieldColName:
			col.name = remember(&c.names, r.bytes())
		case fieldColDecimals:
			if r.val >= uint64(len(pow10)) {
				return fmt.Errorf("%w: column with %d decimals", ErrLater, r.val)
			}
			col.decimals = uint8(r.val)
		case fieldColReal:
			col.real = r.val != 0
		}
	}
	if r.bad || col.name == "" { // no measurement and no state is without a name
		return errShape("column")
	}
	c.columns = append(c.columns, col)
	return nil
}

// readEvent reads Event{kind: {...}}: exactly one field, whose number is the kind.
func (c *codec) readEvent(field *cursor) (vaiven.Event, error) {
	outer := cursor{b: field.bytes()}
	if field.typ != protowire.BytesType || !outer.next() || outer.typ != protowire.BytesType {
		return nil, errShape("event")
	}
	n := outer.num
	c.cursor = cursor{b: outer.bytes()}
	if outer.next() || outer.bad {
		return nil, fmt.Errorf("%w: event with field %d beside %d", ErrLater, outer.num, n)
	}
	if int(n) >= len(eventKinds) {
		return nil, fmt.Errorf("%w: event of kind %d", ErrLater, n)
	}
	kind := &eventKinds[n]
	var ev vaiven.Event
	if n == eventReading && len(c.readings) < cap(c.readings) {
		c.readings = c.readings[:len(c.readings)+1]
		ev = &c.readings[len(c.readings)-1]
	} else {
		ev = kind.make()
	}
	*ev.Time() = c.base
	c.pass, c.err, c.read = readPass, nil, partsRead{digits: defaultDigits}
	for c.next(); ; {
		at := c.at
		kind.fields(c, ev)
		if c.num == 0 {
			break
		}
		if c.at == at {
			c.next() // a field of a later vaiven, which may be passed over
		}
	}
	switch {
	case c.bad:
		return nil, errShape("event")
	case c.read.badBoot:
		return nil, fmt.Errorf("%w: boot %x of %d digits", ErrCorrupt, c.read.boot, c.read.digits)
	case c.read.badNumbers:
		return nil, fmt.Errorf("%w: the numbers do not fit the %d columns, or %d states", ErrCorrupt, len(c.columns), c.read.states)
	case c.read.needsKey && !c.read.hasKey:
		return nil, fmt.Errorf("%w: a change without a key", ErrCorrupt)
	}
	return ev, c.err
}

// column is a name together with how its numbers are written.
type column struct {
	name     string
	decimals uint8
	real     bool
}

// putNumbers writes each number as a column of the record, which has the name, and as
// a mantissa with the column's decimals where that is exact, else as it is.
func (c *codec) putNumbers(values, states []vaiven.Value) {
	cols, mantissas, reals := c.lists[listColumns][:0], c.lists[listMantissas][:0], c.lists[listReals][:0]
	for at := range len(values) + len(states) {
		var v *vaiven.Value
		if at < len(values) {
			v = &values[at]
		} else {
			v = &states[at-len(values)]
		}
		m, dec, exact := decimal(v.Num)
		cols = appendVarint(cols, uint64(c.columnOf(at, v.Name, dec, !exact)))
		if exact {
			mantissas = appendVarint(mantissas, protowire.EncodeZigZag(m))
		} else {
			reals = binary.LittleEndian.AppendUint64(reals, math.Float64bits(v.Num))
		}
	}
	c.lists = [...][]byte{cols, mantissas, reals}
	for i, list := range c.lists {
		if len(list) > 0 {
			c.event = append(appendField(c.event, protowire.Number(fieldLists+i), len(list)), list...)
		}
	}
}

// columnOf returns the index of col in the record's table, adding it if need be. Boards
// send the same names in the same order, so the place where it was found for the last
// event is tried first.
func (c *codec) columnOf(at int, name string, decimals uint8, real bool) uint32 {
	if at < len(c.hints) {
		if hint := c.hints[at]; int(hint) < len(c.columns) {
			if col := &c.columns[hint]; col.decimals == decimals && col.real == real && col.name == name {
				return hint
			}
		}
	}
	col := column{name, decimals, real}
	i, ok := c.index[col]
	if !ok {
		if c.index == nil {
			c.index = make(map[column]uint32)
		}
		i = uint32(len(c.columns))
		c.columns = append(c.columns, col)
		c.columnBytes += 12 + len(name)
		c.index[col] = i
	}
	if at == len(c.hints) && at < vaiven.MaxValues {
		c.hints = append(c.hints, i)
	} else if at < len(c.hints) {
		c.hints[at] = i
	}
	return i
}

// namedNumbers turns the lists into values, which are cut off a block that the
// record's events share. It reports whether the lists fit together.
func (c *codec) namedNumbers() ([]vaiven.Value, bool) {
	columns, mantissas, reals := c.read.lists[listColumns], c.read.lists[listMantissas], c.read.lists[listReals]
	n := 0
	for _, b := range c.b[columns.lo:columns.hi] {
		if b < 0x80 { // the last byte of a varint, and no other
			n++
		}
	}
	if n == 0 {
		return nil, columns.lo == columns.hi
	}
	if cap(c.values)-len(c.values) < n {
		c.values = make([]vaiven.Value, 0, max(n, min(1024, 2*cap(c.readings)), 4))
	}
	at := len(c.values)
	c.values = c.values[:at+n]
	out := c.values[at : at+n : at+n]
	for i := range out {
		index, k := varint(c.b[columns.lo:columns.hi])
		if k <= 0 || index >= uint64(len(c.columns)) {
			return nil, false
		}
		columns.lo += k
		col := &c.columns[index]
		out[i].Name = col.name
		if col.real {
			if reals.hi-reals.lo < 8 {
				return nil, false
			}
			out[i].Num = math.Float64frombits(binary.LittleEndian.Uint64(c.b[reals.lo:]))
			reals.lo += 8
			continue
		}
		m, k := varint(c.b[mantissas.lo:mantissas.hi])
		if k <= 0 {
			return nil, false
		}
		mantissas.lo += k
		num := float64(protowire.DecodeZigZag(m))
		if col.decimals > 0 {
			num /= pow10[col.decimals]
		}
		out[i].Num = num
	}
	return out, columns.lo == columns.hi
}

// decimal returns f as m / 10^dec when that quotient, correctly rounded as
// IEEE 754 division is, gives exactly f back, and the mantissa is short.
func decimal(f float64) (m int64, dec uint8, ok bool) {
	if f == 0 && math.Signbit(f) {
		return 0, 0, false
	}
	for d, p := range pow10 {
		r := math.Round(f * p)
		if !(math.Abs(r) < 1<<48) {
			return 0, 0, false
		}
		if r/p == f {
			return int64(r), uint8(d), true
		}
	}
	return 0, 0, false
}

// pow10 are the powers of ten that a double holds exactly and a column may
// name as its decimals.
var pow10 = [...]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6}
