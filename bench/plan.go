package main

import (
	"fmt"
	"time"
)

// plan is how much of everything a run does.
type plan struct {
	rounds int
	smoke  bool // too short for its figures to mean anything

	boards  int           // connections at saturation and at the paced rate
	window  int           // readings in flight on a connection, in the windowed part
	rate    float64       // readings a second, together, at the paced rate
	warm    time.Duration // before each measurement
	measure time.Duration // at saturation, windowed, paced

	idle   int           // idle connections
	atOnce int           // handshakes under way at a time
	settle time.Duration // before memory is read

	trickle     time.Duration // of the classroom
	trickleWarm time.Duration

	switched int           // boards whose states are changed
	changes  int           // one after another, and as many again at a time
	alone    time.Duration // readings alone, to be subtracted

	read    int           // boards whose readings are followed
	pace    float64       // readings a second of them, together
	backlog uint64        // readings in the log before anybody stalls
	crowd   int           // followers of each transport whose connections are cut
	cut     time.Duration // how long each of those lasts
	follow  time.Duration // of them
	beside  int           // followers beside as many stalled ones
	pairs   int           // alone and beside, in a round
	pair    time.Duration // of each of the two
	begin   time.Duration // before each of these
}

const (
	pacedWindow   = 8 // readings in flight when paced; a board has one each 100 ms to send
	classroom     = 50
	classroomRate = 25.0
	touched       = 200             // boards that come and go before memory is read
	patience      = time.Minute     // for one step of a fleet
	legTime       = 5 * time.Minute // for one server in one part, besides its settling
)

// full is what the targets speak of.
func full() plan {
	return plan{
		rounds: 3,
		boards: 2000, window: 16, rate: 20_000, warm: 2 * time.Second, measure: 5 * time.Second,
		idle: 15_000, atOnce: 64, settle: 10 * time.Second,
		trickle: 20 * time.Second, trickleWarm: 4 * time.Second,
		switched: 1000, changes: 1000, alone: 3 * time.Second,
		read: 200, pace: 1000, backlog: 60_000, crowd: 100, cut: 1500 * time.Millisecond, follow: 4 * time.Second,
		beside: 20, pairs: 2, pair: 1500 * time.Millisecond, begin: 400 * time.Millisecond,
	}
}

// quick proves in less than a minute that the bench works; its figures prove
// nothing.
func quick() plan {
	return plan{
		rounds: 1, smoke: true,
		boards: 200, window: 16, rate: 2000, warm: 200 * time.Millisecond, measure: 600 * time.Millisecond,
		idle: 1000, atOnce: 64, settle: 300 * time.Millisecond,
		trickle: 1500 * time.Millisecond, trickleWarm: 500 * time.Millisecond,
		switched: 100, changes: 40, alone: 300 * time.Millisecond,
		read: 20, pace: 200, backlog: 60_000, crowd: 10, cut: 200 * time.Millisecond, follow: 500 * time.Millisecond,
		beside: 5, pairs: 1, pair: 300 * time.Millisecond, begin: 100 * time.Millisecond,
	}
}

// method says in words what the legs of a run do, for the report.
func (o *options) method() []string {
	p := o.plan
	says := []string{
		fmt.Sprintf("%d rounds, the servers in turn in each part of each round; a fresh process and an empty data folder each time; median, lowest and highest round.", p.rounds),
		"The load comes from one thread of another process on the same machine, with one read and one write per answer. Server CPU is user + system time of the server's process from /proc, divided by the readings acknowledged in the same time.",
	}
	for _, l := range o.legs {
		says = append(says, l.method(p)...)
	}
	return append(says, "What is stored differs: raw TCP and Mosquitto store nothing, the course's server flushes its CSV to the page cache, vaiven acknowledges after fsync.")
}
