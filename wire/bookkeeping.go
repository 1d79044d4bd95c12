package wire

import (
	"strings"

	"vaiven"
)

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

// elsewhere reports whether the numbers of the element only stand beside what it
// means to say: {"ts":1,"values":{"TEMP":24.5}} is no reading of TS, and
// {"sensor":"TEMP","value":24.5} none of VALUE. It notes why.
func (e *element) elsewhere() bool {
	nameless := false
	for i := range e.entries {
		en := &e.entries[i]
		switch {
		case en.kind != kindNumber:
		case en.name == "TEMP" || en.name == "HUM":
			return false // most messages end here
		case bookkeeping(en.name):
		case unnamed(en.name):
			nameless = true
		default:
			return false
		}
	}
	for i := range e.entries {
		if en := &e.entries[i]; en.kind == kindText && e.measures(string(en.text)) {
			e.failAt(vaiven.CodeNoValues, reasonNamed, en.key, e.at)
			e.err.Got = en.got()
			return true
		}
	}
	if nameless || !e.hidden() {
		return false
	}
	e.noValues()
	return true
}

// hidden reports whether a measurement is null, nested or text.
func (e *element) hidden() bool {
	for i := range e.entries {
		switch en := &e.entries[i]; en.kind {
		case kindNested:
			return true
		case kindText:
			if measurementAlias(string(en.upper)) != "" {
				return true
			}
		}
	}
	return e.unmeasured()
}

// measures reports whether text is the name of a measurement that the rules or
// the CSV know.
func (e *element) measures(text string) bool {
	upper := strings.ToUpper(strings.TrimSpace(text))
	_, known := e.d.Rules.Ranges[upper]
	return known || upper == "TEMP" || upper == "HUM" || len(upper) > 1 && measurementAlias(upper) != ""
}
