package wire

import (
	"math"
	"strconv"
	"strings"
	"unicode"

	"vaiven"
)

// Bounds of TIME, in epoch ms.
const (
	minTime = int64(100_000_000_000)     // March 1973; as seconds it is the year 5138
	maxTime = int64(253_402_300_799_999) // 9999-12-31
)

// use takes the value of a key of the protocol itself.
func (e *element) use(id keyID, key []byte, v *value) {
	it := &e.item
	switch id {
	case keyDevice:
		e.setDevice(key, v)
	case keyBoot:
		e.setBoot(key, v)
	case keySeq:
		it.Seq = e.sequence(key, v)
	case keyAge:
		e.setAge(key, v)
	case keyTime:
		e.setTime(key, v)
	case keyHello:
		e.hello = e.setHello(key, v)
	case keyOldest:
		it.Oldest = e.optionalSequence(key, v)
	case keyNext:
		it.Next = e.optionalSequence(key, v)
	case keyLost:
		it.Lost = e.count(key, v)
	case keyRev:
		it.HasRev = v.kind != kindNull
		it.Rev = e.count(key, v)
	case keyUp:
		if v.kind != kindNull {
			it.Up = e.millis(key, v, maxExact)
		}
	case keySleep:
		if v.kind != kindNull {
			it.Sleep = e.millis(key, v, maxExact)
		}
	case keyStates:
		e.setStates(key, v)
	case keyFW:
		e.setFW(key, v)
	}
	if it.Oldest > it.Next && it.Next != 0 {
		e.fail(vaiven.CodeBadSeq, reasonOrder, key, v)
	}
}

func (e *element) setDevice(key []byte, v *value) {
	var id vaiven.Device
	var err error
	switch {
	case v.kind == kindNull:
		return // as if it were not there
	case v.kind == kindText && len(v.text) > 0 && string(v.text) == string(e.d.device):
		id = e.d.device
	case v.kind == kindText:
		id, err = vaiven.ParseDevice(string(v.text))
	case v.kind == kindNumber && v.exact && v.n >= 0:
		id, err = e.numberDevice(v.n)
	case v.kind == kindNumber && v.text != nil:
		id, err = vaiven.ParseDevice(wholeNumber(v.text))
	default:
		e.fail(vaiven.CodeBadDevice, wrongType(v, reasonText), key, v)
		return
	}
	if err != nil && len(v.text) == 0 {
		e.fail(vaiven.CodeMissingDevice, reasonEmpty, key, v)
		return
	}
	if err != nil {
		e.fail(vaiven.CodeBadDevice, "", key, v)
		return
	}
	e.item.Device, e.d.device = id, id
}

// numberDevice is ParseDevice for a number, without a string if it is the
// device that the last message came from.
func (e *element) numberDevice(n int64) (vaiven.Device, error) {
	var buf [20]byte
	b := buf[:0]
	if n < 1000 {
		b = append(b, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10))
	} else {
		b = strconv.AppendInt(b, n, 10)
	}
	if string(b) == string(e.d.device) {
		return e.d.device, nil
	}
	return vaiven.ParseDevice(string(b))
}

// wholeNumber returns a number of more than 53 bits if it was written as
// digits only, else what no device is called.
func wholeNumber(text []byte) string {
	for _, c := range text {
		if c < '0' || c > '9' {
			return "-"
		}
	}
	return string(text)
}

