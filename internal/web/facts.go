package web

import (
	"context"
	"net/http"

	"vaiven"
)

// Times of facts are Unix ms, 0 for never.

// Row is what searching and sorting the devices looks at.
type Row struct {
	ID       vaiven.Device
	Name     string // Name, Note and Groups are what people said about it
	Note     string
	Groups   []string
	Presence Presence
	Readings uint64
	Session  bool // it has a session, which may have ended
}

// Device is all that is known of a device.
type Device struct {
	Row
	First    int64 // heard
	Remote   string
	Reason   string // why it went
	Reading  int64  // when its last reading was received
	Values   []Latest
	States   []Latest // as the board reported them
	Rev      uint64   // of the board's last report
	Declared []string // states that it named
	Greeted  bool     // it has said HELLO
	Boot     vaiven.Boot
	FW       string

	Refusals, Gaps, Filled, Lost uint64
	Rejected                     []Rejected

	Conflicts  uint64
	ConflictAt int64
	Remotes    []string // who fought over the id last

	Last *vaiven.Session // the last one, nil: none yet
}

// Latest is the last value of a measurement or a state.
type Latest struct {
	Name string
	Num  float64
	At   int64
}

// Rejected counts the refused messages of one kind.
type Rejected struct {
	Code   vaiven.Code
	Count  uint64
	Text   string
	Remote string
	At     int64
}

// Summary is a session in numbers.
type Summary struct {
	End, First, Last int64 // End is 0 while it goes on; First and Last are readings
	Measurements     []Measurement
	Intervals        uint64
	IntervalMean     float64 // ms
	IntervalP95      float64 // ms
	Rejected         []CodeCount
	Refusals         uint64
	Gaps             uint64 // less what came after all
	Lost             uint64
}

// Measurement is what a session says of one measurement.
type Measurement struct {
	Name           string
	N              uint64
	Min, Max, Mean float64
	Deviation      float64
}

// CodeCount is how many messages of one kind were refused.
type CodeCount struct {
	Code  vaiven.Code
	Count uint64
}

// Devices is the table of devices. What it hands out is not changed afterwards.
type Devices interface {
	// Scan calls yield with every device, in any order, until it returns false.
	// The Row is yield's for the call only; yield is quick.
	Scan(yield func(*Row) bool)
	Device(d vaiven.Device) (Device, bool)
	// Summary is that of the device's last session.
	Summary(d vaiven.Device) (Summary, bool)
}

// Names writes people's words about devices into the log. Both methods return
// once the table shows it; the error is a *vaiven.Error with CodeBusy when the
// log takes nothing now.
type Names interface {
	Describe(ctx context.Context, d vaiven.Device, name, note string, groups []string) error
	Forget(ctx context.Context, d vaiven.Device) error
}

// Twins knows and changes desired state.
type Twins interface {
	State(d vaiven.Device) (vaiven.DeviceState, bool)
	// AskMany returns one result for each, in their order, once all are in the log
	// and applied.
	AskMany(ctx context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult
	// Wait returns how the change ended; of one that ended a short while ago, too.
	Wait(ctx context.Context, d vaiven.Device, key vaiven.Key) (vaiven.ChangeEnd, error)
}

// Events is the log, as its readers may see it.
type Events interface {
	// Bounds returns the ids of the oldest event and of the newest; both are
	// zero for an empty log.
	Bounds() (first, last vaiven.ID)
	// History hands the events behind after to fn, in log order, up to the newest
	// at the time of the call. It ends with fn's first error, which it returns.
	History(ctx context.Context, after vaiven.ID, fn func(vaiven.Entry) error) error
}

// Posts takes messages of boards whose network lets no WebSocket through, under
// the rules that hold for all boards.
type Posts interface {
	// Post takes one message; it returns once all that was taken of it is
	// committed. The error is a *vaiven.Error when nothing was.
	Post(ctx context.Context, r *http.Request, message []byte, binary bool) (Posted, error)
	// Desired returns the device's desired state as it is sent to boards, once
	// its REV differs from rev; nil when ctx ended before that. The error is a
	// *vaiven.Error, or says why it cannot be told now (409).
	Desired(ctx context.Context, r *http.Request, d vaiven.Device, rev uint64) ([]byte, error)
}

// Posted is what became of a board's message.
type Posted struct {
	Committed, Refused int
	Messages           [][]byte // each a JSON object, for the board
}

// CSV is the file that the server writes.
type CSV struct {
	Path string // "": there is none
	// Of names what the file's content follows from: the log's id.
	Of string
}

// nothing is what New puts in the place of what it was not given.
type nothing struct{}

func (nothing) Scan(func(*Row) bool)                                {}
func (nothing) Device(vaiven.Device) (Device, bool)                 { return Device{}, false }
func (nothing) Summary(vaiven.Device) (Summary, bool)               { return Summary{}, false }
func (nothing) State(vaiven.Device) (s vaiven.DeviceState, ok bool) { return s, false }
func (nothing) Bounds() (first, last vaiven.ID)                     { return first, last }
func (nothing) Forget(context.Context, vaiven.Device) error         { return errNothing }

func (nothing) Describe(context.Context, vaiven.Device, string, string, []string) error {
	return errNothing
}

func (nothing) AskMany(_ context.Context, requests []vaiven.ChangeRequest) []vaiven.ChangeResult {
	out := make([]vaiven.ChangeResult, len(requests))
	for i := range out {
		out[i].Err = errNothing
	}
	return out
}

func (nothing) Wait(context.Context, vaiven.Device, vaiven.Key) (vaiven.ChangeEnd, error) {
	return vaiven.ChangeEnd{}, errNothing
}

func (nothing) History(context.Context, vaiven.ID, func(vaiven.Entry) error) error { return nil }

func (nothing) Post(context.Context, *http.Request, []byte, bool) (Posted, error) {
	return Posted{}, errNothing
}

func (nothing) Desired(context.Context, *http.Request, vaiven.Device, uint64) ([]byte, error) {
	return nil, errNothing
}
