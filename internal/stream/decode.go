package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

// What can be wrong with a record, for errors.Is.
var (
	// ErrLater means that a kind of record or event, or a version, is not
	// known: the log was written by a later vaiven. The process must not go on.
	ErrLater = errors.New("written by a later vaiven")
	// ErrCorrupt means that a record is not what was written.
	ErrCorrupt = errors.New("record is damaged")
)

// DecodeRecord decodes what AppendRecord wrote; the events share nothing with
// b. The error is ErrLater or ErrCorrupt.
func DecodeRecord(seq uint64, b []byte) (vaiven.Record, error) {
	var d decoder
	return d.decode(seq, b)
}

// decoder decodes records one after another; it remembers names and boots, so
// that thousands of events share one string. Not for concurrent use.
type decoder struct {
	names   map[string]string
	boots   [256]knownBoot
	devices map[string]vaiven.Device

	// Of the record being decoded:
	base     vaiven.Stamp
	columns  []column
	cols     []uint32 // columns of the event being decoded
	readings []vaiven.Reading
	values   []vaiven.Value
}

// knownBoot is a boot as it stands in a record, and its text.
type knownBoot struct {
	value, digits uint64
	text          vaiven.Boot
}

// maxRemembered bounds the tables of names and devices; a full one is emptied.
const maxRemembered = 4096

