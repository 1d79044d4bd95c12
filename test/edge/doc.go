// Package edge attacks the whole program over the network: connections in
// waves, clients that never read or never finish, frames that lie about their
// size, floods, half-open sockets, HTTP that is not meant well. The server must
// answer with the right code, stay within bounds, and serve everybody else.
package edge
