package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"vaiven"
)

// Times are RFC 3339 in UTC with milliseconds; what is not known is left out.
// Later versions may add fields, and change none.

// Status is whether a device can be heard.
type Status = vaiven.Status

// What a device's status may be.
const (
	Connected    = vaiven.StatusConnected
	Silent       = vaiven.StatusSilent
	Asleep       = vaiven.StatusAsleep
	Disconnected = vaiven.StatusDisconnected
	Never        = vaiven.StatusNever
)

// Value is the last value of a measurement or a state.
type Value struct {
	Name  string    `json:"name" doc:"Measurement or state" example:"TEMP"`
	Value float64   `json:"value" example:"24.5"`
	At    time.Time `json:"at" doc:"When the server received it"`
	AgeMS int64     `json:"age_ms" doc:"How long ago that was, in ms" example:"1200"`
}

// Rejected counts the refused messages of one kind.
type Rejected struct {
	Code   vaiven.Code `json:"code" example:"not_a_number"`
	Count  uint64      `json:"count" doc:"Messages" example:"3"`
	Text   string      `json:"text,omitempty" doc:"What the board was told about the last of them"`
	Remote string      `json:"remote,omitempty" doc:"Address of the last of them"`
	At     time.Time   `json:"at,omitzero" doc:"Of the last"`
}

// Device is all that is known of a device.
type Device struct {
	ID     vaiven.Device `json:"id" doc:"IDDEVICE, in the spelling used everywhere" example:"101"`
	Name   string        `json:"name,omitempty" doc:"As a person described it" example:"Window"`
	Note   string        `json:"note,omitempty" doc:"As a person described it"`
	Groups []string      `json:"groups,omitempty" nullable:"false" doc:"That it belongs to" example:"[\"lab\"]"`

	Trust  vaiven.Trust `json:"trust,omitempty" enum:"verified,unverified,unapproved" doc:"verified: only what proves that it has the device's token speaks for it; unverified: whatever gives its id does; unapproved: nothing of it is taken until somebody lets it in"`
	Status Status       `json:"status" enum:"connected,silent,asleep,disconnected,never" doc:"silent: connected, but no reading for three of its intervals; never: described, not heard yet"`
	Since  time.Time    `json:"since,omitzero" doc:"Since when it has that status"`
	Until  time.Time    `json:"until,omitzero" doc:"When a sleeping board will be heard again"`
	Reason string       `json:"reason,omitempty" doc:"Why its connection ended"`
	Remote string       `json:"remote,omitempty" doc:"The board's address"`

	First       time.Time `json:"first,omitzero" doc:"When it was heard first"`
	Last        time.Time `json:"last,omitzero" doc:"When it was heard last: any message, or that it connected"`
	LastReading time.Time `json:"last_reading,omitzero" doc:"When its last reading was received"`
	Readings    uint64    `json:"readings" doc:"In the log" example:"50"`

	Values      []Value     `json:"values,omitempty" nullable:"false" doc:"Latest measurements"`
	States      []Value     `json:"states,omitempty" nullable:"false" doc:"States as the board reported them last"`
	ReportedRev uint64      `json:"reported_rev,omitempty" doc:"REV of the board's last report"`
	Declared    []string    `json:"declared,omitempty" nullable:"false" doc:"State names that the board declared"`
	Boot        vaiven.Boot `json:"boot,omitempty" doc:"Its current power-up; told to administrators alone" example:"9f3c02aa"`
	FW          string      `json:"fw,omitempty" doc:"Its firmware" example:"1.0.0"`

	Refusals uint64     `json:"refusals,omitempty" doc:"SEQs refused for good"`
	Gaps     uint64     `json:"gaps,omitempty" doc:"SEQs that the board no longer had"`
	Filled   uint64     `json:"filled,omitempty" doc:"Of those, readings that came after all"`
	Lost     uint64     `json:"lost,omitempty" doc:"Readings that it says it gave up"`
	Rejected []Rejected `json:"rejected,omitempty" nullable:"false" doc:"Refused messages, by code"`

	Conflicts  uint64    `json:"conflicts,omitempty" doc:"How often boards fought over this id"`
	ConflictAt time.Time `json:"conflict_at,omitzero" doc:"The last time"`
	Remotes    []string  `json:"remotes,omitempty" nullable:"false" doc:"Their addresses"`

	Session *Session `json:"session,omitempty" doc:"The last session, without its summary"`
}

// Devices is a page of the table of devices.
type Devices struct {
	Devices []Device `json:"devices" nullable:"false"`
	Total   int      `json:"total" doc:"How many devices match, on all pages" example:"2"`
	Next    string   `json:"next,omitempty" doc:"Cursor of the next page; left out on the last"`
}

// Values are the latest values of a device.
type Values struct {
	Device vaiven.Device `json:"device" example:"101"`
	Values []Value       `json:"values" nullable:"false" doc:"Measurements"`
	States []Value       `json:"states" nullable:"false" doc:"States as the board reported them"`
}

