package wire

import (
	"strings"

	"vaiven"
)

// keyID names a key of the protocol itself; 0 is any other.
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
)

// knownKey looks up a key in upper case: one of the protocol itself, or a name
// that most boards use, whose readings then need no string of their own.
func knownKey(upper []byte) (id keyID, name string) {
	switch string(upper) {
	case vaiven.KeyHello:
		return keyHello, ""
	case vaiven.KeyDevice:
		return keyDevice, ""
	case vaiven.KeyBoot:
		return keyBoot, ""
	case vaiven.KeySeq:
		return keySeq, ""
	case vaiven.KeyAge:
		return keyAge, ""
	case vaiven.KeyTime:
		return keyTime, ""
	case vaiven.KeyOldest:
		return keyOldest, ""
	case vaiven.KeyNext:
		return keyNext, ""
	case vaiven.KeyLost:
		return keyLost, ""
	case vaiven.KeyUp:
		return keyUp, ""
	case vaiven.KeySleep:
		return keySleep, ""
	case vaiven.KeyStates:
		return keyStates, ""
	case vaiven.KeyRev:
		return keyRev, ""
	case vaiven.KeyFW:
		return keyFW, ""
	case vaiven.KeyToken:
		return keyToken, ""
	case "TEMP":
		return keyOther, "TEMP"
	case "HUM":
		return keyOther, "HUM"
	case "LED":
		return keyOther, "LED"
	case "CO2":
		return keyOther, "CO2"
	case "PRES":
		return keyOther, "PRES"
	case "LUX":
		return keyOther, "LUX"
	case "BAT":
		return keyOther, "BAT"
	case "RSSI":
		return keyOther, "RSSI"
	case "SOIL":
		return keyOther, "SOIL"
	case "RELAY":
		return keyOther, "RELAY"
	}
	return keyOther, ""
}

// String is the key itself.
func (id keyID) String() string {
	return [...]string{
		"", vaiven.KeyHello, vaiven.KeyDevice, vaiven.KeyBoot, vaiven.KeySeq, vaiven.KeyAge, vaiven.KeyTime, vaiven.KeyOldest,
		vaiven.KeyNext, vaiven.KeyLost, vaiven.KeyUp, vaiven.KeySleep, vaiven.KeyStates, vaiven.KeyRev, vaiven.KeyFW, vaiven.KeyToken,
	}[id]
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
