package main

import (
	"fmt"
	"time"

	"vaiven/bench/internal/board"
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
	}
}

// quick proves in half a minute that the bench works; its figures prove
// nothing.
func quick() plan {
	return plan{
		rounds: 1, smoke: true,
		boards: 200, window: 16, rate: 2000, warm: 200 * time.Millisecond, measure: 600 * time.Millisecond,
		idle: 1000, atOnce: 64, settle: 300 * time.Millisecond,
		trickle: 1500 * time.Millisecond, trickleWarm: 500 * time.Millisecond,
	}
}

// method says in words what the plan does, for the report.
func (p plan) method() []string {
	return []string{
		fmt.Sprintf("%d rounds, the servers in turn in each part of each round; a fresh process and an empty data folder each time; median, lowest and highest round.", p.rounds),
		"The load comes from one thread of another process on the same machine, with one read and one write per answer. Server CPU is user + system time of the server's process from /proc, divided by the readings acknowledged in the same time.",
		fmt.Sprintf("All servers get the same reading (%d bytes of JSON with BOOT and SEQ, raw TCP: always as long as that) and acknowledge it (%d bytes, Mosquitto: PUBACK); boards connect from many loopback addresses.", len(board.RawRequest()), len(board.RawAnswer())),
		fmt.Sprintf("Saturation: %d connections, one reading in flight on each, the next one leaves when its acknowledgement has come; %v after %v of warming up. Then the same with %d in flight on each.", p.boards, p.measure, p.warm, p.window),
		fmt.Sprintf("Paced: %.0f readings/s over the same connections, evenly spread, at most %d in flight on each. Latency counts from the moment at which a reading was due, also when the board could not send it then; a server that cannot keep up shows fewer readings/s.", p.rate, pacedWindow),
		fmt.Sprintf("Idle: %d connections, %d handshakes under way at a time; resident memory (smaps_rollup) after %v without traffic, minus that before, over the count; before it, %d boards have come and gone. Then HELLO where there is one and one reading on each, and the same again.", p.idle, p.atOnce, p.settle, touched),
		fmt.Sprintf("Classroom: %d boards, %.0f readings/s together, for %v. Bytes written are write_bytes of /proc/PID/io (pages that the process made dirty); the folder's growth is the size of its files.", classroom, classroomRate, p.trickle),
		"What is stored differs: raw TCP and Mosquitto store nothing, the course's server flushes its CSV to the page cache, vaiven acknowledges after fsync.",
	}
}
