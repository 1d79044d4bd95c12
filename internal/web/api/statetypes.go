package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"vaiven"
)

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
