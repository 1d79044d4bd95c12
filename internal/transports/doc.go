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
// else, nor what the programs' command lines look like (Options.Server,
// Options.Follower).
//
// Run and Follow block; each is called from one goroutine. Every step has a
// deadline: a server that does not start, or a follower that says nothing, ends
// its run, and its row in the table says so. Child processes are killed when
// their run ends, when ctx is done, and never outlive Run.
package transports
