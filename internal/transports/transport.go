package transports

import (
	"fmt"
	"slices"
	"strings"

	"vaiven"
)

// Transport is one way for readings to reach a follower.
type Transport string

// The transports, in the order of the table.
const (
	WebSocket Transport = "ws"       // each event a message
	SSE       Transport = "sse"      // Server-Sent Events
	NDJSON    Transport = "ndjson"   // a line of JSON each, over an HTTP answer that does not end
	LongPoll  Transport = "longpoll" // a request that is answered when there is something
	Poll      Transport = "poll"     // every Options.Poll, what is new in the log
	Values    Transport = "values"   // every Options.Poll, the latest values and nothing else
	MQTT      Transport = "mqtt"     // a message queue: Mosquitto, QoS 1

	none Transport = "none" // nobody follows: what the stream costs by itself
)

// All are the transports in the order of the table.
func All() []Transport {
	return []Transport{WebSocket, SSE, NDJSON, LongPoll, Poll, Values, MQTT}
}

// Parse reads transports as All has them; none stands for all.
func Parse(names []string) ([]Transport, error) {
	if len(names) == 0 {
		return All(), nil
	}
	var list []Transport
	for _, t := range All() {
		if slices.Contains(names, string(t)) {
			list = append(list, t)
		}
	}
	for _, n := range names {
		if !slices.Contains(All(), Transport(n)) {
			return nil, &UnknownError{Name: n}
		}
	}
	return list, nil
}

// UnknownError says that there is no such transport.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string { return e.Text(vaiven.English) }

// Text is the error in a person's language.
func (e *UnknownError) Text(l vaiven.Lang) string {
	var names []string
	for _, t := range All() {
		names = append(names, string(t))
	}
	return fmt.Sprintf(l.Say("%q is no transport: want some of %s", "%q no es un transporte: usa algunos de %s"),
		vaiven.Shorten(e.Name), strings.Join(names, ","))
}

// Title is the transport's name for people.
func (t Transport) Title(l vaiven.Lang) string {
	switch t {
	case WebSocket:
		return "WebSocket"
	case SSE:
		return "Server-Sent Events"
	case NDJSON:
		return "streaming (NDJSON)"
	case LongPoll:
		return "long polling"
	case Poll:
		return l.Say("polling: events", "polling: eventos")
	case Values:
		return l.Say("polling: values", "polling: valores")
	case MQTT:
		return "MQTT (Mosquitto)"
	}
	return string(t)
}
