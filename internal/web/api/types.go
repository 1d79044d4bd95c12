package api

import (
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

	Status Status    `json:"status" enum:"connected,silent,asleep,disconnected,never" doc:"silent: connected, but no reading for three of its intervals; never: described, not heard yet"`
	Since  time.Time `json:"since,omitzero" doc:"Since when it has that status"`
	Until  time.Time `json:"until,omitzero" doc:"When a sleeping board will be heard again"`
	Reason string    `json:"reason,omitempty" doc:"Why its connection ended"`
	Remote string    `json:"remote,omitempty" doc:"The board's address"`

	First       time.Time `json:"first,omitzero" doc:"When it was heard first"`
	Last        time.Time `json:"last,omitzero" doc:"When it was heard last: any message, or that it connected"`
	LastReading time.Time `json:"last_reading,omitzero" doc:"When its last reading was received"`
	Readings    uint64    `json:"readings" doc:"In the log" example:"50"`

	Values      []Value     `json:"values,omitempty" nullable:"false" doc:"Latest measurements"`
	States      []Value     `json:"states,omitempty" nullable:"false" doc:"States as the board reported them last"`
	ReportedRev uint64      `json:"reported_rev,omitempty" doc:"REV of the board's last report"`
	Declared    []string    `json:"declared,omitempty" nullable:"false" doc:"State names that the board declared"`
	Boot        vaiven.Boot `json:"boot,omitempty" doc:"Its current power-up" example:"9f3c02aa"`
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
