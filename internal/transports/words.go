package transports

import (
	"fmt"
	"strings"

	"vaiven"
)

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
