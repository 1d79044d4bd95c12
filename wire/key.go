package wire

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode"

	"vaiven"
)

// keyID names a key of the protocol itself, or a name that most boards use; 0 is
// any other.
type keyID uint8

const (
	keyOther keyID = iota
	keyHello
	keyDevice
	keyBoot
	keySeq
	keyAge
	keyTime
	keyOldest
	keyNext
	keyLost
	keyUp
	keySleep
	keyStates
	keyRev
	keyFW
	keyToken
	keyProof
	keyCommon // this and all behind it: a measurement or state
)

// keyNames are the keys by their keyID, in upper case.
var keyNames = [...]string{
	"", vaiven.KeyHello, vaiven.KeyDevice, vaiven.KeyBoot, vaiven.KeySeq, vaiven.KeyAge, vaiven.KeyTime, vaiven.KeyOldest,
	vaiven.KeyNext, vaiven.KeyLost, vaiven.KeyUp, vaiven.KeySleep, vaiven.KeyStates, vaiven.KeyRev, vaiven.KeyFW, vaiven.KeyToken,
	vaiven.KeyProof,
	"TEMP", "HUM", "LED", "CO2", "PRES", "LUX", "BAT", "RSSI", "SOIL", "RELAY",
}

// keyOf returns the keyID of a key in upper case. It is a list of its own, since
// the compiler makes more of it than any table is.
func keyOf(upper []byte) keyID {
	switch string(upper) {
	case vaiven.KeyHello:
		return keyHello
	case vaiven.KeyDevice:
		return keyDevice
	case vaiven.KeyBoot:
		return keyBoot
	case vaiven.KeySeq:
		return keySeq
	case vaiven.KeyAge:
		return keyAge
	case vaiven.KeyTime:
		return keyTime
	case vaiven.KeyOldest:
		return keyOldest
	case vaiven.KeyNext:
		return keyNext
	case vaiven.KeyLost:
		return keyLost
	case vaiven.KeyUp:
		return keyUp
	case vaiven.KeySleep:
		return keySleep
	case vaiven.KeyStates:
		return keyStates
	case vaiven.KeyRev:
		return keyRev
	case vaiven.KeyFW:
		return keyFW
	case vaiven.KeyToken:
		return keyToken
	case vaiven.KeyProof:
		return keyProof
	case "TEMP":
		return keyCommon
	case "HUM":
		return keyCommon + 1
	case "LED":
		return keyCommon + 2
	case "CO2":
		return keyCommon + 3
	case "PRES":
		return keyCommon + 4
	case "LUX":
		return keyCommon + 5
	case "BAT":
		return keyCommon + 6
	case "RSSI":
		return keyCommon + 7
	case "SOIL":
		return keyCommon + 8
	case "RELAY":
		return keyCommon + 9
	}
	return keyOther
}

