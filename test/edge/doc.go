// Package edge attacks the whole program over the network: connections in
// waves, clients that never read or never finish, frames that lie about their
// size, floods, half-open sockets, HTTP that is not meant well; and what a class
// sends: ids that are none, other names, ten readings at once, boards that go away.
// The server must answer with the right code, stay within bounds, and serve
// everybody else; a course run must end when it should, and not before.
package edge
