// Package client is a device of a vaiven gateway, written in Go: it keeps each
// reading until the server says that it is on disk, and sends it again, under
// the same number, over as many connections as that takes.
//
// It owns the device's side of the protocol: numbering (BOOT and SEQ), a
// bounded ring of readings that are not acknowledged yet, the resume after a
// lost connection, waiting between attempts, and the desired state that the
// server sends, of which it refuses what is late or older than what came before.
// It does not own what is measured, nor any storage: what is in the ring dies
// with the process, unless the program keeps BOOT and the next SEQ itself
// (Options.Boot, Options.Next).
//
// A Client is one device and holds one connection at a time. All methods may
// be called from several goroutines. The callbacks of Options come one at a
// time, in order, from the goroutine that reads the socket: they must return
// soon, and must not call Send, Flush or Close, which may wait for that same
// goroutine.
//
// A server that is slow lets the ring fill up, and then Send waits (or, with
// Options.DropOldest, the oldest reading is given up and counted). A server
// that is dead is noticed by its silence: after Options.PingAfter it is asked,
// after Options.IdleTimeout the connection is dropped and another one dialled.
package client
