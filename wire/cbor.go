package wire

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"vaiven"
)

// cborForm checks that a message is well-formed CBOR (RFC 8949 section 5.3.1)
// within our limits; cborCursor then walks it in order, which no map could.
var cborForm = func() cbor.DecMode {
	m, err := cbor.DecOptions{
		MaxNestedLevels:  MaxDepth,
		MaxArrayElements: maxElements,
		MaxMapPairs:      maxElements,
		TagsMd:           cbor.TagsForbidden,
		IndefLength:      cbor.IndefLengthAllowed,
	}.DecMode()
	if err != nil {
		panic(err) // constant options
	}
	return m
}()

// maxElements bounds the headers of arrays and maps; the message's size bounds
// what is in them.
const maxElements = 1 << 24

// decodeCBOR reads a binary message.
func (e *element) decodeCBOR(p []byte) {
	if err := checkCBOR(p); err != nil {
		e.refuseMessage(err)
		return
	}
	c := cborCursor{p: p, e: e}
	switch p[0] >> 5 {
	case majorMap:
		if err := c.readMap(); err != nil {
			e.refuseMessage(err)
			return
		}
		e.finishElement()
	case majorArray:
		c.yieldElements()
	default:
		e.notObject(reasonNotObject, 0)
	}
}

// yieldElements hands on the elements of the message's array, as
// scanner.yieldElements does. The whole message is checked first.
func (c *cborCursor) yieldElements() {
	ahead := *c
	if err := ahead.skipItem(); err != nil {
		c.e.refuseMessage(err)
		return
	}
	_, _, left, _ := c.readHead()
	if !c.hasMore(&left) {
		c.e.refuseMessage(&vaiven.Error{Code: vaiven.CodeNoValues, Reason: reasonEmptyList, At: 0})
		return
	}
	for foreign, more := false, true; more; more = c.hasMore(&left) {
		at := c.i
		if c.p[at]>>5 == majorMap {
			c.e.resetElement()
			_ = c.readMap() // nothing is wrong with it
			c.e.finishElement()
			continue
		}
		_ = c.skipItem()
		if !foreign {
			c.e.notObject(reasonElement, at)
		}
		foreign = true
	}
}

// checkCBOR returns what is wrong with the form of the message, nil if nothing.
func checkCBOR(p []byte) *vaiven.Error {
	if len(p) == 0 {
		return &vaiven.Error{Code: vaiven.CodeNotJSON, Reason: reasonEmptyWire, At: 0}
	}
	err := cborForm.Wellformed(p)
	if err == nil {
		return nil
	}
	e := &vaiven.Error{Code: vaiven.CodeNotJSON, Reason: reasonCBOR, At: -1}
	var deep *cbor.MaxNestedLevelError
	var tags *cbor.TagsMdError
	var extra *cbor.ExtraneousDataError
	switch {
	case errors.As(err, &deep):
		e.Code, e.Reason = vaiven.CodeTooLarge, reasonDeep
	case errors.As(err, &tags):
		e.Reason = reasonCBORTag
	case p[0] == '{' || p[0] == '[':
		e.Reason = reasonCBORText // JSON sent as a binary message
	case errors.As(err, &extra):
		e.Reason = reasonTrailing
	case errors.Is(err, io.ErrUnexpectedEOF):
		e.Reason, e.At = reasonUnclosed, len(p)
	}
	return e
}

// The major types of RFC 8949 section 3.1.
const (
	majorUint  = 0
	majorNeg   = 1
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorOther = 7
)

const (
	cborBreak  = 0xff
	indefinite = -1
)

// cborCursor walks a well-formed message.
type cborCursor struct {
	p []byte
	i int
	e *element
}

// readHead reads an item's initial byte and argument; n is indefinite for an
// indefinite length.
func (c *cborCursor) readHead() (major, info byte, n int64, arg uint64) {
	b := c.p[c.i]
	c.i++
	major, info = b>>5, b&0x1f
	switch info {
	case 24:
		arg = uint64(c.p[c.i])
		c.i++
	case 25:
		arg = uint64(binary.BigEndian.Uint16(c.p[c.i:]))
		c.i += 2
	case 26:
		arg = uint64(binary.BigEndian.Uint32(c.p[c.i:]))
		c.i += 4
	case 27:
		arg = binary.BigEndian.Uint64(c.p[c.i:])
		c.i += 8
	case 31:
		return major, info, indefinite, 0
	default:
		arg = uint64(info)
	}
	return major, info, int64(min(arg, math.MaxInt64)), arg
}

// hasMore reports whether another element follows, and steps over a break.
func (c *cborCursor) hasMore(left *int64) bool {
	if *left == indefinite {
		if c.p[c.i] == cborBreak {
			c.i++
			return false
		}
		return true
	}
	*left--
	return *left >= 0
}

