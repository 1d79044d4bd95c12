package wire

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"vaiven"
)

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

// measurementAlias returns the name that the CSV uses for a key that means
// temperature or humidity under another name, "" for any other key.
func measurementAlias(upper string) string {
	switch upper {
	case "T", "TMP", "TEMPC", "TEMP_C", "TEMPERATURA", "TEMPERATURE":
		return "TEMP"
	case "H", "HR", "RH", "HUMID", "HUM_REL", "HUMEDAD", "HUMIDITY":
		return "HUM"
	}
	switch {
	case strings.HasPrefix(upper, "TEMPERATUR"):
		return "TEMP"
	case strings.HasPrefix(upper, "HUMEDAD"), strings.HasPrefix(upper, "HUMIDI"):
		return "HUM"
	}
	return ""
}

// deviceAlias reports whether a key looks like IDDEVICE under another name.
func deviceAlias(upper string) bool {
	switch strings.ReplaceAll(strings.ReplaceAll(upper, "_", ""), "-", "") {
	case "ID", "DEVICE", "DEV", "DEVICEID", "DEVID", "IDDEV", "IDDEVICES", "IDDISPOSITIVO",
		"DISPOSITIVO", "SENSORID", "IDSENSOR", "BOARD", "IDPLACA", "PLACA", "NODE", "NODO":
		return true
	}
	return false
}

// bookkeeping reports whether a name is what telemetry formats put beside the
// measurements: a clock, the number of a message, a version. What anybody may
// measure (N, COUNT, V) is not among them.
func bookkeeping(upper string) bool {
	switch upper {
	case "TS", "TIMESTAMP", "TIME_STAMP", "TSTAMP", "EPOCH", "UNIX", "UNIXTIME", "UNIX_TIME", "DATETIME", "DATE", "CLOCK",
		"MS", "MILLIS", "UPTIME", "FECHA", "HORA", "TIEMPO",
		"MSGID", "MSG_ID", "MESSAGE_ID", "PACKET_ID", "FCNT", "FPORT", "PORT", "QOS", "VER", "VERSION":
		return true
	}
	return deviceAlias(upper)
}

// unnamed reports whether a name says nothing of what was measured.
func unnamed(upper string) bool {
	switch upper {
	case "VALUE", "VAL", "V", "VALOR", "READING", "LECTURA", "MEASUREMENT", "MEDIDA", "DATA", "DATO":
		return true
	}
	return false
}
