package console

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"vaiven"
)

// WaitingRow is a board that waits to be let in.
type WaitingRow struct {
	Device vaiven.Device
	Remote string
	Since  time.Time
	Count  uint64 // messages of it that were refused
	Hello  bool
	FW     string
}

// WriteWaiting prints who waits. Times are of now's zone.
func WriteWaiting(t Terminal, l vaiven.Lang, list []WaitingRow, now time.Time) error {
	var rows [][]string
	for _, w := range list {
		about := l.Say("course form: stays unverified", "forma del curso: queda sin verificar")
		if w.Hello {
			about = l.Say("HELLO: gets a token", "HELLO: recibe una clave")
		}
		if w.FW != "" {
			about += ", fw " + clean(w.FW, maxRemote)
		}
		rows = append(rows, []string{clean(string(w.Device), maxRemote), clean(w.Remote, maxRemote), dayClock(w.Since, now), fmt.Sprint(w.Count), about})
	}
	_, err := t.W.Write(appendTable(nil, false, "", []tableColumn{
		{head: l.Say("board", "placa"), limit: 24}, {head: l.Say("address", "dirección"), limit: 45},
		{head: l.Say("since", "desde"), limit: 20}, {head: l.Say("messages", "mensajes"), limit: 12},
		{head: l.Say("it is", "es"), limit: 60},
	}, rows))
	return err
}

// TokenRow is a token of the API, or a browser that came in.
type TokenRow struct {
	ID               vaiven.TokenID
	Name             string
	Browser          bool
	Can, Devices     string // with commas
	Created, Expires time.Time
	By               string
}

// WriteTokens prints tokens and browsers. Times are of now's zone.
func WriteTokens(t Terminal, l vaiven.Lang, list []TokenRow, now time.Time) error {
	var rows [][]string
	for _, k := range list {
		name := clean(k.Name, maxRosterName)
		if k.Browser {
			name = l.Say("(a browser)", "(un navegador)")
		}
		expires := l.Say("never", "nunca")
		if !k.Expires.IsZero() {
			expires = dayClock(k.Expires, now)
		}
		devices := l.Say("all", "todas")
		if k.Devices != "" {
			devices = clean(k.Devices, maxText)
		}
		rows = append(rows, []string{clean(string(k.ID), maxRemote), name, clean(k.Can, maxRemote), devices, dayClock(k.Created, now), expires, describeAuthor(l, k.By)})
	}
	_, err := t.W.Write(appendTable(nil, false, "", []tableColumn{
		{head: "id", limit: 16}, {head: l.Say("name", "nombre"), limit: 24}, {head: l.Say("may", "puede"), limit: 20},
		{head: l.Say("boards", "placas"), limit: 24}, {head: l.Say("made", "creada"), limit: 20}, {head: l.Say("until", "hasta"), limit: 20},
		{head: l.Say("by", "por"), limit: 30},
	}, rows))
	return err
}

// BoardFacts are what a board's sketch is to hold.
type BoardFacts struct {
	Device    vaiven.Device
	Token     string
	Addresses []string // of the server, as wss://192.168.1.20:8443/, best first
	CA        string   // certificate of the server's authority, PEM; "": the server has no TLS of its own
}

// BoardSnippet is what to put into the file mine.h of vaiven's sketch.
func BoardSnippet(l vaiven.Lang, f BoardFacts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", fmt.Sprintf(l.Say("For board %s: put this into the file mine.h beside the sketch (it holds a secret)", "Para la placa %s: pon esto en el archivo mine.h junto al programa (contiene un secreto)"), f.Device))
	host, port := addressFor(f.Addresses, f.CA != "")
	if host != "" {
		fmt.Fprintf(&b, "#define VAIVEN_SERVER %s\n#define VAIVEN_PORT %s\n", cString(host), port)
	}
	fmt.Fprintf(&b, "#define VAIVEN_DEVICE %s\n#define VAIVEN_TOKEN %s\n", cString(string(f.Device)), cString(clean(f.Token, maxRemote)))
	if f.CA != "" && host != "" {
		b.WriteString("#define VAIVEN_CA")
		for line := range strings.Lines(f.CA) {
			fmt.Fprintf(&b, " \\\n  %s", cString(strings.TrimRight(line, "\r\n")+"\n"))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	return b.String()
}

// addressFor is the best address: with TLS where the board can know the server by its
// authority.
func addressFor(addresses []string, secure bool) (host, port string) {
	for _, scheme := range []string{"wss", "ws"} {
		for _, a := range addresses {
			u, err := url.Parse(a)
			if err == nil && u.Scheme == scheme && (secure || scheme == "ws") && strings.Trim(u.Port(), "0123456789") == "" && u.Port() != "" {
				return u.Hostname(), u.Port()
			}
		}
	}
	return "", ""
}

// cString is a text as a string of C. What is not plain is left out: it may come from
// another server.
func cString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r >= ' ' && r <= '~':
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
