package stream

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

func errShape(what string) error { return fmt.Errorf("%w: %s does not parse", ErrCorrupt, what) }

// codec goes over the fields of events as eventKinds lists them, and does one of
// three things with each. The zero value is ready; a codec that is kept remembers
// names and boots, so that thousands of events share one string. Not for concurrent
// use.
type codec struct {
	pass    pass
	base    vaiven.Stamp // the record's own: what an event's stamp counts from
	columns []column     // of the record
	err     error        // what is wrong with the event

	// bounding
	size int // bytes that the event cannot exceed

	// writing
	event       []byte             // the event being written
	index       map[column]uint32  // of columns
	columnBytes int                // of columns, at most
	hints       []uint32           // the column of the value at this position, last time
	lists       [listFields][]byte // of numbers, being made

	// reading
	cursor
	read     partsRead
	readings []vaiven.Reading // what is left of the record's block
	values   []vaiven.Value   // likewise
	names    map[string]string
	devices  map[string]vaiven.Device
	boots    []knownBoot // by the lowest byte
}

// pass is what a codec does with the fields of an event.
type pass uint8

const (
	boundPass pass = iota // add up the largest size, and refuse what cannot be written
	writePass
	readPass // take the fields that the cursor is at
)

// partsRead are what is put together of several fields of an event, which an encoding
// may have in any order. They are put together again whenever one of them is read.
type partsRead struct {
	boot, digits            uint64
	hasBoot, badBoot        bool
	moment                  int64
	hasMoment               bool
	lists                   [listFields]span
	states                  uint64
	badNumbers              bool
	needsKey, hasKey, hasUp bool
}

// span is a length-delimited field's place in the event's bytes. (A slice kept in the
// codec would cost a write barrier each time.)
type span struct{ lo, hi int }

// knownBoot is a boot as it stands in a record, and its text.
type knownBoot struct {
	value, digits uint64
	text          vaiven.Boot
}

// Fields that have the same number in every kind of event that has them.
const (
	fieldDelta  = 1
	fieldOffset = 2
	fieldSynced = 3
	fieldNumber = 4
	fieldDevice = 5
	fieldBoot   = 6
	fieldDigits = 7

	fieldLists  = 10 // columns, then mantissas, then reals
	fieldStates = 13
)

// The packed lists of an event's numbers, in the order of their fields.
const (
	listColumns = iota
	listMantissas
	listReals
	listFields
)

// What bounds an event's size, in bytes.
const (
	boundFixed  = 128 // tags, lengths, stamp, boot and all numbers of any kind of event
	boundValue  = 8 + 10 + 16
	boundString = 8 // tag and length, beside the text itself
)

const (
	defaultDigits = 8    // of a boot whose length is not written down
	maxRemembered = 4096 // bounds the tables of names and devices; a full one is emptied

	longestRemembered = 64 // bytes of a name or a device
)

// head is what every event has: when it was received, as it differs from the
// record's own stamp, and the device, by its number if its id is three digits.
func (c *codec) head(st *vaiven.Stamp, d *vaiven.Device) {
	switch c.pass {
	case boundPass:
		c.size += boundString + len(*d)
	case writePass:
		c.varint(fieldDelta, protowire.EncodeZigZag(st.At-c.base.At), st.At != c.base.At)
		c.varint(fieldOffset, protowire.EncodeZigZag(int64(st.Offset)), st.Offset != c.base.Offset)
		c.varint(fieldSynced, protowire.EncodeBool(st.Synced), st.Synced != c.base.Synced)
		n, numbered := deviceNumber(*d)
		if c.varint(fieldNumber, n, numbered); !numbered {
			c.text(fieldDevice, (*string)(d))
		}
	case readPass:
		for ; c.num >= fieldDelta && c.num <= fieldDevice; c.next() {
			switch c.num {
			case fieldDelta:
				st.At = c.base.At + protowire.DecodeZigZag(c.val)
			case fieldOffset:
				st.Offset = int32(protowire.DecodeZigZag(c.val))
			case fieldSynced:
				st.Synced = c.val != 0
			case fieldNumber:
				if c.val > 999 {
					c.err = fmt.Errorf("%w: device number %d", ErrCorrupt, c.val)
					continue
				}
				*d = vaiven.Device(threeDigits[3*c.val : 3*c.val+3])
			case fieldDevice:
				*d = remember(&c.devices, c.bytes())
			}
		}
	}
}

// deviceNumber returns the number that a three-digit id is written as.
func deviceNumber(d vaiven.Device) (uint64, bool) {
	if len(d) != 3 {
		return 0, false
	}
	x, y, z := d[0]-'0', d[1]-'0', d[2]-'0'
	if x > 9 || y > 9 || z > 9 {
		return 0, false
	}
	return uint64(x)*100 + uint64(y)*10 + uint64(z), true
}

