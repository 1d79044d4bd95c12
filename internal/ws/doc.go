// Package ws is the server side of RFC 6455, the WebSocket protocol, without
// extensions: the opening handshake over net/http, frames, fragmentation,
// incremental UTF-8, close codes, size limits and liveness.
//
// It owns a connection's socket from Accept until Serve returns. It knows
// nothing of what the messages mean, keeps no list of connections and starts
// no goroutine that outlives its connection.
//
// Accept hands out a Conn; exactly one goroutine then calls Serve, which reads
// until the connection is over and calls the Handler for every message. All
// other methods may be called from any goroutine, also from the Handler.
//
// # What a connection costs
//
// On Unix a connection that waits holds no buffer: its goroutine parks inside
// syscall.RawConn.Read and takes a buffer from a pool only once there is
// something to read. Over TLS, on other systems and with Options.BufferedRead
// the same state machine is fed by a plain loop with a buffer of its own. No
// goroutine writes at rest: whoever finds the connection idle writes, without
// ever blocking, and only what a full socket did not take is left to a
// goroutine that ends when the socket has it.
//
// # Slow and dead peers
//
// A peer that does not read fills the queue: beyond Options.MaxQueue, or after
// Options.WriteTimeout without room, the connection is dropped. A peer that is
// silent is pinged after Options.PingAfter and dropped after
// Options.IdleTimeout. A Handler that blocks stops the reading of its own
// connection and nothing else, so TCP slows that peer down. A partial message
// is held in a buffer of at most Options.MaxMessage that grows as bytes arrive,
// never by what a header promises.
package ws