// readMap gathers the pairs of a map. Text that is not UTF-8 refuses the
// message, as it does in JSON.
func (c *cborCursor) readMap() *vaiven.Error {
	c.e.at = c.i
	for _, _, left, _ := c.readHead(); c.hasMore(&left); {
		var k, v value
		if err := c.readValue(&k); err != nil {
			return err
		}
		if err := c.readValue(&v); err != nil {
			return err
		}
		if k.kind == kindText {
			c.e.addMember(k.text, k.at, &v)
		} else {
			c.e.addForeignKey(&k)
		}
	}
	return nil
}

// readValue reads an item as what stands behind a key, or is one.
func (c *cborCursor) readValue(v *value) (err *vaiven.Error) {
	v.at = c.i
	switch c.p[c.i] >> 5 {
	case majorText:
		v.kind = kindText
		v.text, err = c.readText()
	case majorUint, majorNeg:
		major, _, _, arg := c.readHead()
		c.setInteger(v, major == majorNeg, arg)
	case majorOther:
		_, info, _, arg := c.readHead()
		setSimple(v, info, arg)
	case majorBytes:
		v.opaque(opaqueBytes)
		err = c.skipItem()
	default:
		v.kind = kindNested
		err = c.skipItem()
	}
	return err
}

// setInteger sets v to arg, or to -1-arg. One beyond 53 bits is the nearest
// float64, as of JSON's digits.
func (c *cborCursor) setInteger(v *value, negative bool, arg uint64) {
	switch {
	case negative && arg <= math.MaxInt64:
		v.setNumber(float64(-1 - int64(arg)))
	case negative:
		v.setNumber(-max(float64(arg+1), float64(arg))) // arg+1 may wrap
	default:
		v.setNumber(float64(arg))
	}
	if arg > uint64(maxExact) && !negative {
		n := len(c.e.arena)
		c.e.arena = strconv.AppendUint(c.e.arena, arg, 10)
		v.text = c.e.arena[n:len(c.e.arena):len(c.e.arena)]
	}
}

// setSimple sets v to a simple value or a float. Floats are exact, but for a
// float32 that says to be a C float: see vaiven.WidenFloat32.
func setSimple(v *value, info byte, arg uint64) {
	switch info {
	case 20, 21:
		v.kind, v.num = kindBool, float64(info-20)
		return
	case 22, 23:
		v.kind = kindNull // undefined too
		return
	case 25:
		v.setNumber(float16(uint16(arg)))
	case 26:
		v.setNumber(vaiven.WidenFloat32(math.Float32frombits(uint32(arg))))
	case 27:
		v.setNumber(math.Float64frombits(arg))
	default:
		v.opaque(opaqueSimple) // without a meaning here
		return
	}
	switch {
	case math.IsNaN(v.num):
		*v = value{kind: kindNaN, text: []byte("nan"), at: v.at}
	case math.IsInf(v.num, 1):
		*v = value{kind: kindNaN, text: []byte("inf"), at: v.at}
	case math.IsInf(v.num, -1):
		*v = value{kind: kindNaN, text: []byte("-inf"), at: v.at}
	}
}

// readText reads a text string, in one piece or in chunks.
func (c *cborCursor) readText() ([]byte, *vaiven.Error) {
	at := c.i
	_, _, n, _ := c.readHead()
	var s []byte
	if n != indefinite {
		s = c.p[c.i : c.i+int(n) : c.i+int(n)]
		c.i += int(n)
		if !utf8.Valid(s) {
			return nil, &vaiven.Error{Code: vaiven.CodeNotJSON, Reason: reasonUTF8, At: at}
		}
		return s, nil
	}
	start := len(c.e.arena)
	for c.p[c.i] != cborBreak {
		chunk, err := c.readText() // RFC 8949 section 3.2.3: each is UTF-8 of its own
		if err != nil {
			return nil, err
		}
		c.e.arena = append(c.e.arena, chunk...)
	}
	c.i++
	return c.e.arena[start:len(c.e.arena):len(c.e.arena)], nil
}

// skipItem steps over an item and checks the text in it. It recurses as deep as
// MaxDepth.
func (c *cborCursor) skipItem() *vaiven.Error {
	if c.p[c.i]>>5 == majorText {
		_, err := c.readText()
		return err
	}
	major, _, n, _ := c.readHead()
	switch {
	case major == majorBytes && n != indefinite:
		c.i += int(n)
		return nil
	case major == majorMap && n != indefinite:
		n *= 2
	case major != majorBytes && major != majorArray && major != majorMap:
		return nil
	}
	for c.hasMore(&n) {
		if err := c.skipItem(); err != nil {
			return err
		}
	}
	return nil
}

// float16 returns the half-precision number h (IEEE 754 binary16), exactly.
func float16(h uint16) float64 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var f float64
	switch {
	case exponent == 0x1f && fraction != 0:
		return math.NaN()
	case exponent == 0x1f:
		f = math.Inf(1)
	case exponent == 0:
		f = math.Ldexp(fraction, -24) // subnormal
	default:
		f = math.Ldexp(1024+fraction, exponent-25)
	}
	return math.Copysign(f, 1-2*float64(h>>15))
}
