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
func (r *reader) decodeCBOR(p []byte) {
	if e := checkCBOR(p); e != nil {
		r.refuse(e)
		return
	}
	c := cborCursor{p: p, r: r}
	r.el.begin(0)
	switch p[0] >> 5 {
	case majorMap:
		if e := c.object(); e != nil {
			r.refuse(e)
			return
		}
		r.el.finish()
	case majorArray:
		r.cborArray(&c)
	default:
		r.notObject(reasonNotObject)
	}
}

func (r *reader) cborArray(c *cborCursor) {
	if e := checkCBORText(c); e != nil {
		r.refuse(e)
		return
	}
	foreign, n := false, 0
	for left := c.enter(); c.more(&left); n++ {
		if c.p[c.i]>>5 == majorMap {
			if e := c.object(); e != nil {
				r.refuse(e)
				return
			}
			r.el.finish()
			continue
		}
		r.el.begin(c.i)
		c.skip()
		if !foreign {
			r.notObject(reasonElement)
		}
		foreign = true
	}
	if n == 0 {
		r.refuse(&vaiven.Error{Code: vaiven.CodeNoValues, Reason: reasonEmptyList, At: 0})
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
	r *reader
}

// head reads an item's initial byte and argument; n is indefinite for an
// indefinite length.
func (c *cborCursor) head() (major, info byte, n int64, arg uint64) {
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

// enter steps into an array or map and returns how many elements or pairs it
// has, or indefinite.
func (c *cborCursor) enter() int64 {
	_, _, n, _ := c.head()
	return n
}

// more reports whether another element follows, and steps over a break.
func (c *cborCursor) more(left *int64) bool {
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

// object gathers the pairs of a map. Text that is not UTF-8 refuses the
// message, as it does in JSON.
func (c *cborCursor) object() *vaiven.Error {
	start := c.i
	c.r.el.begin(start)
	for left := c.enter(); c.more(&left); {
		keyAt := c.i
		if c.p[c.i]>>5 != majorText {
			k, err := c.value()
			if err == nil {
				_, err = c.value()
			}
			if err != nil {
				return err
			}
			c.r.el.foreignKey(&k)
			continue
		}
		key, err := c.text()
		if err != nil {
			return err
		}
		v, err := c.value()
		if err != nil {
			return err
		}
		c.r.el.put(key, keyAt, v)
	}
	return nil
}

// value reads an item as what stands behind a key.
func (c *cborCursor) value() (value, *vaiven.Error) {
	v := value{at: c.i}
	switch c.p[c.i] >> 5 {
	case majorText:
		text, err := c.text()
		v.kind, v.text = kindText, text
		return v, err
	case majorUint, majorNeg:
		major, _, _, arg := c.head()
		c.integer(&v, major == majorNeg, arg)
	case majorOther:
		_, info, _, arg := c.head()
		simple(&v, info, arg)
	case majorBytes:
		c.skipBytes()
		v.opaque(opaqueBytes)
	default:
		v.kind = kindNested
		return v, c.skipChecked()
	}
	return v, nil
}

// integer sets v to arg, or to -1-arg. One beyond 53 bits is the nearest float64,
// as of JSON's digits.
func (c *cborCursor) integer(v *value, negative bool, arg uint64) {
	if arg <= math.MaxInt64 {
		n := int64(arg)
		if negative {
			n = -1 - n
		}
		v.setInt(n)
	} else if negative {
		v.setFloat(-max(float64(arg+1), float64(arg))) // arg+1 may wrap
	} else {
		v.setFloat(float64(arg))
	}
	if !v.exact && !negative {
		n := len(c.r.arena)
		c.r.arena = strconv.AppendUint(c.r.arena, arg, 10)
		v.text = c.r.arena[n:len(c.r.arena):len(c.r.arena)]
	}
}

// simple sets v to a simple value or a float. Floats are exact, but for a float32
// that says to be a C float: see vaiven.WidenFloat32.
func simple(v *value, info byte, arg uint64) {
	switch info {
	case 20, 21:
		v.kind, v.num = kindBool, float64(info-20)
		return
	case 22, 23:
		v.kind = kindNull // undefined too
		return
	case 25:
		v.setFloat(float16(uint16(arg)))
	case 26:
		v.setFloat(vaiven.WidenFloat32(math.Float32frombits(uint32(arg))))
	case 27:
		v.setFloat(math.Float64frombits(arg))
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

// text reads a text string, in one piece or in chunks.
func (c *cborCursor) text() ([]byte, *vaiven.Error) {
	at := c.i
	_, _, n, _ := c.head()
	var s []byte
	if n != indefinite {
		s = c.p[c.i : c.i+int(n) : c.i+int(n)]
		c.i += int(n)
		if !utf8.Valid(s) {
			return nil, badUTF8(at)
		}
		return s, nil
	}
	start := len(c.r.arena)
	for c.p[c.i] != cborBreak {
		chunk, err := c.text() // RFC 8949 section 3.2.3: each is UTF-8 of its own
		if err != nil {
			return nil, err
		}
		c.r.arena = append(c.r.arena, chunk...)
	}
	c.i++
	return c.r.arena[start:len(c.r.arena):len(c.r.arena)], nil
}

func badUTF8(at int) *vaiven.Error {
	return &vaiven.Error{Code: vaiven.CodeNotJSON, Reason: reasonUTF8, At: at}
}

// skip steps over an item.
func (c *cborCursor) skip() { _ = c.skipChecked() }

// skipChecked steps over an item and checks the text in it. It recurses as
// deep as MaxDepth.
func (c *cborCursor) skipChecked() *vaiven.Error {
	switch c.p[c.i] >> 5 {
	case majorText:
		_, err := c.text()
		return err
	case majorBytes:
		c.skipBytes()
		return nil
	case majorArray, majorMap:
	default:
		c.head()
		return nil
	}
	isMap := c.p[c.i]>>5 == majorMap
	for left := c.enter(); c.more(&left); {
		if err := c.skipChecked(); err != nil {
			return err
		}
		if isMap {
			if err := c.skipChecked(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *cborCursor) skipBytes() {
	_, _, n, _ := c.head()
	if n != indefinite {
		c.i += int(n)
		return
	}
	for c.p[c.i] != cborBreak {
		c.skipBytes()
	}
	c.i++
}

// checkCBORText checks all text of the message, so that an array is refused
// before any of its elements is taken.
func checkCBORText(c *cborCursor) *vaiven.Error {
	ahead := *c
	return ahead.skipChecked()
}
