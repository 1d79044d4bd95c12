package stream

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"vaiven"
)

// MaxRecord is the largest record, in bytes, as it is handed to JetStream.
const MaxRecord = 256 << 10

// AppendRecord appends the encoding of r (all but its Seq, which the log
// gives) to b. The error says which event cannot be written.
func AppendRecord(b []byte, r vaiven.Record) ([]byte, error) {
	var e encoder
	for _, ev := range r.Events {
		if _, err := eventBound(ev); err != nil {
			return b, err
		}
		e.add(ev)
	}
	return e.finish(b, r.Writer, r.N), nil
}

// encoder collects the events of one record. The zero value is ready, and
// finish makes it ready for the next record; its buffers are kept.
type encoder struct {
	begun   bool
	base    vaiven.Stamp
	events  []byte // fieldEvent after fieldEvent, encoded
	one     []byte // the event being encoded
	nums    []byte // its packed mantissas, or reals
	columns []column
	colSize int // bytes of the columns, at most
	index   map[column]uint32
	hints   [vaiven.MaxValues]uint32 // where the value at this position was last time
	seen    [vaiven.MaxValues]uint32
	mants   [vaiven.MaxValues]int64
}

// column is a name together with how its numbers are written.
type column struct {
	name     string
	decimals uint8
	real     bool
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// headRoom is more than everything in a record that is not an event or a
// column.
const headRoom = 64

// size is at least the length of the record, if it were finished now.
func (e *encoder) size() int { return headRoom + len(e.events) + e.colSize }

// finish appends the whole record to b and forgets the events.
func (e *encoder) finish(b []byte, writer, n uint64) []byte {
	body := e.one[:0]
	body = appendVarint(body, fieldKind, recordKind)
	body = appendVarint(body, fieldVersion, recordVersion)
	body = protowire.AppendTag(body, fieldWriter, protowire.Fixed64Type)
	body = protowire.AppendFixed64(body, writer)
	body = appendVarint(body, fieldN, n)
	if e.base.At != 0 {
		body = appendVarint(body, fieldTime, uint64(e.base.At))
	}
	body = appendSint(body, fieldOffset, int64(e.base.Offset))
	if e.base.Synced {
		body = appendVarint(body, fieldSynced, 1)
	}
	for _, c := range e.columns {
		body = appendColumn(body, c)
	}

	total := len(body) + len(e.events)
	start := len(b)
	b = protowire.AppendTag(b, fieldCRC, protowire.Fixed32Type)
	b = protowire.AppendFixed32(b, 0)
	b = protowire.AppendTag(b, fieldBody, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(total))
	at := len(b)
	b = append(b, body...)
	b = append(b, e.events...)
	binary.LittleEndian.PutUint32(b[start+1:], crc32.Checksum(b[at:], castagnoli))

	e.one = body[:0]
	e.reset()
	return b
}

func (e *encoder) reset() {
	e.begun, e.base = false, vaiven.Stamp{}
	e.events = e.events[:0]
	e.columns, e.colSize = e.columns[:0], 0
	clear(e.index)
}

func appendColumn(b []byte, c column) []byte {
	n := 2 + len(c.name)
	if c.decimals > 0 {
		n += 2
	}
	if c.real {
		n += 2
	}
	b = protowire.AppendTag(b, fieldColumn, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(n))
	b = appendString(b, fieldColName, c.name)
	if c.decimals > 0 {
		b = appendVarint(b, fieldColDecimals, uint64(c.decimals))
	}
	if c.real {
		b = appendVarint(b, fieldColReal, 1)
	}
	return b
}

// add encodes one event, which eventBound has accepted.
func (e *encoder) add(ev vaiven.Event) {
	if !e.begun {
		e.begun, e.base = true, *ev.Time()
	}
	b := e.appendStamp(e.one[:0], ev.Time())
	b = appendDevice(b, ev.Of())
	kind, b := e.appendEvent(b, ev)
	e.one = b

	// The event is one submessage in another: Event{kind: {...}}.
	inner := protowire.SizeTag(kind) + protowire.SizeVarint(uint64(len(b))) + len(b)
	e.events = protowire.AppendTag(e.events, fieldEvent, protowire.BytesType)
	e.events = protowire.AppendVarint(e.events, uint64(inner))
	e.events = protowire.AppendTag(e.events, kind, protowire.BytesType)
	e.events = protowire.AppendVarint(e.events, uint64(len(b)))
	e.events = append(e.events, b...)
}

func (e *encoder) appendEvent(b []byte, ev vaiven.Event) (protowire.Number, []byte) {
	switch ev := ev.(type) {
	case *vaiven.Reading:
		return eventReading, e.appendReading(b, ev)
	case *vaiven.Report:
		b = appendBoot(b, ev.Boot)
		b = e.appendValues(b, ev.States, nil)
		return eventReport, appendUint(b, fieldRev, ev.Rev)
	case *vaiven.Hello:
		return eventHello, e.appendHello(b, ev)
	case *vaiven.Refusal:
		b = appendBoot(b, ev.Boot)
		b = appendUint(b, fieldSeq, ev.Seq)
		return eventRefusal, appendString(b, fieldCode, string(ev.Code))
	case *vaiven.Gap:
		b = appendBoot(b, ev.Boot)
		b = appendUint(b, fieldSeq, ev.From)
		return eventGap, appendUint(b, fieldTo, ev.To)
	case *vaiven.Rejected:
		b = appendString(b, fieldCode, string(ev.Code))
		b = appendUint(b, fieldCount, ev.Count)
		b = appendString(b, fieldText, ev.Text)
		return eventRejected, appendString(b, fieldRemote, ev.Remote)
	case *vaiven.SessionStart:
		b = appendUint(b, fieldReadings, ev.Readings)
		b = appendUint(b, fieldDeadline, uint64(ev.Deadline))
		return eventSessionStart, appendUint(b, fieldInterval, uint64(ev.Interval))
	case *vaiven.SessionEnd:
		b = appendString(b, fieldReason, string(ev.Reason))
		return eventSessionEnd, appendUint(b, fieldCount, ev.Count)
	case *vaiven.Presence:
		if ev.Connected {
			b = appendVarint(b, fieldConnected, 1)
		}
		b = appendString(b, fieldPeer, ev.Remote)
		b = appendString(b, fieldPeerReason, ev.Reason)
		if ev.Silent {
			b = appendVarint(b, fieldSilent, 1)
		}
		return eventPresence, appendUint(b, fieldSleep, uint64(ev.Sleep))
	case *vaiven.Conflict:
		return eventConflict, appendTexts(b, fieldRemotes, ev.Remotes)
	case *vaiven.LogStart:
		return eventLogStart, appendString(b, fieldLog, ev.Log)
	default:
		return e.appendChange(b, ev)
	}
}

// appendChange writes the events of the way back.
func (e *encoder) appendChange(b []byte, ev vaiven.Event) (protowire.Number, []byte) {
	switch ev := ev.(type) {
	case *vaiven.Change:
		b = appendKey(b, ev.Key)
		b = e.appendValues(b, ev.States, nil)
		b = appendTexts(b, fieldToggle, ev.Toggle)
		b = appendString(b, fieldBy, ev.By)
		b = appendUint(b, fieldUntil, uint64(ev.Deadline))
		if ev.HasIf {
			b = appendVarint(b, fieldIf, ev.If)
		}
		return eventChange, b
	case *vaiven.Sent:
		b = appendKey(b, ev.Key)
		return eventSent, appendUint(b, fieldRev, ev.Rev)
	case *vaiven.ChangeEnd:
		b = appendKey(b, ev.Key)
		b = appendUint(b, fieldRev, ev.Rev)
		b = appendString(b, fieldOutcome, string(ev.Outcome))
		b = appendString(b, fieldEndReason, ev.Reason)
		b = e.appendValues(b, ev.States, nil)
		b = appendString(b, fieldBy, ev.By)
		return eventChangeEnd, appendUint(b, fieldAsked, uint64(ev.Asked))
	case *vaiven.Described:
		b = appendString(b, fieldTitle, ev.Name)
		b = appendString(b, fieldNote, ev.Note)
		return eventDescribed, appendTexts(b, fieldGroups, ev.Groups)
	case *vaiven.Forgotten:
		return eventForgotten, b
	}
	panic(fmt.Sprintf("stream: event of type %T was not refused by eventBound", ev))
}

func (e *encoder) appendReading(b []byte, r *vaiven.Reading) []byte {
	b = appendBoot(b, r.Boot)
	b = appendUint(b, fieldSeq, r.Seq)
	if r.Measured != 0 {
		b = appendVarint(b, fieldMeasured, protowire.EncodeZigZag(r.Measured-r.At))
	}
	b = e.appendValues(b, r.Values, r.States)
	b = appendUint(b, fieldStates, uint64(len(r.States)))
	b = appendUint(b, fieldRev, r.Rev)
	if r.Uncounted {
		b = appendVarint(b, fieldUncounted, 1)
	}
	return b
}

func (e *encoder) appendHello(b []byte, h *vaiven.Hello) []byte {
	b = appendBoot(b, h.Boot)
	b = appendUint(b, fieldSeq, h.Oldest)
	b = appendUint(b, fieldNext, h.Next)
	b = e.appendValues(b, h.States, nil)
	b = appendUint(b, fieldLost, h.Lost)
	b = appendUint(b, fieldRev, h.Rev)
	b = appendString(b, fieldFW, h.FW)
	b = appendTexts(b, fieldNames, h.Names)
	if h.Up != -1 {
		b = protowire.AppendTag(b, fieldUp, protowire.VarintType)
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(h.Up))
	}
	return b
}

