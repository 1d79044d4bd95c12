// Package sim plays a classroom, or a fleet: boards that measure a plausible
// room, send it over the real client and real sockets, and have the accidents
// that boards have (a reading lost on the air, a cable pulled, a sensor that
// answers nan). Their states do what the server wants, at once or after a while,
// and say so, unless they were made not to; somebody may press their own switch.
//
// It owns the boards, what they measure, and the counts. It does not own the
// protocol (package client does), the address to send to, or what is shown to
// a person.
//
// Run may be called several times at once. Its callbacks come from many
// goroutines, OnAcked for one board always from the same one; one that blocks
// holds up that board's connection. A server that is slow slows the boards
// down: a board never has more than Options.Window readings that nobody
// acknowledged. A server that is away is dialled again until it is back or the
// context ends.
package sim
