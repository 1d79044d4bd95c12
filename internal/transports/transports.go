// Package transports measures side by side what it costs to follow a stream of
// readings: over WebSocket, Server-Sent Events, streaming HTTP, long polling,
// plain polling, and a message queue (MQTT through Mosquitto).
//
// Each transport gets a run of its own, one after the other, so that none takes
// the processor or the disk from another: a server is started, a board sends the
// same readings at the same moments, and a follower in a process of its own
// notes when each arrives. One run without any follower says what the stream
// costs by itself; a follower's cost is what comes on top of it.
//
// It owns those processes, their folder and the board. It does not own the
// server and its feeds, which it reaches over loopback sockets like anybody
// else, nor what the programs' command lines look like ([Options.Server],
// [Options.Follower]).
//
// [Run] and [Follow] block; each is called from one goroutine. Every step has a
// deadline: a server that does not start, or a follower that says nothing, ends
// its run, and its row in the table says so. Child processes are killed when
// their run ends, when ctx is done, and never outlive Run.
package transports

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

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
	for _, n := range names {
		if !slices.Contains(All(), Transport(n)) {
			return nil, &UnknownError{Name: n}
		}
	}
	return slices.DeleteFunc(All(), func(t Transport) bool { return !slices.Contains(names, string(t)) }), nil
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

func (o Options) withDefaults() (Options, error) {
	if o.Server == nil || o.Follower == nil {
		return o, errors.New("transports: Server and Follower are required")
	}
	if len(o.Transports) == 0 {
		o.Transports = All()
	}
	o.Readings = cmp.Or(o.Readings, DefaultReadings)
	o.Rate = cmp.Or(o.Rate, DefaultRate)
	o.Followers = cmp.Or(o.Followers, DefaultFollowers)
	o.Poll = cmp.Or(o.Poll, DefaultPoll)
	if o.OnProgress == nil {
		o.OnProgress = func(int) {}
	}
	return o, o.Check()
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

// BoundsError says that an option is out of its bounds.
type BoundsError struct{ Option, Is, Least, Most string }

func (e *BoundsError) Error() string { return e.Text(vaiven.English) }

// Text is the error in a person's language.
func (e *BoundsError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("--%s %s: want %s to %s", "--%s %s: debe ser de %s a %s"), e.Option, e.Is, e.Least, e.Most)
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