// appendStamp writes what differs from the record's own stamp.
func (e *encoder) appendStamp(b []byte, s *vaiven.Stamp) []byte {
	b = appendSint(b, fieldEvDelta, s.At-e.base.At)
	if s.Offset != e.base.Offset {
		b = appendVarint(b, fieldEvOffset, protowire.EncodeZigZag(int64(s.Offset)))
	}
	if s.Synced != e.base.Synced {
		b = appendVarint(b, fieldEvSynced, protowire.EncodeBool(s.Synced))
	}
	return b
}

// appendValues writes numbers as columns, with decimals where that is exact.
func (e *encoder) appendValues(b []byte, values, states []vaiven.Value) []byte {
	if len(values)+len(states) == 0 {
		return b
	}
	cols, mants := e.seen[:0], e.mants[:0]
	reals := e.nums[:0]
	for i := range len(values) + len(states) {
		v := valueAt(values, states, i)
		m, dec, exact := decimal(v.Num)
		c := column{name: v.Name, decimals: dec, real: !exact}
		cols = append(cols, e.column(i, c))
		if exact {
			mants = append(mants, m)
		} else {
			reals = binary.LittleEndian.AppendUint64(reals, math.Float64bits(v.Num))
		}
	}
	b = appendPacked(b, fieldColumns, cols)
	if len(mants) > 0 {
		b = appendPackedSint(b, fieldMantissas, mants)
	}
	if len(reals) > 0 {
		b = protowire.AppendTag(b, fieldReals, protowire.BytesType)
		b = protowire.AppendBytes(b, reals)
	}
	e.nums = reals[:0]
	return b
}

