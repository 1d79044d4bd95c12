package transports

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"vaiven"
)

// Options say what is measured. Server and Follower are required; everything
// else has a useful zero value.
type Options struct {
	// Server returns the command that serves on addr with the data folder data.
	Server func(addr, data string) *exec.Cmd
	// Follower returns the command that calls Follow with a Task: task is its
	// JSON. Its input, closed, says that all readings were sent.
	Follower func(task string) *exec.Cmd

	Transports []Transport   // default all
	Readings   int           // in each run; default 200
	Rate       float64       // readings a second, on average; default 40
	Followers  int           // that follow at once in a run; default 10
	Poll       time.Duration // between the requests of plain polling; default 1 s

	// Mosquitto is the broker's program. Default: looked for where it is
	// usually installed; without it that row says how to install it.
	Mosquitto string
	// Dir is where the folder for the servers' data is made; it is removed at the
	// end. Default: the system's for temporary files.
	Dir string

	OnProgress func(sent int) // told of each reading that was sent, of Steps in all
}

// Defaults of Options. With them a run takes six seconds, and all of them less
// than a minute. One follower costs a server less than what the same stream
// costs it more or less from run to run; ten can be told from that.
const (
	DefaultReadings  = 200
	DefaultRate      = 40.0
	DefaultFollowers = 10
	DefaultPoll      = time.Second
)

// Bounds of Options.
const (
	maxReadings  = 10_000
	maxFollowers = 100
	minRate      = 0.1
	maxRate      = 10_000.0
	minPoll      = 10 * time.Millisecond
	maxPoll      = time.Minute
)

// BoundsError says that an option is out of its bounds.
type BoundsError struct{ Option, Is, Least, Most string }

func (e *BoundsError) Error() string { return e.Text(vaiven.English) }

// Text is the error in a person's language.
func (e *BoundsError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("--%s %s: want %s to %s", "--%s %s: debe ser de %s a %s"), e.Option, e.Is, e.Least, e.Most)
}

func (o Options) withDefaults() (Options, error) {
	if o.Server == nil || o.Follower == nil {
		return o, errors.New("transports: Server and Follower are required")
	}
	if len(o.Transports) == 0 {
		o.Transports = All()
	}
	if o.Readings == 0 {
		o.Readings = DefaultReadings
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if o.Followers == 0 {
		o.Followers = DefaultFollowers
	}
	if o.Poll == 0 {
		o.Poll = DefaultPoll
	}
	if o.OnProgress == nil {
		o.OnProgress = func(int) {}
	}
	return o, nil
}

// Check returns a *BoundsError when Readings, Rate, Followers or Poll are out of
// bounds, as 0 is; Run does the same once it has filled in the defaults.
func (o Options) Check() error {
	return cmp.Or(
		within("readings", o.Readings, 1, maxReadings),
		within("rate", o.Rate, minRate, maxRate),
		within("followers", o.Followers, 1, maxFollowers),
		within("poll", o.Poll, minPoll, maxPoll),
	)
}

func within[T int | float64 | time.Duration](option string, is, least, most T) error {
	if is >= least && is <= most {
		return nil
	}
	return &BoundsError{option, fmt.Sprint(is), fmt.Sprint(least), fmt.Sprint(most)}
}

// Steps is how many readings are sent in all: those of each transport, and
// those of vaiven's run without followers.
func (o Options) Steps() int {
	runs := len(o.Transports)
	if o.overVaiven() {
		runs++
	}
	return o.Readings * runs
}

// overVaiven reports whether any transport is vaiven's own.
func (o Options) overVaiven() bool {
	return slices.ContainsFunc(o.Transports, func(t Transport) bool { return t != MQTT })
}
