// Package load plays a fleet of boards against one server, from one thread.
//
// It owns the sockets, the pacing and the clock of a measurement: one epoll
// loop, one read and one write per answer, no goroutine and no allocation in
// steady state, since the generator shares the machine with the server that is
// being measured. It does not own what the boards say (Protocol, package
// board) nor the server (package peer).
//
// A Fleet belongs to one goroutine. A server that closes a connection, answers
// nonsense or refuses a reading ends the run with an error: a benchmark that
// goes on with half of its boards measures something else. A server that stops
// answering is given up after the deadline of the context or of Drain.
package load
