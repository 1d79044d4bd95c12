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

// protocolKey looks up a key in upper case.
func protocolKey(upper []byte) keyID {
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
	}
	return keyOther
}

// String is the key itself.
func (id keyID) String() string {
	return [...]string{
		"", vaiven.KeyHello, vaiven.KeyDevice, vaiven.KeyBoot, vaiven.KeySeq, vaiven.KeyAge, vaiven.KeyTime, vaiven.KeyOldest,
		vaiven.KeyNext, vaiven.KeyLost, vaiven.KeyUp, vaiven.KeySleep, vaiven.KeyStates, vaiven.KeyRev, vaiven.KeyFW, vaiven.KeyToken,
	}[id]
}

// commonName returns the constant for names that most boards use, so that
// their readings need no string of their own.
func commonName(upper []byte) string {
	switch string(upper) {
	case "TEMP":
		return "TEMP"
	case "HUM":
		return "HUM"
	case "LED":
		return "LED"
	case "CO2":
		return "CO2"
	case "PRES":
		return "PRES"
	case "LUX":
		return "LUX"
	case "BAT":
		return "BAT"
	case "RSSI":
		return "RSSI"
	case "SOIL":
		return "SOIL"
	case "RELAY":
		return "RELAY"
	}
	return ""
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

func hasLower(key []byte) bool {
	for _, c := range key {
		if 'a' <= c && c <= 'z' {
			return true
		}
	}
	return false
}
