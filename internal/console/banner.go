package console

import (
	"fmt"
	"net"
	"strings"
	"time"

	"vaiven"
)

// Facts are what the banner tells at the start.
type Facts struct {
	Lang    vaiven.Lang
	Command string // "serve", "lab", "workshop"; "" for none
	Version string

	// Addresses are what to give to a board, as host:port, best first: LAN
	// addresses, then the .local name. Empty: only this machine can connect.
	Addresses []string
	// Secure are the addresses with TLS, likewise.
	Secure []string
	// Local is where this machine itself connects, host:port; used when there
	// is no other address.
	Local string

	Zone   string // name of the time zone of TIMEFLAG, "America/Bogota"
	Offset int32  // the zone now, seconds east of UTC
	Synced bool   // the system clock is synchronised

	Data string // data folder
	CSV  string // path of the CSV file

	Sheet string // path of the CSV file for a spreadsheet, "": none
	// Continued is how many earlier runs there were to go on with; Data is the one
	// that was used last. 0: none was asked for.
	Continued int

	Readings      uint64        // limit of a session, 0: none
	For, Interval time.Duration // limit of a session, asked interval; 0: none
	Device        string        // IDDEVICE of the example, "101" when empty

	Keys bool // the terminal takes keys: say how to switch an LED
}

// continued says which of the earlier runs goes on.
func continued(f Facts) string {
	switch f.Continued {
	case 0:
		return ""
	case 1:
		return f.Lang.Say("  (goes on)", "  (continúa)")
	}
	return fmt.Sprintf(f.Lang.Say("  (goes on: the one used last of %d)", "  (continúa: la usada por última vez, de %d)"), f.Continued)
}

// Banner writes what somebody needs to connect a board: the addresses, where
// the data goes, and two lines for the sketch. It belongs on stderr.
func Banner(t Terminal, f Facts) error {
	b := banner{l: f.Lang, color: paint(t.Color)}
	b.title(f)
	b.addresses(f)
	b.row(f.Lang.Say("session", "sesión"), session(f))
	b.row(f.Lang.Say("time zone", "zona horaria"), zone(f))
	b.row(f.Lang.Say("data", "datos"), f.Data+continued(f))
	b.row("CSV", f.CSV)
	if f.Sheet != "" {
		b.row("Excel", f.Sheet)
	}
	if f.Keys {
		b.row(f.Lang.Say("keys", "teclas"), keysHint(f.Lang))
	}
	b.sketch(f)
	_, err := t.W.Write(b.buf)
	if err != nil {
		return fmt.Errorf("write banner: %w", err)
	}
	return nil
}

type banner struct {
	l     vaiven.Lang
	color paint
	buf   []byte
}

// labelWidth fits the longest label in both languages.
const labelWidth = 16

func (b *banner) row(label, value string) {
	if value == "" {
		return
	}
	b.buf = append(b.buf, "  "...)
	b.buf = b.color.append(b.buf, sgrDim, fit(label, labelWidth))
	b.buf = append(b.buf, value...)
	b.buf = append(b.buf, '\n')
}

func (b *banner) title(f Facts) {
	b.buf = b.color.append(b.buf, sgrBold, strings.TrimRight("vaiven "+f.Version, " "))
	if f.Command != "" {
		b.buf = append(b.buf, " · "+f.Command...)
	}
	b.buf = append(b.buf, '\n')
}

func (b *banner) addresses(f Facts) {
	label := b.l.Say("for the boards", "para la placa")
	if len(f.Addresses) == 0 {
		b.row(label, b.l.Say("no network found: only this computer can connect, at ",
			"no hay red: solo este computador puede conectarse, en ")+f.Local)
	}
	for i, a := range f.Addresses {
		text := "ws://" + a + "/"
		if i == 0 {
			text = b.color.str(sgrBold, text)
		}
		b.row(label, text)
		label = ""
	}
	for _, a := range f.Secure {
		b.row(label, "wss://"+a+"/")
		label = ""
	}
}

func session(f Facts) string {
	var parts []string
	if f.Readings > 0 {
		parts = append(parts, countReadings(f.Lang, f.Readings))
	}
	if f.For > 0 {
		parts = append(parts, span(f.For))
	}
	text := strings.Join(parts, f.Lang.Say(" or ", " o "))
	if text != "" {
		text += f.Lang.Say(" per board", " por placa")
	}
	if f.Interval > 0 {
		if text != "" {
			text += ", "
		}
		text += f.Lang.Say("one every ", "una cada ") + span(f.Interval)
	}
	return text
}

func zone(f Facts) string {
	text := f.Zone
	offset := "UTC" + time.Unix(0, 0).In(time.FixedZone("", int(f.Offset))).Format("-07:00")
	if f.Offset == 0 {
		offset = "UTC"
	}
	if text == "" {
		text = offset
	} else if text != offset {
		text += " (" + offset + ")"
	}
	if !f.Synced {
		text += f.Lang.Say("; the clock is not synchronised", "; el reloj no está sincronizado")
	}
	return text
}

// sketch prints the two lines in the terms of the Arduino library of the
// course (Links2004 WebSockets). Its sendTXT takes a String only by reference,
// so the message needs a variable of its own.
func (b *banner) sketch(f Facts) {
	host, port := "", ""
	for _, a := range append(f.Addresses[:len(f.Addresses):len(f.Addresses)], f.Local) {
		if h, p, err := net.SplitHostPort(a); err == nil {
			host, port = h, p
			break
		}
	}
	if host == "" {
		return
	}
	device := f.Device
	if device == "" {
		device = "101"
	}
	b.buf = append(b.buf, "\n  "...)
	b.buf = append(b.buf, b.l.Say("for the sketch, once in setup() and once per reading in loop():",
		"para el programa de la placa, una vez en setup() y una por lectura en loop():")...)
	for _, line := range SketchLines(host, port, device) {
		b.buf = append(b.buf, "\n    "...)
		b.buf = b.color.append(b.buf, sgrCyan, line)
	}
	b.buf = append(b.buf, "\n\n"...)
}

// SketchLines are the two lines to paste into an Arduino sketch; t and h stand
// for its own variables with the temperature and the humidity.
func SketchLines(host, port, device string) [2]string {
	id := device
	if len(id) > 3 || strings.Trim(id, "0123456789") != "" {
		id = `\"` + id + `\"`
	} else if id = strings.TrimLeft(id, "0"); id == "" {
		id = "0"
	}
	return [2]string{
		fmt.Sprintf(`webSocket.begin("%s", %s, "/");`, host, port),
		fmt.Sprintf(`String m = "{\"IDDEVICE\":%s,\"TEMP\":" + String(t) + ",\"HUM\":" + String(h) + "}"; webSocket.sendTXT(m);`, id),
	}
}