// Description is what a person says about a device. Fields that are left out
// stay as they are.
type Description struct {
	_      struct{}  `additionalProperties:"false"`
	Name   *string   `json:"name,omitempty" maxLength:"64" doc:"\"\" removes it" example:"Window"`
	Note   *string   `json:"note,omitempty" maxLength:"200" doc:"\"\" removes it"`
	Groups *[]string `json:"groups,omitempty" nullable:"false" maxItems:"16" maxLength:"40" doc:"Replaces all of them"`
}

// Session is a device's session: a limited number of readings, or time.
type Session struct {
	Device     vaiven.Device `json:"device" example:"101"`
	Start      time.Time     `json:"start"`
	End        time.Time     `json:"end,omitzero" doc:"Left out while it goes on"`
	Ended      bool          `json:"ended"`
	Reason     string        `json:"reason,omitempty" doc:"Why it ended: readings, elapsed, renewed"`
	Readings   uint64        `json:"readings,omitempty" doc:"Ends after so many readings" example:"50"`
	Deadline   time.Time     `json:"deadline,omitzero" doc:"Ends at this moment"`
	IntervalMS int64         `json:"interval_ms,omitempty" doc:"Asked time between readings, in ms"`
	Count      uint64        `json:"count" doc:"Readings taken so far" example:"17"`
	Summary    *Summary      `json:"summary,omitempty"`
}

// Summary is a session in numbers.
type Summary struct {
	First          time.Time     `json:"first,omitzero" doc:"The first reading"`
	Last           time.Time     `json:"last,omitzero" doc:"The last reading"`
	Measurements   []Measurement `json:"measurements" nullable:"false"`
	Intervals      uint64        `json:"intervals" doc:"Times between one reading and the next"`
	IntervalMeanMS float64       `json:"interval_mean_ms,omitempty"`
	IntervalP95MS  float64       `json:"interval_p95_ms,omitempty"`
	Rejected       []CodeCount   `json:"rejected,omitempty" nullable:"false"`
	Refusals       uint64        `json:"refusals,omitempty"`
	Gaps           uint64        `json:"gaps,omitempty" doc:"SEQs that the board no longer had, less those that came after all"`
	Lost           uint64        `json:"lost,omitempty"`
}

// Measurement is what a session says of one measurement.
type Measurement struct {
	Name      string  `json:"name" example:"TEMP"`
	N         uint64  `json:"n" doc:"Values"`
	Min       float64 `json:"min"`
	Max       float64 `json:"max"`
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation" doc:"Of the sample; 0 for a single value"`
}

// CodeCount is how many messages of one kind were refused.
type CodeCount struct {
	Code  vaiven.Code `json:"code" example:"not_a_number"`
	Count uint64      `json:"count"`
}

// Sessions is a page of the devices' sessions.
type Sessions struct {
	Sessions []Session `json:"sessions" nullable:"false" doc:"The last session of each device that has one"`
	Total    int       `json:"total" doc:"On all pages"`
	Next     string    `json:"next,omitempty" doc:"Cursor of the next page; left out on the last"`
}

// Number is the value of a state: a number, or true and false for 1 and 0.
type Number float64

// UnmarshalJSON reads a number, true or false.
func (n *Number) UnmarshalJSON(b []byte) error {
	switch string(bytes.TrimSpace(b)) {
	case "true":
		*n = 1
		return nil
	case "false":
		*n = 0
		return nil
	case "null":
		return fmt.Errorf("null is no value of a state")
	}
	return json.Unmarshal(b, (*float64)(n))
}

// States are values of states, by name.
type States map[string]Number

// Phase is where in its life a change of state is.
type Phase string

// The life of a change. The last four are its end.
const (
	PhaseAsked     Phase = "asked"
	PhaseSent      Phase = "sent" // written to the board's connection
	PhaseConfirmed Phase = Phase(vaiven.Confirmed)
	PhaseExpired   Phase = Phase(vaiven.Expired)
	PhaseRefused   Phase = Phase(vaiven.Refused)
	PhaseOvertaken Phase = Phase(vaiven.Overtaken)
)

// Change is one change of a device's desired state, as far as it has got.
type Change struct {
	Device   vaiven.Device `json:"device" example:"101"`
	Key      vaiven.Key    `json:"key" doc:"Names the change: the Idempotency-Key, or one that the server chose" example:"9f3c02aa51d07e44"`
	Rev      uint64        `json:"rev,omitempty" doc:"The change's number for this device" example:"7"`
	Phase    Phase         `json:"phase" enum:"asked,sent,confirmed,expired,refused,overtaken" doc:"asked: in the log; sent: written to the board's connection; the others are how it ended"`
	Reason   string        `json:"reason,omitempty" doc:"Why it was refused: rev, no_up, states"`
	States   States        `json:"states,omitempty" doc:"What was asked for, toggles resolved"`
	By       string        `json:"by,omitempty" doc:"Who asked" example:"api 192.168.0.7"`
	Asked    time.Time     `json:"asked,omitzero"`
	Sent     time.Time     `json:"sent,omitzero"`
	Deadline time.Time     `json:"deadline,omitzero" doc:"Not to be applied later than this"`
	Ended    time.Time     `json:"ended,omitzero"`
	TookMS   *int64        `json:"took_ms,omitempty" doc:"From asking to the end, in ms"`
	NoReport bool          `json:"no_report,omitempty" doc:"This board sends readings alone and has never reported: nothing will confirm the change, and nobody waits for that"`
	Status   Status        `json:"status,omitempty" enum:"connected,silent,asleep,disconnected,never" doc:"Whether the board can be heard now: a change for one that cannot waits"`
}