// threeDigits holds every such id, so that reading one allocates nothing.
var threeDigits = func() string {
	b := make([]byte, 0, 3000)
	for i := range 1000 {
		b = append(b, byte('0'+i/100), byte('0'+i/10%10), byte('0'+i%10))
	}
	return string(b)
}()

// boot is written as the number that its hexadecimal digits are, and how many.
func (c *codec) boot(p *vaiven.Boot) {
	switch c.pass {
	case boundPass:
		if _, ok := hexNumber(string(*p)); !ok {
			c.err = fmt.Errorf("stream: boot %q is not up to 16 lower-case hexadecimal digits", vaiven.Shorten(string(*p)))
		}
	case writePass:
		if *p == "" {
			return
		}
		v, _ := hexNumber(string(*p))
		c.varint(fieldBoot, v, true)
		c.varint(fieldDigits, uint64(len(*p)), len(*p) != defaultDigits)
	case readPass:
		if c.num != fieldBoot && c.num != fieldDigits {
			return
		}
		r := &c.read
		for ; c.num == fieldBoot || c.num == fieldDigits; c.next() {
			if c.num == fieldBoot {
				r.boot, r.hasBoot = c.val, true
			} else {
				r.digits = c.val
			}
		}
		r.badBoot = r.hasBoot && (r.digits < 1 || r.digits > 16 || r.digits < 16 && r.boot>>(4*r.digits) != 0)
		if !r.hasBoot || r.badBoot {
			return
		}
		if c.boots == nil {
			c.boots = make([]knownBoot, 256)
		}
		k := &c.boots[byte(r.boot)]
		if k.text == "" || k.value != r.boot || k.digits != r.digits {
			*k = knownBoot{value: r.boot, digits: r.digits, text: vaiven.Boot(fmt.Sprintf("%0*x", r.digits, r.boot))}
		}
		*p = k.text
	}
}

// hexNumber reads up to 16 lower-case hexadecimal digits.
func hexNumber(s string) (v uint64, ok bool) {
	var all uint8
	for i := range len(s) {
		d := hexDigits[s[i]]
		all |= d
		v = v<<4 | uint64(d)
	}
	return v, all < 16 && len(s) <= 16
}

