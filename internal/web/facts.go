package web

import (
	"context"
	"net/http"

	"vaiven"
)

// Devices is the table of devices.
type Devices interface {
	// Each calls yield with every device, in any order, until it returns false. What
	// it gets is yield's for the call only, and not to be changed; yield is quick.
	Each(yield func(*vaiven.DeviceInfo) bool)
	// Device returns a copy.
	Device(d vaiven.Device) (vaiven.DeviceInfo, bool)
	// Summary is that of the device's last session.
	Summary(d vaiven.Device) (vaiven.Summary, bool)
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

func (nothing) Each(func(*vaiven.DeviceInfo) bool)                  {}
func (nothing) Device(vaiven.Device) (d vaiven.DeviceInfo, ok bool) { return d, false }
func (nothing) Summary(vaiven.Device) (s vaiven.Summary, ok bool)   { return s, false }
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