// Done reports whether the change has ended.
func (c *Change) Done() bool { return c.Phase != PhaseAsked && c.Phase != PhaseSent }

// State is what a device's states ought to be, and are.
type State struct {
	Device      vaiven.Device `json:"device" example:"101"`
	Rev         uint64        `json:"rev" doc:"Of the last accepted change; 0: there was none. The ETag is the same number" example:"7"`
	Desired     States        `json:"desired" doc:"What is wanted"`
	Reported    []Value       `json:"reported" nullable:"false" doc:"What the board said last"`
	ReportedRev uint64        `json:"reported_rev,omitempty"`
	Reports     bool          `json:"reports" doc:"Whether this board confirms: it has reported with REV"`
	Until       time.Time     `json:"until,omitzero" doc:"The earliest deadline of an open change"`
	Open        []Change      `json:"open" nullable:"false" doc:"Changes that have not ended, in order"`
	Recent      []Change      `json:"recent" nullable:"false" doc:"The last that ended"`
	Known       []string      `json:"known" nullable:"false" doc:"States that may be asked for"`
}

// Toggle names states to be turned over: 0 becomes 1, all else 0.
type Toggle struct {
	_      struct{} `additionalProperties:"false"`
	States []string `json:"states" nullable:"false" minItems:"1" maxItems:"16" example:"[\"LED\"]"`
}

// ManyStates asks several devices at once.
type ManyStates struct {
	_       struct{}        `additionalProperties:"false"`
	Devices []vaiven.Device `json:"devices,omitempty" nullable:"false" maxItems:"1000" example:"[\"101\",\"102\"]"`
	Groups  []string        `json:"groups,omitempty" nullable:"false" maxItems:"100" doc:"All devices of these groups"`
	States  States          `json:"states,omitempty" doc:"What is asked for"`
	Toggle  []string        `json:"toggle,omitempty" nullable:"false" maxItems:"16" doc:"States to be turned over"`
	Within  string          `json:"within,omitempty" doc:"Not to be applied later than this from now, as 5s or 2m" example:"5s"`
	Wait    string          `json:"wait,omitempty" doc:"Answer when all have ended, or after this time, 60s at most" example:"2s"`
}

// Outcome is what became of one device's part of ManyStates: Change, or why
// there was none.
type Outcome struct {
	Device vaiven.Device `json:"device" example:"101"`
	Status int           `json:"status" doc:"As the answer for this device alone would have" example:"200"`
	Change *Change       `json:"change,omitempty"`
	Error  *Problem      `json:"error,omitempty"`
}

// Outcomes answers ManyStates.
type Outcomes struct {
	Outcomes []Outcome `json:"outcomes" nullable:"false" doc:"In the order of the devices"`
}

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
	Next   string  `json:"next" doc:"Where the next request goes on: after=NEXT, or with order=desc before=NEXT. It may be behind the last event listed, when what follows did not match" example:"12.0"`
	More   bool    `json:"more" doc:"Whether the log, when it was read, held more beyond next"`
	// Trimmed is for whoever must know that something is missing.
	Trimmed string `json:"trimmed,omitempty" doc:"The first id that the log still has, when earlier ones behind after are not there any more" example:"5200.0"`
}

// CSVFile is one of the CSV files that a server keeps.
type CSVFile struct {
	Name     string    `json:"name" example:"readings-2026-11.csv"`
	Bytes    int64     `json:"bytes" doc:"Of whole rows" example:"91200"`
	Rows     uint64    `json:"rows,omitempty" doc:"Readings, if there are any; of the summary of a run it is not known" example:"3000"`
	From     time.Time `json:"from,omitzero" doc:"TIMEFLAG of the first row; not known in a file without a zone of its own"`
	To       time.Time `json:"to,omitzero" doc:"TIMEFLAG of the last row"`
	Growing  bool      `json:"growing" doc:"Rows are still added at its end"`
	Modified time.Time `json:"modified" doc:"When it was last written"`
}

// CSVFiles is a page of them.
type CSVFiles struct {
	Files []CSVFile `json:"files" nullable:"false" doc:"Those that grow first, then newest first"`
	Next  string    `json:"next,omitempty" doc:"cursor of the next page"`
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