func valueAt(values, states []vaiven.Value, i int) vaiven.Value {
	if i < len(values) {
		return values[i]
	}
	return states[i-len(values)]
}

// column returns the index of c in the record's table, adding it if need be.
// Boards send the same names in the same order, so the place where it was
// found for the last event is tried first.
func (e *encoder) column(at int, c column) uint32 {
	var hint *uint32
	if at < len(e.hints) {
		hint = &e.hints[at]
		if int(*hint) < len(e.columns) && e.columns[*hint] == c {
			return *hint
		}
	}
	i, ok := e.index[c]
	if !ok {
		if e.index == nil {
			e.index = make(map[column]uint32)
		}
		i = uint32(len(e.columns))
		e.columns = append(e.columns, c)
		e.colSize += 12 + len(c.name)
		e.index[c] = i
	}
	if hint != nil {
		*hint = i
	}
	return i
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

func appendDevice(b []byte, d vaiven.Device) []byte {
	if n, ok := deviceNumber(d); ok {
		return appendVarint(b, fieldNumber, n)
	}
	return appendString(b, fieldDevice, string(d))
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

func appendBoot(b []byte, boot vaiven.Boot) []byte {
	if boot == "" {
		return b
	}
	v, _ := bootValue(boot)
	b = appendVarint(b, fieldBoot, v)
	if len(boot) != defaultDigits {
		b = appendVarint(b, fieldDigits, uint64(len(boot)))
	}
	return b
}

// appendKey writes a change's 16 digits as the number that they are.
func appendKey(b []byte, key vaiven.Key) []byte {
	v, _ := keyValue(key)
	return protowire.AppendFixed64(protowire.AppendTag(b, fieldKey, protowire.Fixed64Type), v)
}

// keyValue reads a key's hexadecimal digits.
func keyValue(key vaiven.Key) (v uint64, ok bool) {
	v, ok = bootValue(vaiven.Boot(key))
	return v, ok && len(key) == 16
}

// bootValue reads a boot's hexadecimal digits.
func bootValue(boot vaiven.Boot) (v uint64, ok bool) {
	for i := range len(boot) {
		c := boot[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		v = v<<4 | uint64(c)
	}
	return v, len(boot) <= 16
}

// appendVarint writes a field even when it is zero.
func appendVarint(b []byte, num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), v)
}

// appendUint leaves zero out.
func appendUint(b []byte, num protowire.Number, v uint64) []byte {
	if v == 0 {
		return b
	}
	return appendVarint(b, num, v)
}

// appendSint leaves zero out.
func appendSint(b []byte, num protowire.Number, v int64) []byte {
	if v == 0 {
		return b
	}
	return appendVarint(b, num, protowire.EncodeZigZag(v))
}

// appendString leaves "" out. A protobuf string is UTF-8: what is not, in a
// text that quotes a board's input, is replaced.
func appendString(b []byte, num protowire.Number, s string) []byte {
	if s == "" {
		return b
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}

// appendTexts writes every one of a list, "" included.
func appendTexts(b []byte, num protowire.Number, list []string) []byte {
	for _, s := range list {
		b = protowire.AppendTag(b, num, protowire.BytesType)
		b = protowire.AppendString(b, strings.ToValidUTF8(s, "\uFFFD"))
	}
	return b
}

func appendPacked(b []byte, num protowire.Number, vs []uint32) []byte {
	n := 0
	for _, v := range vs {
		n += protowire.SizeVarint(uint64(v))
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(n))
	for _, v := range vs {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return b
}

func appendPackedSint(b []byte, num protowire.Number, vs []int64) []byte {
	n := 0
	for _, v := range vs {
		n += protowire.SizeVarint(protowire.EncodeZigZag(v))
	}
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(n))
	for _, v := range vs {
		b = protowire.AppendVarint(b, protowire.EncodeZigZag(v))
	}
	return b
}