func (e *element) setBoot(key []byte, v *value) {
	if v.kind != kindText {
		e.fail(vaiven.CodeBadBoot, wrongType(v, reasonNumber), key, v)
		return
	}
	if string(v.text) == string(e.d.boot) && e.d.boot != "" {
		e.item.Boot = e.d.boot
		return
	}
	boot, err := vaiven.ParseBoot(string(v.text))
	if err != nil {
		e.fail(vaiven.CodeBadBoot, "", key, v)
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

// sequence reads the number of a reading: 1, 2, 3 and so on.
func (e *element) sequence(key []byte, v *value) uint64 {
	switch {
	case v.kind != kindNumber:
		e.fail(vaiven.CodeBadSeq, wrongType(v, ""), key, v)
	case v.num != math.Trunc(v.num):
		e.fail(vaiven.CodeBadSeq, reasonFraction, key, v)
	case v.num > float64(maxExact):
		e.fail(vaiven.CodeBadSeq, reasonBeyond, key, v)
	case !v.exact || v.n < 1:
		e.fail(vaiven.CodeBadSeq, "", key, v)
	default:
		return uint64(v.n)
	}
	return 0
}

func (e *element) optionalSequence(key []byte, v *value) uint64 {
	if v.kind == kindNull {
		return 0
	}
	return e.sequence(key, v)
}

// count reads an integer that may be 0; null is 0 too.
func (e *element) count(key []byte, v *value) uint64 {
	switch {
	case v.kind == kindNull:
	case v.kind != kindNumber:
		e.fail(vaiven.CodeNotANumber, wrongType(v, ""), key, v)
	case v.num != math.Trunc(v.num):
		e.fail(vaiven.CodeOutOfRange, reasonFraction, key, v)
	case v.num > float64(maxExact):
		e.fail(vaiven.CodeOutOfRange, reasonBeyond, key, v)
	case !v.exact || v.n < 0:
		err := e.fail(vaiven.CodeOutOfRange, "", key, v)
		err.Hi = float64(maxExact)
	default:
		return uint64(v.n)
	}
	return 0
}

// millis reads a number of milliseconds in 0..hi; a fraction is cut.
func (e *element) millis(key []byte, v *value, hi int64) int64 {
	if v.kind != kindNumber {
		e.fail(vaiven.CodeNotANumber, wrongType(v, ""), key, v)
		return 0
	}
	if v.num > float64(hi) && hi == maxExact {
		e.fail(vaiven.CodeOutOfRange, reasonBeyond, key, v)
		return 0
	}
	if v.num < 0 || v.num > float64(hi) {
		err := e.fail(vaiven.CodeOutOfRange, "", key, v)
		err.Hi = float64(hi)
		return 0
	}
	return int64(v.num)
}

func (e *element) setAge(key []byte, v *value) {
	if v.kind == kindNull {
		e.item.Age = AgeUnknown
		return
	}
	e.item.Age = e.millis(key, v, vaiven.MaxAge)
}

// setTime takes the board's clock, unless it was never set or counts seconds.
func (e *element) setTime(key []byte, v *value) {
	var t int64
	if v.kind != kindNull {
		known := len(e.faults)
		if t = e.millis(key, v, maxTime); len(e.faults) > known {
			return
		}
	}
	if t >= minTime {
		e.item.Time = t
		return
	}
	if v.kind != kindNull {
		e.hint(Hint{Kind: HintTime, Key: shortKey(key)})
	}
	e.untimed()
}

func (e *element) setHello(key []byte, v *value) bool {
	switch {
	case v.kind == kindNull:
		return false
	case v.kind != kindNumber && v.kind != kindBool:
		e.fail(vaiven.CodeNotANumber, wrongType(v, ""), key, v)
		return false
	case v.num < 1:
		err := e.fail(vaiven.CodeOutOfRange, "", key, v)
		err.Lo, err.Hi = 1, float64(maxExact)
		return false
	}
	return true
}

// setStates reads "LED,RELAY".
func (e *element) setStates(key []byte, v *value) {
	if v.kind == kindNull {
		return
	}
	if v.kind != kindText {
		e.fail(vaiven.CodeBadName, reasonText, key, v)
		return
	}
	for s := range strings.SplitSeq(string(v.text), ",") {
		s = strings.ToUpper(strings.TrimSpace(s))
		if s == "" {
			continue
		}
		reason, reserved := "", protocolKey([]byte(s)) != keyOther
		if reserved {
			reason = reasonReserved
		}
		if reserved || !vaiven.ValidName(s) {
			e.fail(vaiven.CodeBadName, reason, key, v).Key = vaiven.Shorten(s)
			return
		}
		if len(e.declared) == MaxStates {
			e.fail(vaiven.CodeTooLarge, reasonStates, key, v)
			return
		}
		e.declared = append(e.declared, s)
	}
}

func (e *element) setFW(key []byte, v *value) {
	switch v.kind {
	case kindText:
		e.item.FW = cut(strings.Map(printable, string(v.text)), MaxFW)
	case kindNumber:
		e.item.FW = cut(v.got(), MaxFW)
	case kindNull:
	default:
		e.fail(vaiven.CodeNotANumber, reasonFW, key, v)
	}
}

// printable drops what could steer a terminal.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return -1
}
