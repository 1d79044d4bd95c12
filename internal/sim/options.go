package sim

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"vaiven"
	"vaiven/client"
)

// Options say how many boards there are and what they do. URL is needed;
// everything else has a useful zero value.
type Options struct {
	URL     string
	Devices int // default 1
	First   int // id of the first board, the others count up; default 101

	// Readings per board. 0: until the context ends, or the server says that the
	// board is done.
	Readings uint64
	// Interval between two readings of a board, each at its own moment. 0: as
	// fast as the server acknowledges.
	Interval time.Duration

	// Loss is how probable it is that a reading vanishes on its way, and the
	// connection with it, so that it must be sent again.
	Loss float64
	// Drop is how probable it is that a connection ends behind a reading, and
	// the acknowledgement with it. At full speed several readings share a message,
	// and one accident.
	Drop float64
	// NaN is how probable it is that the sensor does not answer before a reading,
	// and the board sends nan like the course's sketch: bad input, which must be
	// refused, and counts as no reading.
	NaN float64

	// Course makes boards of the course's sketch: the Arduino library's headers,
	// readings without BOOT and SEQ, no acknowledgements.
	Course bool
	// States are what the boards can switch, all off at power-up. Default LED.
	States []string
	// Lag is how long a board takes to do what the server wants. One that comes to
	// it past the deadline does not do it.
	Lag time.Duration
	// Mute makes boards that do what the server wants and never say so, as those
	// of the course's form are.
	Mute bool
	// Local is how probable it is that somebody presses the switch of a board's
	// first state before a reading.
	Local float64

	// Window is how many readings a board has on their way without
	// acknowledgement. Default 64.
	Window int
	// Single sends one reading a message; otherwise those that wait go together.
	Single bool

	// Background keeps dialling from the beginning. Otherwise the first board
	// must reach the server at once, so that a wrong address is told.
	Background bool
	// ConnectRate is how many boards start in a second, so that a thousand do not
	// fall upon the server in one moment. Default 1000; negative: no limit.
	ConnectRate float64
	// Backoff between a board's connections; zero: as package client has it.
	Backoff client.Backoff
	// Linger is how long a board that has sent everything waits for the last
	// acknowledgements. Default 60 s.
	Linger time.Duration
	// Grace is how long it waits for them when the context ends. Default 2 s.
	Grace time.Duration

	// Tokens are those of the boards that have one, by id.
	Tokens map[vaiven.Device]string
	// OnToken is given a token that the server hands to a board.
	OnToken func(d vaiven.Device, token string)
	TLS     *tls.Config
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)

	// OnAcked is told of each reading that the server has on disk.
	OnAcked func(d vaiven.Device, b vaiven.Boot, seq uint64, values []vaiven.Value)
	// OnState is told when a board has done what the server desires.
	OnState func(d vaiven.Device, states []vaiven.Value)
	// OnLate is told what a board did not do since its deadline had passed.
	OnLate func(d vaiven.Device, desired client.Desired)
	// OnBoard is given each board once it is dialled, to be looked at and touched
	// while it runs.
	OnBoard func(Board)
	// OnError is told of refusals and lost connections, as client.Options.OnError is.
	OnError func(d vaiven.Device, err error)
	// OnBarred is told each time that the server does not let a board speak, with
	// a code that vaiven.Code.Bars.
	OnBarred func(d vaiven.Device, why vaiven.Code)
	// OnProgress is told how far things are every ProgressEvery (default 250 ms),
	// and once at the end.
	OnProgress    func(Progress)
	ProgressEvery time.Duration

	// Seed of what is measured and of the accidents. Two runs with the same seed
	// have the same, but not at the same moments.
	Seed uint64
	// Rand is where BOOT comes from. Default crypto/rand.
	Rand io.Reader
	// Logger receives what is worth telling at debug level. Nil: nothing.
	Logger *slog.Logger
}

// IDs are the boards' ids.
func (o *Options) IDs() (ids []vaiven.Device) {
	for i := range max(1, o.Devices) {
		ids = append(ids, o.id(i))
	}
	return ids
}

func (o *Options) id(i int) vaiven.Device {
	return vaiven.Device(fmt.Sprintf("%03d", cmp.Or(o.First, 101)+i))
}

func (o Options) withDefaults() (Options, error) {
	if o.URL == "" {
		return o, errors.New("simulate: no URL")
	}
	for name, p := range map[string]float64{"loss": o.Loss, "drop": o.Drop, "nan": o.NaN, "local": o.Local} {
		if !(p >= 0 && p <= 1) {
			return o, fmt.Errorf("simulate: %s %v: want a probability from 0 to 1", name, p)
		}
	}
	if o.Course && o.Loss > 0 {
		return o, errors.New("simulate: loss needs boards that send again; the course's form does not")
	}
	if o.Interval < 0 || o.Lag < 0 || o.Devices < 0 || o.First < 0 {
		return o, errors.New("simulate: interval, lag, devices and first cannot be negative")
	}
	for i, name := range o.States {
		if !vaiven.ValidName(name) || slices.Contains(o.States[:i], name) {
			return o, fmt.Errorf("simulate: state %q: want names of A-Z 0-9 _, each once", name)
		}
	}
	o.fill()
	return o, nil
}

func (o *Options) fill() {
	if o.Devices == 0 {
		o.Devices = 1
	}
	if o.First == 0 {
		o.First = 101
	}
	if o.Window <= 0 {
		o.Window = 64
	}
	if len(o.States) == 0 {
		o.States = []string{"LED"}
	}
	if o.ConnectRate == 0 {
		o.ConnectRate = 1000
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.Linger, time.Minute},
		{&o.Grace, 2 * time.Second},
		{&o.ProgressEvery, 250 * time.Millisecond},
	} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