// appendUpper appends key with a-z as A-Z.
func appendUpper(b, key []byte) []byte {
	for _, c := range key {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// valueKind says what stands behind a key, in either encoding.
type valueKind uint8

const (
	kindNull valueKind = iota
	kindBool
	kindNumber
	kindText
	kindNested // also what only CBOR has: text then names it
	kindNaN    // nan, inf and the like
)

// value is what stands behind a key. Its text points into the message or the
// reader's scratch memory.
type value struct {
	kind  valueKind
	whole bool    // an integer of at most 53 bits
	num   float64 // of a number (an overflow is an infinity) or a bool
	text  []byte  // a text's content; a JSON number, or nan, as it was written
	at    int     // byte in the message
}

const maxExact = int64(vaiven.MaxSeq)

// setNumber makes v a number.
func (v *value) setNumber(f float64) {
	if f == 0 {
		f = 0 // -0 is 0
	}
	v.kind, v.num = kindNumber, f
	v.whole = f == math.Trunc(f) && math.Abs(f) <= float64(maxExact)
}

// What only CBOR has beside numbers, text, arrays and maps.
const (
	opaqueBytes  = "bytes"
	opaqueSimple = "simple"
)

// opaque makes v something of CBOR that nothing can be stored of.
func (v *value) opaque(what string) { v.kind, v.text = kindNested, []byte(what) }

// got returns what an error quotes of v.
func (v *value) got() string {
	switch {
	case v.text != nil:
		return vaiven.Shorten(strings.ToValidUTF8(string(v.text), "\uFFFD"))
	case v.kind == kindNumber:
		return vaiven.FormatNumber(v.num)
	case v.kind == kindBool:
		return strconv.FormatBool(v.num != 0)
	case v.kind == kindNull:
		return "null"
	}
	return ""
}

// stood is got as a sentence quotes it.
func (v *value) stood() string {
	switch got := v.got(); {
	case v.kind == kindText:
		return strconv.Quote(got)
	case got == "":
		return "{...}"
	default:
		return got
	}
}

// textReason says what kind of text stands where a number belongs.
func textReason(text []byte) string {
	s := string(bytes.TrimSpace(text))
	switch {
	case s == "":
		return reasonEmpty
	case standIn(s):
		return reasonStandIn
	case isNaNWord(bytes.TrimLeft([]byte(s), "+-")):
		return reasonNaN
	case isDecimal(s):
		return reasonQuoted
	case isDecimal(strings.Replace(s, ",", ".", 1)):
		return reasonComma
	case s[0] >= '0' && s[0] <= '9' || s[0] == '-' && len(s) > 1 && s[1] >= '0' && s[1] <= '9':
		return reasonUnit
	}
	return reasonText
}

// isDecimal reports whether s is a plain decimal number, as a person writes it.
func isDecimal(s string) bool {
	if strings.Trim(s, "+-.0123456789eE") != "" || !strings.ContainsAny(s, "0123456789") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// isNaNWord reports whether w is what a printf writes for a number that is
// none: Arduino writes nan, inf and, beyond 32 bits, ovf.
func isNaNWord(w []byte) bool {
	if len(w) < 3 || len(w) > 8 {
		return false
	}
	var buf [8]byte
	switch string(appendUpper(buf[:0], w)) {
	case "NAN", "INF", "INFINITY", "OVF", "IND":
		return true
	}
	return false
}

// Bounds of TIME, in epoch ms.
const (
	minTime = int64(100_000_000_000)     // March 1973; as seconds it is the year 5138
	maxTime = int64(253_402_300_799_999) // 9999-12-31
)

// readKey takes the value of a key of the protocol itself.
func (e *element) readKey(id keyID, key []byte, v *value) {
	it := &e.item
	switch id {
	case keyBoot, keySeq, keyAge, keyTime:
	default:
		if v.kind == kindNull {
			return // as if it were not there
		}
	}
	if id != keyDevice && id != keySeq {
		e.using = id
	}
	switch id {
	case keyDevice:
		if v.kind == kindNumber && v.num == e.d.number && e.d.device != "" {
			it.Device = e.d.device // as the last message
		} else {
			e.setDevice(key, v)
		}
	case keyBoot:
		if v.kind == kindText && e.d.boot != "" && string(v.text) == string(e.d.boot) {
			it.Boot = e.d.boot // as the last message
		} else {
			e.setBoot(key, v)
		}
	case keySeq:
		it.Seq = e.readInteger(key, v, 1)
	case keyAge:
		if it.Age = AgeUnknown; v.kind != kindNull {
			it.Age = e.readMillis(key, v, vaiven.MaxAge)
		}
	case keyTime:
		e.setTime(key, v)
	case keyHello:
		e.setHello(key, v)
	case keyOldest, keyNext:
		if n := e.readInteger(key, v, 1); id == keyOldest {
			it.Oldest = n
		} else {
			it.Next = n
		}
		if it.Oldest > it.Next && it.Next != 0 {
			e.noteError(vaiven.CodeBadSeq, reasonOrder, key, v)
		}
	case keyLost:
		it.Lost = e.readInteger(key, v, 0)
	case keyRev:
		it.HasRev = true
		it.Rev = e.readInteger(key, v, 0)
	case keyUp:
		it.Up = e.readMillis(key, v, maxExact)
	case keySleep:
		it.Sleep = e.readMillis(key, v, maxExact)
	case keyStates:
		e.setStates(key, v)
	case keyFW:
		e.setFW(key, v)
	case keyProof:
		e.setProof(key, v)
	}
	e.using = keyOther
}

func (e *element) setDevice(key []byte, v *value) {
	var id vaiven.Device
	var err error
	switch {
	case v.kind == kindText && len(v.text) > 0 && string(v.text) == string(e.d.device):
		id = e.d.device
	case v.kind == kindText:
		id, err = vaiven.ParseDevice(string(v.text))
	case v.whole && v.num >= 0:
		id, err = vaiven.ParseDevice(strconv.FormatInt(int64(v.num), 10))
	case v.kind == kindNumber && len(bytes.Trim(v.text, "0123456789")) > 0:
		e.noteError(vaiven.CodeBadDevice, "", key, v)
		return
	case v.kind == kindNumber && v.text != nil:
		id, err = vaiven.ParseDevice(string(v.text)) // more than 53 bits
	default:
		e.noteError(vaiven.CodeBadDevice, wrongType(v, reasonText), key, v)
		return
	}
	if err != nil && len(v.text) == 0 {
		e.noteError(vaiven.CodeMissingDevice, reasonEmpty, key, v)
		return
	}
	if err != nil {
		e.noteError(vaiven.CodeBadDevice, "", key, v)
		return
	}
	e.item.Device, e.d.device, e.d.number = id, id, math.NaN()
	if v.whole {
		e.d.number = v.num
	}
}

func (e *element) setBoot(key []byte, v *value) {
	if v.kind != kindText {
		e.noteError(vaiven.CodeBadBoot, wrongType(v, reasonNumber), key, v)
		return
	}
	boot, err := vaiven.ParseBoot(string(v.text))
	if err != nil {
		e.noteError(vaiven.CodeBadBoot, "", key, v)
		return
	}
	e.item.Boot, e.d.boot = boot, boot
}

// wrongType names the type that stands where another belongs; number is what
// to say of a number.
func wrongType(v *value, number string) string {
	switch v.kind {
	case kindNull:
		return reasonNull
	case kindBool:
		return reasonBool
	case kindNested:
		return reasonNested
	case kindNaN:
		return reasonNaN
	case kindText:
		return textReason(v.text)
	}
	return number
}

// readInteger reads an integer: from 1 for the number of a reading, or from 0
// for a count.
func (e *element) readInteger(key []byte, v *value, from float64) uint64 {
	if v.whole && v.num >= from {
		return uint64(v.num)
	}
	code, reason := vaiven.CodeOutOfRange, ""
	switch {
	case v.kind != kindNumber:
		code, reason = vaiven.CodeNotANumber, wrongType(v, "")
	case v.num != math.Trunc(v.num):
		reason = reasonFraction
	case v.num > float64(maxExact):
		reason = reasonBeyond
	}
	if from == 1 {
		code = vaiven.CodeBadSeq
	}
	if err := e.noteError(code, reason, key, v); code == vaiven.CodeOutOfRange && reason == "" {
		err.Hi = float64(maxExact)
	}
	return 0
}

// readMillis reads a number of milliseconds in 0..hi; a fraction is cut.
func (e *element) readMillis(key []byte, v *value, hi int64) int64 {
	switch {
	case v.kind != kindNumber:
		e.noteError(vaiven.CodeNotANumber, wrongType(v, ""), key, v)
	case v.num > float64(hi) && hi == maxExact:
		e.noteError(vaiven.CodeOutOfRange, reasonBeyond, key, v)
	case v.num < 0 || v.num > float64(hi):
		e.noteError(vaiven.CodeOutOfRange, "", key, v).Hi = float64(hi)
	default:
		return int64(v.num)
	}
	return 0
}

// setTime takes the board's clock, unless it was never set or counts seconds.
func (e *element) setTime(key []byte, v *value) {
	var t int64
	if v.kind != kindNull {
		known := len(e.faults)
		if t = e.readMillis(key, v, maxTime); len(e.faults) > known {
			return
		}
	}
	if t >= minTime {
		e.item.Time = t
		return
	}
	if v.kind != kindNull {
		e.addHint(Hint{Kind: HintTime, Key: shortKey(key)})
	}
	e.untimed()
}

func (e *element) setHello(key []byte, v *value) {
	switch {
	case v.kind != kindNumber && v.kind != kindBool:
		e.noteError(vaiven.CodeNotANumber, wrongType(v, ""), key, v)
	case v.num < 1:
		err := e.noteError(vaiven.CodeOutOfRange, "", key, v)
		err.Lo, err.Hi = 1, float64(maxExact)
	default:
		e.hello = true
	}
}

// setStates reads "LED,RELAY".
func (e *element) setStates(key []byte, v *value) {
	if v.kind != kindText {
		e.noteError(vaiven.CodeBadName, reasonText, key, v)
		return
	}
	for s := range strings.SplitSeq(string(v.text), ",") {
		s = strings.ToUpper(strings.TrimSpace(s))
		if s == "" {
			continue
		}
		reason, reserved := "", vaiven.ProtocolKey(s)
		if reserved {
			reason = reasonReserved
		}
		if reserved || !vaiven.ValidName(s) {
			e.noteError(vaiven.CodeBadName, reason, key, v).Key = vaiven.Shorten(s)
			return
		}
		if len(e.declared) == MaxStates {
			e.noteError(vaiven.CodeTooLarge, reasonStates, key, v)
			return
		}
		e.declared = append(e.declared, s)
	}
}

// setFW reads a version, without what could steer a terminal.
func (e *element) setFW(key []byte, v *value) {
	switch v.kind {
	case kindText:
		printable := strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return -1
		}, string(v.text))
		e.item.FW = cut(printable, MaxFW)
	case kindNumber:
		e.item.FW = cut(v.got(), MaxFW)
	default:
		e.noteError(vaiven.CodeNotANumber, reasonFW, key, v)
	}
}

// setProof reads the answer to a nonce. What stood there is quoted nowhere: it may be
// a token that was put in the wrong place.
func (e *element) setProof(key []byte, v *value) {
	proof, err := "", error(nil)
	if v.kind == kindText {
		proof, err = vaiven.ParseProof(string(v.text))
	}
	if err != nil || proof == "" {
		e.noteErrorAt(vaiven.CodeBadToken, vaiven.ReasonNoProof, key, v.at)
		return
	}
	e.item.Proof = proof
}