// hexDigits are the values of hexadecimal digits, 255 of every other byte: a table, as
// branches that depend on random digits cost more than all else of a boot.
var hexDigits = func() (t [256]uint8) {
	for i := range t {
		t[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		t[c] = uint8(i)
	}
	return t
}()

// key is a change's 16 digits, as the number that they are. An event of a change
// that does not say which is nothing.
func (c *codec) key(num protowire.Number, p *vaiven.Key) {
	switch c.pass {
	case boundPass:
		if _, ok := hexNumber(string(*p)); !ok || len(*p) != 16 {
			c.err = fmt.Errorf("stream: key %q of a change is not 16 lower-case hexadecimal digits", vaiven.Shorten(string(*p)))
		}
	case writePass:
		v, _ := hexNumber(string(*p))
		c.event = binary.LittleEndian.AppendUint64(appendVarint(c.event, uint64(num)<<3|uint64(protowire.Fixed64Type)), v)
	case readPass:
		for ; c.num == num; c.next() {
			*p, c.read.hasKey = vaiven.Key(fmt.Sprintf("%016x", c.val)), true
		}
		c.read.needsKey = true
	}
}

// varint writes v if it is given, or says what was read.
func (c *codec) varint(num protowire.Number, v uint64, given bool) (read uint64, ok bool) {
	switch c.pass {
	case writePass:
		if given {
			c.event = appendNumber(c.event, num, v)
		}
	case readPass:
		for ; c.num == num; c.next() {
			read, ok = c.val, true
		}
	}
	return read, ok
}

// uint is left out when it is 0.
func (c *codec) uint(num protowire.Number, p *uint64) {
	if v, ok := c.varint(num, *p, *p != 0); ok {
		*p = v
	}
}

// int is written as the 64 bits that it is, and left out when it is 0.
func (c *codec) int(num protowire.Number, p *int64) {
	if v, ok := c.varint(num, uint64(*p), *p != 0); ok {
		*p = int64(v)
	}
}

// flag is left out when it is false.
func (c *codec) flag(num protowire.Number, p *bool) {
	if v, ok := c.varint(num, 1, *p); ok {
		*p = v != 0
	}
}

// optional is left out when it is not given.
func (c *codec) optional(num protowire.Number, given *bool, p *uint64) {
	if v, ok := c.varint(num, *p, *given); ok {
		*given, *p = true, v
	}
}

// intOrMinusOne is left out when it is -1.
func (c *codec) intOrMinusOne(num protowire.Number, p *int64) {
	if v, ok := c.varint(num, protowire.EncodeZigZag(*p), *p != -1); ok {
		*p, c.read.hasUp = protowire.DecodeZigZag(v), true
	} else if c.pass == readPass && !c.read.hasUp {
		*p = -1
	}
}

// sinceReception is a moment in Unix ms that is written as it differs from the
// event's reception, and left out when it is 0: not known.
func (c *codec) sinceReception(num protowire.Number, p *int64, reception int64) {
	if v, ok := c.varint(num, protowire.EncodeZigZag(*p-reception), *p != 0); ok {
		c.read.moment, c.read.hasMoment = protowire.DecodeZigZag(v), true
	}
	if c.pass == readPass && c.read.hasMoment {
		*p = reception + c.read.moment // again when the reception is read later
	}
}

// text is left out when it is "". A protobuf string is UTF-8: what is not, in a text
// that quotes a board's input, is replaced.
func (c *codec) text(num protowire.Number, p *string) {
	switch c.pass {
	case boundPass:
		c.size += boundText(*p)
	case writePass:
		if *p != "" {
			c.putText(num, *p)
		}
	case readPass:
		for ; c.num == num; c.next() {
			*p = string(c.bytes())
		}
	}
}

// texts is a list, written with every "" that is in it.
func (c *codec) texts(num protowire.Number, p *[]string) {
	switch c.pass {
	case boundPass:
		for _, s := range *p {
			c.size += boundText(s)
		}
	case writePass:
		for _, s := range *p {
			c.putText(num, s)
		}
	case readPass:
		for ; c.num == num; c.next() {
			*p = append(*p, remember(&c.names, c.bytes()))
		}
	}
}

// boundText allows for every byte to become the three of U+FFFD.
func boundText(s string) int { return boundString + 3*len(s) }

// sum is the SHA-256 of a token, left out when it is zero.
func (c *codec) sum(num protowire.Number, p *vaiven.TokenSum) {
	switch c.pass {
	case boundPass:
		c.size += boundString + len(p)
	case writePass:
		if *p != (vaiven.TokenSum{}) {
			c.event = append(appendField(c.event, num, len(p)), p[:]...)
		}
	case readPass:
		for ; c.num == num; c.next() {
			if b := c.bytes(); len(b) == len(p) {
				*p = vaiven.TokenSum(b)
			} else {
				c.err = fmt.Errorf("%w: a token's sum of %d bytes", ErrCorrupt, len(b))
			}
		}
	}
}

// numbers are those with names: in a Reading measurements, then states, and how many
// these are; in the other kinds states alone, and counted is nil.
func (c *codec) numbers(values, counted *[]vaiven.Value) {
	var states []vaiven.Value
	if counted != nil {
		states = *counted
	}
	switch c.pass {
	case boundPass:
		for _, vs := range [...][]vaiven.Value{*values, states} {
			for i := range vs {
				c.size += boundValue + len(vs[i].Name)
			}
		}
	case writePass:
		c.putNumbers(*values, states)
		c.varint(fieldStates, uint64(len(states)), len(states) > 0)
	case readPass:
		last := protowire.Number(fieldLists + listReals)
		if counted != nil {
			last = fieldStates
		}
		if c.num < fieldLists || c.num > last {
			return
		}
		for ; c.num >= fieldLists && c.num <= last; c.next() {
			switch {
			case c.num == fieldStates:
				c.read.states = c.val
			case c.typ == protowire.BytesType:
				c.read.lists[c.num-fieldLists] = span{c.lo, c.hi}
			default:
				c.read.lists[c.num-fieldLists] = span{}
			}
		}
		all, ok := c.namedNumbers()
		c.read.badNumbers = !ok || c.read.states > uint64(len(all))
		if c.read.badNumbers {
			return
		}
		cut := len(all) - int(c.read.states)
		if *values = all[:cut:cut]; cut == 0 {
			*values = nil
		}
		if counted == nil {
			return
		}
		if *counted = all[cut:]; cut == len(all) {
			*counted = nil
		}
	}
}

func (c *codec) putText(num protowire.Number, s string) {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	c.event = append(appendField(c.event, num, len(s)), s...)
}

// appendNumber appends a varint field.
func appendNumber(b []byte, num protowire.Number, v uint64) []byte {
	return appendVarint(appendVarint(b, uint64(num)<<3|uint64(protowire.VarintType)), v)
}

// appendField appends the tag and the length of a field of so many bytes.
func appendField(b []byte, num protowire.Number, size int) []byte {
	return appendVarint(appendVarint(b, uint64(num)<<3|uint64(protowire.BytesType)), uint64(size))
}

func appendVarint(b []byte, v uint64) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// remember returns a text of which many events will speak, shared with those before.
func remember[T ~string](table *map[string]T, b []byte) T {
	if s, ok := (*table)[string(b)]; ok {
		return s
	}
	if len(b) > longestRemembered {
		return T(b)
	}
	if *table == nil || len(*table) >= maxRemembered {
		*table = make(map[string]T)
	}
	s := string(b)
	(*table)[s] = T(s)
	return T(s)
}
