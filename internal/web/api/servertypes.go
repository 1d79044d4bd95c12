package api

import (
	"encoding/json"
	"time"

	"vaiven"
)

// Event is one event of the log. What the kinds hold beside these fields is in
// Raw, and in the documentation of `vaiven serve --json`.
type Event struct {
	ID       string             `json:"id" doc:"Place in the log: opaque, ordered, unique" example:"12.0"`
	Kind     string             `json:"kind" doc:"reading, refusal, gap, rejected, session_start, session_end, presence, report, hello, conflict, log_start, change, sent, change_end, described, forgotten" example:"reading"`
	At       time.Time          `json:"at" doc:"When the server received it, in its zone then"`
	Synced   bool               `json:"synced" doc:"Whether the server's clock was known to be right"`
	Device   vaiven.Device      `json:"device,omitempty" example:"101"`
	Name     string             `json:"name,omitempty" doc:"The owner's name of the device"`
	Measured time.Time          `json:"measured,omitzero" doc:"When a reading was taken"`
	Values   map[string]float64 `json:"values,omitempty" doc:"Of a reading"`
	States   map[string]float64 `json:"states,omitempty"`
	Seq      uint64             `json:"seq,omitempty"`
	Fills    bool               `json:"fills,omitempty" doc:"Of a reading that had been recorded as a gap: it came after all"`
	Rev      uint64             `json:"rev,omitempty"`

	Raw json.RawMessage `json:"-"` // the whole object, as the server wrote it
}

// MarshalJSON writes Raw when there is one.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.Raw != nil {
		return e.Raw, nil
	}
	type plain Event
	return json.Marshal(plain(e))
}

// UnmarshalJSON reads the fields and keeps the whole in Raw.
func (e *Event) UnmarshalJSON(b []byte) error {
	type plain Event
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	e.Raw = append(json.RawMessage(nil), b...)
	return nil
}

// Events is a stretch of the log.
type Events struct {
	Events []Event `json:"events" nullable:"false"`
	Next   string  `json:"next" doc:"Where the next request goes on: after=NEXT. It may be behind the last event listed, when what follows did not match" example:"12.0"`
	More   bool    `json:"more" doc:"Whether the log, when it was read, held more behind next"`
}

// Server is what a server says of itself.
type Server struct {
	Version    string    `json:"version" example:"1.0.0"`
	Log        string    `json:"log" doc:"The log's random name" example:"0f1e2d3c4b5a69788796a5b4c3d2e1f0"`
	FirstEvent string    `json:"first_event,omitempty" doc:"Id of the oldest event in the log"`
	LastEvent  string    `json:"last_event,omitempty" doc:"Id of the newest"`
	Now        time.Time `json:"now" doc:"The server's clock"`
	Started    time.Time `json:"started,omitzero"`
	UptimeMS   int64     `json:"uptime_ms"`
	Synced     bool      `json:"synced" doc:"Whether the server's clock is known to be right"`
	Addresses  []string  `json:"addresses" nullable:"false" doc:"For boards" example:"[\"ws://192.168.0.2:8080/\"]"`
	States     []string  `json:"states" nullable:"false" doc:"State names that the server knows by itself" example:"[\"LED\"]"`
	Ready      bool      `json:"ready"`
	Problems   []string  `json:"problems" nullable:"false" doc:"Why it is not ready"`
	Limits     Limits    `json:"limits"`
	Counts     Counts    `json:"counts"`
}

// Limits are what the server allows.
type Limits struct {
	MessageBytes int    `json:"message_bytes" doc:"In a board's message" example:"65536"`
	Connections  int    `json:"connections,omitempty" doc:"In all"`
	PerAddress   int    `json:"per_address,omitempty" doc:"Connections of one address"`
	Devices      int    `json:"devices,omitempty" doc:"That one connection speaks for"`
	Readings     uint64 `json:"session_readings,omitempty" doc:"After which a session ends"`
	ForMS        int64  `json:"session_ms,omitempty" doc:"After which a session ends"`
	IntervalMS   int64  `json:"interval_ms,omitempty" doc:"Asked time between readings"`
}

// Counts are totals.
type Counts struct {
	Devices   uint64 `json:"devices"`
	Connected uint64 `json:"connected"`
	Events    uint64 `json:"events"`
	Readings  uint64 `json:"readings"`
	Refusals  uint64 `json:"refusals"`
	Gaps      uint64 `json:"gaps"`
	Filled    uint64 `json:"filled,omitempty" doc:"Readings that had been recorded as a gap"`
	Rejected  uint64 `json:"rejected" doc:"Messages"`
}

// Posted answers a message that a board sent by POST.
type Posted struct {
	Committed int               `json:"committed" doc:"Events of the message that are on disk" example:"1"`
	Refused   int               `json:"refused" doc:"Elements of the message that were refused"`
	Messages  []json.RawMessage `json:"messages" nullable:"false" doc:"What the server would have sent over a WebSocket: acknowledgements, errors, desired state, goodbyes"`
}
