package wire

import "strings"

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
