package transports

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"vaiven"
)

// columns is the width that everything fits into.
const columns = 80

// Write writes the table, what it says in words, and how it was measured. It
// fits a terminal of 80 columns and holds no escape codes.
func (r *Result) Write(w io.Writer, l vaiven.Lang) error {
	var b strings.Builder
	b.WriteString(r.heading(l) + "\n\n")
	for _, line := range r.table(l) {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if words := r.Words(l); words != "" {
		b.WriteString("\n" + wrap(words, "") + "\n")
	}
	b.WriteString("\n")
	for _, line := range r.notes(l) {
		b.WriteString(wrap(line, "  ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) heading(l vaiven.Lang) string {
	followers := fmt.Sprintf(l.Say("each of %d followers", "cada uno de %d seguidores"), r.Followers)
	if r.Followers == 1 {
		followers = l.Say("one follower", "un seguidor")
	}
	return fmt.Sprintf(l.Say("%d readings, %s per second; figures of %s", "%d lecturas, %s por segundo; cifras de %s"),
		r.Readings, number(r.Rate), followers)
}

// every is the time between the requests of plain polling.
func (r *Result) every() string {
	if r.PollMS < 1000 {
		return number(r.PollMS) + " ms"
	}
	return number(r.PollMS/1000) + " s"
}

// The columns: the transport, then figures; above them what some have in common.
const (
	rowFormat   = "%-18s%9s%11s%8s%7s%9s%10s%8s"
	aboveFormat = "%-18s%9s%11s%15s%19s"
)

func (r *Result) table(l vaiven.Lang) []string {
	lines := []string{
		fmt.Sprintf(aboveFormat, "", l.Say("bytes per", "bytes por"), "", l.Say("latency, ms", "latencia, ms"), l.Say("CPU, µs a reading", "CPU, µs/lectura")),
		fmt.Sprintf(rowFormat, l.Say("transport", "transporte"), l.Say("reading", "lectura"), l.Say("requests", "peticiones"), "p50", "p99",
			l.Say("server", "servidor"), l.Say("follower", "seguidor"), l.Say("missed", "faltan")),
	}
	for i := range r.Rows {
		lines = append(lines, r.line(&r.Rows[i], l))
	}
	return lines
}

func (r *Result) line(row *Row, l vaiven.Lang) string {
	title := row.Transport.Title(l)
	switch {
	case row.Install != "":
		return fmt.Sprintf("%-18s", title) + l.Say("  not installed: ", "  no está instalado: ") + row.Install
	case row.Problem != "":
		first, _, _ := strings.Cut(row.Problem, "\n")
		text := []rune(fmt.Sprintf("%-18s", title) + l.Say("  failed: ", "  falló: ") + first)
		if len(text) > columns {
			text = append(text[:columns-1], '…')
		}
		return string(text)
	}
	requests, missed := r.each(row.Requests), r.each(int64(row.Missed))
	if row.Figures == nil {
		return fmt.Sprintf(rowFormat, title, "-", requests, "-", "-", "-", "-", missed)
	}
	f := row.Figures
	server := whole(f.ServerUs)
	if least := r.noise(row); f.ServerUs < least {
		server = "<" + whole(max(least, 1))
	}
	return fmt.Sprintf(rowFormat, title, whole(f.Bytes), requests, latency(f.P50MS), latency(f.P99MS), server, whole(f.FollowerUs), missed)
}

// each is a follower's share of a count, with a decimal where that says
// something.
func (r *Result) each(n int64) string {
	share := float64(n) / float64(r.Followers)
	if share == math.Trunc(share) || share >= 100 {
		return whole(share)
	}
	return strconv.FormatFloat(share, 'f', 1, 64)
}

// varies is by how much the same stream costs a server more or less from one run
// to the next, as measured.
const varies = 0.1

// noise is what a row's processor time of the server must exceed to mean
// anything, in µs for each reading that was received.
func (r *Result) noise(row *Row) float64 {
	alone := r.VaivenUs
	if row.Transport == MQTT {
		alone = r.BrokerUs
	}
	if alone == nil || row.Received == 0 {
		return 0
	}
	return varies * *alone * float64(r.Readings) / float64(row.Received)
}

// notes say how it was measured.
func (r *Result) notes(l vaiven.Lang) []string {
	all := []string{
		fmt.Sprintf(l.Say("polling: plain, a request every %s", "polling: simple, una petición cada %s"), r.every()),
		l.Say("bytes: what a follower's connection carries (TCP payload, both directions, handshake and headers included), for each reading that it received",
			"bytes: lo que lleva la conexión de un seguidor (contenido de TCP, en los dos sentidos, con handshake y cabeceras), por cada lectura que recibió"),
		l.Say("latency: from the moment the board sends to the moment the follower has it; before vaiven shows a reading it is on disk; Mosquitto, which carries the same text, stores none",
			"latencia: desde que la placa envía hasta que el seguidor la tiene; antes de mostrar una lectura vaiven la guarda en el disco; Mosquitto, que lleva el mismo texto, no guarda ninguna"),
	}
	cpu := l.Say("CPU: what a follower adds", "CPU: lo que añade un seguidor")
	switch {
	case r.VaivenUs != nil && r.BrokerUs != nil:
		cpu += fmt.Sprintf(l.Say("; without any, a reading costs vaiven %s µs and Mosquitto %s µs, a tenth more or less",
			"; sin ninguno, una lectura le cuesta a vaiven %s µs y a Mosquitto %s µs, una décima parte más o menos"), whole(*r.VaivenUs), whole(*r.BrokerUs))
	case r.VaivenUs != nil:
		cpu += fmt.Sprintf(l.Say("; without any, a reading costs vaiven %s µs, a tenth more or less",
			"; sin ninguno, una lectura le cuesta a vaiven %s µs, una décima parte más o menos"), whole(*r.VaivenUs))
	}
	all = append(all, cpu)
	twice := 0
	for _, row := range r.Rows {
		twice += row.Duplicates
	}
	if twice > 0 {
		all = append(all, fmt.Sprintf(l.Say("%d readings came twice", "%d lecturas llegaron dos veces"), twice))
	}
	return all
}

// latency writes milliseconds with a decimal while that says something.
func latency(ms float64) string {
	if ms < 100 {
		return strconv.FormatFloat(ms, 'f', 1, 64)
	}
	return whole(ms)
}

func whole(f float64) string {
	if s := strconv.FormatFloat(f, 'f', 0, 64); s != "-0" {
		return s
	}
	return "0"
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// wrap breaks a text into lines; all but the first begin with indent.
func wrap(text, indent string) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		w := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+w > columns:
			b.WriteString("\n" + indent)
			at = utf8.RuneCountInString(indent)
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(word)
		at += w
	}
	return b.String()
}

// Words say in a sentence what the table shows, from its figures: each
// transport against the WebSocket. "" when there is nothing to compare.
func (r *Result) Words(l vaiven.Lang) string {
	ws := r.row(WebSocket)
	if ws == nil {
		return ""
	}
	var said []string
	for _, t := range []Transport{Values, Poll, LongPoll, SSE, NDJSON, MQTT} {
		if row := r.row(t); row != nil {
			said = append(said, r.compared(row, ws, l))
		}
	}
	if len(said) == 0 {
		return ""
	}
	head := fmt.Sprintf(l.Say("Against a WebSocket (%s bytes a reading, half of them within %s ms): ",
		"Frente a un WebSocket (%s bytes por lectura, la mitad en %s ms o menos): "), whole(ws.Figures.Bytes), latency(ws.Figures.P50MS))
	return head + strings.Join(said, "; ") + "."
}

// compared is what one transport did otherwise than the WebSocket.
func (r *Result) compared(row, ws *Row, l vaiven.Lang) string {
	bytes := times(row, ws, l)
	p50 := latency(row.Figures.P50MS)
	switch row.Transport {
	case Values:
		return fmt.Sprintf(l.Say("asking for the latest values every %s moved %s, in %s ms, and missed %s of %d readings",
			"preguntar por los últimos valores cada %s movió %s, en %s ms, y se perdió %s de %d lecturas"), r.every(), bytes, p50, r.each(int64(row.Missed)), r.Readings)
	case Poll:
		return fmt.Sprintf(l.Say("asking for the events every %s moved %s, and half of the readings were more than %s ms late",
			"preguntar por los eventos cada %s movió %s, y la mitad de las lecturas llegó con más de %s ms de retraso"), r.every(), bytes, p50)
	case LongPoll:
		return fmt.Sprintf(l.Say("long polling moved %s, in %s ms, with %s requests instead of %s",
			"long polling movió %s, en %s ms, con %s peticiones en vez de %s"), bytes, p50, r.each(row.Requests), r.each(ws.Requests))
	}
	name := map[Transport]string{SSE: "SSE", NDJSON: "NDJSON", MQTT: "MQTT"}[row.Transport]
	return fmt.Sprintf(l.Say("%s moved %s, in %s ms", "%s movió %s, en %s ms"), name, bytes, p50)
}

// times compares the bytes of two transports, as far as one decimal tells them
// apart.
func times(a, b *Row, l vaiven.Lang) string {
	ratio := a.Figures.Bytes / b.Figures.Bytes
	if ratio >= 0.95 && ratio < 1.05 {
		return l.Say("about as many bytes", "más o menos los mismos bytes")
	}
	return fmt.Sprintf(l.Say("%.1f times the bytes", "%.1f veces los bytes"), ratio)
}
