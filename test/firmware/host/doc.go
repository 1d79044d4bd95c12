// Package host holds the stand-ins of firmware/host to what is known of the real
// thing: the bytes and the order of events of the Arduino library, TLS with a
// pinned CA, Wi-Fi that goes, sleep, restarts and what memory lives through them,
// pins, tasks. A stand-in that lies would make every other firmware test lie.
package host