func (d *decoder) decode(seq uint64, b []byte) (vaiven.Record, error) {
	body, err := openEnvelope(b)
	if err != nil {
		return vaiven.Record{}, fmt.Errorf("record %d: %w", seq, err)
	}
	rec, err := d.record(body)
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
	for r := (fields{b: b}); r.next(); {
		switch {
		case r.num == fieldCRC && r.typ == protowire.Fixed32Type:
			sum, have = uint32(r.val), have|1
		case r.num == fieldBody && r.typ == protowire.BytesType:
			body, have = r.bytes(), have|2
		case r.bad:
			have = 0
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
func (d *decoder) record(body []byte) (vaiven.Record, error) {
	var rec vaiven.Record
	var kind, version uint64
	var events, readings int
	d.base, d.columns = vaiven.Stamp{}, d.columns[:0]
	r := fields{b: body}
	for r.next() {
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
			d.base.At = int64(r.val)
		case fieldOffset:
			d.base.Offset = int32(protowire.DecodeZigZag(r.val))
		case fieldSynced:
			d.base.Synced = r.val != 0
		case fieldColumn:
			c, err := d.column(r.bytes())
			if err != nil {
				return rec, err
			}
			d.columns = append(d.columns, c)
		case fieldEvent:
			events++
			if len(r.bytes()) > 0 && r.bytes()[0] == tagReading {
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
	d.readings = make([]vaiven.Reading, 0, readings)
	d.values = nil
	rec.Events = make([]vaiven.Event, 0, events)
	return rec, d.events(&rec, body)
}

const tagReading = byte(eventReading)<<3 | byte(protowire.BytesType)

func (d *decoder) events(rec *vaiven.Record, body []byte) error {
	for r := (fields{b: body}); r.next(); {
		if r.num != fieldEvent {
			continue
		}
		if r.typ != protowire.BytesType {
			return errShape("event")
		}
		ev, err := d.event(r.bytes())
		if err != nil {
			return fmt.Errorf("event %d: %w", len(rec.Events), err)
		}
		rec.Events = append(rec.Events, ev)
	}
	return nil
}

func (d *decoder) column(b []byte) (column, error) {
	var c column
	r := fields{b: b}
	for r.next() {
		switch r.num {
		case fieldColName:
			c.name = d.name(r.bytes())
		case fieldColDecimals:
			if r.val >= uint64(len(pow10)) {
				return c, fmt.Errorf("%w: column with %d decimals", ErrLater, r.val)
			}
			c.decimals = uint8(r.val)
		case fieldColReal:
			c.real = r.val != 0
		}
	}
	if r.bad || c.name == "" { // no measurement and no state is without a name
		return c, errShape("column")
	}
	return c, nil
}

// event reads Event{kind: {...}}: exactly one field, whose number is the kind.
func (d *decoder) event(b []byte) (vaiven.Event, error) {
	outer := fields{b: b}
	if !outer.next() || outer.typ != protowire.BytesType {
		return nil, errShape("event")
	}
	kind, in := outer.num, fields{b: outer.bytes()}
	if outer.next() || outer.bad {
		return nil, fmt.Errorf("%w: event with field %d beside %d", ErrLater, outer.num, kind)
	}
	var ev vaiven.Event
	var err error
	switch kind {
	case eventReading:
		ev, err = d.reading(&in)
	case eventRefusal:
		ev, err = d.refusal(&in)
	case eventGap:
		ev, err = d.gap(&in)
	case eventRejected:
		ev, err = d.rejected(&in)
	case eventSessionStart:
		ev, err = d.sessionStart(&in)
	case eventSessionEnd:
		ev, err = d.sessionEnd(&in)
	case eventPresence:
		ev, err = d.presence(&in)
	case eventReport:
		ev, err = d.report(&in)
	case eventHello:
		ev, err = d.hello(&in)
	case eventConflict:
		ev, err = d.conflict(&in)
	case eventLogStart:
		ev, err = d.logStart(&in)
	case eventChange:
		ev, err = d.change(&in)
	case eventSent:
		ev, err = d.sent(&in)
	case eventChangeEnd:
		ev, err = d.changeEnd(&in)
	case eventDescribed:
		ev, err = d.described(&in)
	case eventForgotten:
		ev, err = d.forgotten(&in)
	default:
		return nil, fmt.Errorf("%w: event of kind %d", ErrLater, kind)
	}
	if err == nil && in.bad {
		err = errShape("event")
	}
	return ev, err
}

// common is what every kind of event carries under the same field numbers.
type common struct {
	stamp  vaiven.Stamp
	device vaiven.Device
	boot   vaiven.Boot
	value  uint64
	digits uint64
	has    bool // a boot was given
}

func (d *decoder) common() common { return common{stamp: d.base, digits: defaultDigits} }

// take reads field r if it is one of the common ones.
func (c *common) take(d *decoder, r *fields) error {
	switch r.num {
	case fieldEvDelta:
		c.stamp.At = d.base.At + protowire.DecodeZigZag(r.val)
	case fieldEvOffset:
		c.stamp.Offset = int32(protowire.DecodeZigZag(r.val))
	case fieldEvSynced:
		c.stamp.Synced = r.val != 0
	case fieldNumber:
		if r.val > 999 {
			return fmt.Errorf("%w: device number %d", ErrCorrupt, r.val)
		}
		c.device = numbered(r.val)
	case fieldDevice:
		c.device = d.device(r.bytes())
	case fieldBoot:
		c.value, c.has = r.val, true
	case fieldDigits:
		c.digits = r.val
	}
	return nil
}

// done turns the boot's value and digits into its text.
func (c *common) done(d *decoder) error {
	if !c.has {
		return nil
	}
	if c.digits < 1 || c.digits > 16 || c.digits < 16 && c.value>>(4*c.digits) != 0 {
		return fmt.Errorf("%w: boot %x of %d digits", ErrCorrupt, c.value, c.digits)
	}
	c.boot = d.boot(c.value, c.digits)
	return nil
}

func (d *decoder) name(b []byte) string {
	if s, ok := d.names[string(b)]; ok {
		return s
	}
	if d.names == nil || len(d.names) >= maxRemembered {
		d.names = make(map[string]string)
	}
	s := string(b)
	d.names[s] = s
	return s
}

func (d *decoder) device(b []byte) vaiven.Device {
	if s, ok := d.devices[string(b)]; ok {
		return s
	}
	if d.devices == nil || len(d.devices) >= maxRemembered {
		d.devices = make(map[string]vaiven.Device)
	}
	s := string(b)
	d.devices[s] = vaiven.Device(s)
	return vaiven.Device(s)
}

// boot returns the text of a boot; the last one with the same low byte is
// remembered.
func (d *decoder) boot(value, digits uint64) vaiven.Boot {
	k := &d.boots[byte(value)]
	if k.text == "" || k.value != value || k.digits != digits {
		*k = knownBoot{value: value, digits: digits, text: vaiven.Boot(fmt.Sprintf("%0*x", digits, value))}
	}
	return k.text
}

// numbered returns the id of a three-digit device without allocating.
func numbered(n uint64) vaiven.Device { return vaiven.Device(threeDigits[3*n : 3*n+3]) }

var threeDigits = func() string {
	b := make([]byte, 0, 3000)
	for i := range 1000 {
		b = append(b, byte('0'+i/100), byte('0'+i/10%10), byte('0'+i%10))
	}
	return string(b)
}()

func errShape(what string) error { return fmt.Errorf("%w: %s does not parse", ErrCorrupt, what) }

// fields walks the fields of one message. After next has returned false, bad
// says whether the bytes ended in the middle of something. It moves by
// positions, since slices kept in it would cost a write barrier each.
type fields struct {
	b      []byte
	at     int // of the next field
	num    protowire.Number
	typ    protowire.Type
	val    uint64 // of a varint or fixed field
	lo, hi int    // of a length-delimited one
	bad    bool
}

// bytes is the content of a length-delimited field, else empty.
func (f *fields) bytes() []byte { return f.b[f.lo:f.hi:f.hi] }

func (f *fields) next() bool {
	b := f.b
	if f.at >= len(b) || f.bad {
		return false
	}
	tag, n := varint(b[f.at:])
	if n <= 0 || tag>>3 > uint64(protowire.MaxValidNumber) || tag>>3 == 0 {
		return f.fail()
	}
	at := f.at + n
	f.num, f.typ, f.val, f.lo, f.hi = protowire.Number(tag>>3), protowire.Type(tag&7), 0, 0, 0
	left := len(b) - at
	switch f.typ {
	case protowire.VarintType:
		f.val, n = varint(b[at:])
	case protowire.Fixed32Type:
		if n = 4; left >= n {
			f.val = uint64(binary.LittleEndian.Uint32(b[at:]))
		}
	case protowire.Fixed64Type:
		if n = 8; left >= n {
			f.val = binary.LittleEndian.Uint64(b[at:])
		}
	case protowire.BytesType:
		size, m := varint(b[at:])
		if m <= 0 || size > uint64(left-m) {
			return f.fail()
		}
		n = m + int(size)
		f.lo, f.hi = at+m, at+n
	default: // groups are not written, and end nowhere that we know
		return f.fail()
	}
	if n <= 0 || n > left {
		return f.fail()
	}
	f.at = at + n
	return true
}

func (f *fields) fail() bool {
	f.bad = true
	return false
}

// varint is binary.Uvarint with its commonest case in line.
func varint(b []byte) (uint64, int) {
	if len(b) > 0 && b[0] < 0x80 {
		return uint64(b[0]), 1
	}
	return longVarint(b)
}

//go:noinline
func longVarint(b []byte) (uint64, int) { return binary.Uvarint(b) }
