package console

import (
	"cmp"
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
	// OwnAuthority says that Secure shows what the data folder's own authority signed.
	OwnAuthority bool
	// Local is where this machine itself connects, host:port; used when there
	// is no other address.
	Local string

	Zone   string // name of the time zone of TIMEFLAG, "America/Bogota"
	Offset int32  // the zone now, seconds east of UTC
	Synced bool   // the system clock is synchronised

	Data string // data folder
	CSV  string // path of the CSV file

	Rotate string // when the CSV file ends and another begins: month, day, rows=N; "": never

	Sheet string // path of the CSV file for a spreadsheet, "": none
	// Continued is how many earlier runs there were to go on with; Data is the one
	// that was used last. 0: none was asked for.
	Continued int

	Class bool // every board is let in, and everybody may look
	View  bool // everybody may look

	Readings      uint64        // limit of a session, 0: none
	For, Interval time.Duration // limit of a session, asked interval; 0: none
	Device        string        // IDDEVICE of the example, "101" when empty

	Keys bool // the terminal takes keys: say how to switch an LED
}

// Banner writes what somebody needs to connect a board: the addresses, where
// the data goes, and two lines for the sketch. It belongs on stderr.
func Banner(t Terminal, f Facts) error {
	l, color := f.Lang, paint(t.Color)
	b := color.append(nil, sgrBold, strings.TrimRight("vaiven "+f.Version, " "))
	if f.Command != "" {
		b = append(b, " · "+f.Command...)
	}
	b = append(b, '\n')
	row := func(label, value string) {
		if value != "" {
			b = color.append(append(b, "  "...), sgrDim, fit(label, labelWidth))
			b = append(append(b, value...), '\n')
		}
	}
	label := l.Say("for the boards", "para la placa")
	if len(f.Addresses) == 0 && len(f.Secure) == 0 {
		row(label, l.Say("no network found: only this computer can connect, at ",
			"no hay red: solo este computador puede conectarse, en ")+f.Local)
	}
	for i, a := range f.Addresses {
		text := "ws://" + a + "/"
		if i == 0 {
			text = color.str(sgrBold, text)
		}
		row(label, text)
		label = ""
	}
	for _, a := range f.Secure {
		row(label, "wss://"+a+"/")
		label = ""
	}
	if len(f.Secure) > 0 {
		row(l.Say("for a browser", "en el navegador"), "https://"+f.Secure[0]+"/"+f.describeTrust())
	}
	if f.Class {
		row(l.Say("open", "abierto"), l.Say("everybody on this network may send and look", "cualquiera en esta red puede enviar y mirar"))
	} else if f.View {
		row(l.Say("open", "abierto"), l.Say("everybody on this network may look", "cualquiera en esta red puede mirar"))
	}
	row(l.Say("session", "sesión"), describeSession(f))
	row(l.Say("time zone", "zona horaria"), describeZone(f))
	continued := ""
	switch f.Continued {
	case 0:
	case 1:
		continued = l.Say("  (goes on)", "  (continúa)")
	default:
		continued = fmt.Sprintf(l.Say("  (goes on: the one used last of %d)", "  (continúa: la usada por última vez, de %d)"), f.Continued)
	}
	row(l.Say("data", "datos"), f.Data+continued)
	row("CSV", f.CSV+describeRotation(f))
	row("Excel", f.Sheet)
	if f.Keys {
		row(l.Say("keys", "teclas"), keysHint(l))
	}
	if _, err := t.W.Write(appendSketch(b, color, f)); err != nil {
		return fmt.Errorf("write banner: %w", err)
	}
	return nil
}

// labelWidth fits the longest label in both languages.
const labelWidth = 16

func describeSession(f Facts) string {
	var limits, parts []string
	if f.Readings > 0 {
		limits = append(limits, f.Lang.Readings(f.Readings))
	}
	if f.For > 0 {
		limits = append(limits, span(f.For))
	}
	if len(limits) > 0 {
		parts = append(parts, strings.Join(limits, f.Lang.Say(" or ", " o "))+f.Lang.Say(" per board", " por placa"))
	}
	if f.Interval > 0 {
		parts = append(parts, f.Lang.Say("one every ", "una cada ")+span(f.Interval))
	}
	return strings.Join(parts, ", ")
}

// describeTrust says what a browser needs before it trusts the server.
func (f Facts) describeTrust() string {
	if !f.OwnAuthority {
		return ""
	}
	return f.Lang.Say("  (trusted once it has the certificate of `vaiven ca`)", "  (de confianza cuando tenga el certificado de `vaiven ca`)")
}

func describeRotation(f Facts) string {
	rows, byRows := strings.CutPrefix(f.Rotate, "rows=")
	switch {
	case byRows:
		return fmt.Sprintf(f.Lang.Say("  (another after %s rows)", "  (otro tras %s filas)"), rows)
	case f.Rotate == "month":
		return f.Lang.Say("  (another each month)", "  (otro cada mes)")
	case f.Rotate == "day":
		return f.Lang.Say("  (another each day)", "  (otro cada día)")
	}
	return ""
}

func describeZone(f Facts) string {
	offset := "UTC"
	if f.Offset != 0 {
		offset += time.Unix(0, 0).In(time.FixedZone("", int(f.Offset))).Format("-07:00")
	}
	text := cmp.Or(f.Zone, offset)
	if text != offset {
		text += " (" + offset + ")"
	}
	if !f.Synced {
		text += f.Lang.Say("; the clock is not synchronised", "; el reloj no está sincronizado")
	}
	return text
}

// appendSketch adds the two lines in the terms of the Arduino library of the
// course (Links2004 WebSockets). Its sendTXT takes a String only by reference,
// so the message needs a variable of its own.
func appendSketch(b []byte, color paint, f Facts) []byte {
	connect := SketchLines
	all := append(f.Addresses[:len(f.Addresses):len(f.Addresses)], f.Local)
	if len(f.Addresses) == 0 && f.Local == "" { // nothing without TLS
		all, connect = f.Secure, secureSketchLines
	}
	for _, a := range all {
		host, port, err := net.SplitHostPort(a)
		if err != nil {
			continue
		}
		if host == "" {
			break
		}
		b = append(b, "\n  "...)
		b = append(b, f.Lang.Say("for the sketch, once in setup() and once per reading in loop():",
			"para el programa de la placa, una vez en setup() y una por lectura en loop():")...)
		for _, line := range connect(host, port, cmp.Or(f.Device, "101")) {
			b = color.append(append(b, "\n    "...), sgrCyan, line)
		}
		return append(b, "\n\n"...)
	}
	return b
}

// secureSketchLines are SketchLines for a port with TLS; ca is the authority's
// certificate, as `vaiven ca --sketch` prints it.
func secureSketchLines(host, port, device string) [2]string {
	lines := SketchLines(host, port, device)
	lines[0] = fmt.Sprintf(`webSocket.beginSslWithCA("%s", %s, "/", ca);  // vaiven ca --sketch`, host, port)
	return lines
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
