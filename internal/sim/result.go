package sim

import (
	"sync/atomic"
	"time"

	"vaiven"
)

// Progress is how far things are.
type Progress struct {
	Elapsed   time.Duration
	Devices   int
	Connected int    // boards that the server has welcomed, now
	Ended     int    // boards that have nothing left to do
	Total     uint64 // readings asked for, 0: no end
	Sent      uint64 // readings, each counted once
	Acked     uint64 // of those, on the server's disk
	Resent    uint64 // times that one was sent again
	Rejected  uint64 // errors from the server
}

// Result is what came of it.
type Result struct {
	Elapsed  time.Duration
	Sent     uint64 // readings, each counted once
	Acked    uint64 // of those, on the server's disk; none in the course's form
	Refused  uint64 // of those, refused for good
	Resent   uint64 // times that one was sent again
	Messages uint64 // WebSocket messages written

	NaN       uint64                 // times that nan was sent
	Accidents uint64                 // connections ended on purpose (Options.Loss, Drop; Board.Drop)
	Switched  uint64                 // times that a board did what the server wanted, repetitions included
	Late      uint64                 // times that it did not, for the deadline
	Local     uint64                 // times that somebody pressed a board's own switch
	Connects  uint64                 // connections that were welcomed
	Rejected  map[vaiven.Code]uint64 // errors from the server

	// Latency from the first time that a reading was given to the socket to its
	// acknowledgement, reconnecting included.
	Latency *Histogram

	Devices []Device
}

// Failed counts the boards that could not do what they were asked to.
func (r *Result) Failed() int {
	n := 0
	for _, d := range r.Devices {
		if d.Outcome == Failed {
			n++
		}
	}
	return n
}

// Device is what came of one board.
type Device struct {
	ID      vaiven.Device
	Boot    vaiven.Boot // "" in the course's form
	Sent    uint64
	Acked   uint64
	Resent  uint64
	Refused uint64
	Outcome Outcome
	Err     error // why it failed, or in which words the server finished it
}

// Outcome says how a board ended.
type Outcome int

// How boards end.
const (
	Failed    Outcome = iota // see Device.Err
	Completed                // sent all it was asked to, all acknowledged
	Finished                 // the server said that it is done
	Stopped                  // the context ended
)

// String is the outcome in one lower-case word.
func (o Outcome) String() string {
	switch o {
	case Completed:
		return "completed"
	case Finished:
		return "finished"
	case Stopped:
		return "stopped"
	}
	return "failed"
}

// tally counts while boards run.
type tally struct {
	sent, acked, resent, rejected, nan, accidents atomic.Uint64
	switched, late, local                         atomic.Uint64
	ended                                         atomic.Int64
	latency                                       Histogram
}
