// Package host holds the stand-ins of firmware/host to what is known of the real
// thing: the bytes and the order of events of the Arduino library, TLS with a
// pinned CA, Wi-Fi that goes, sleep, restarts and what memory lives through them,
// pins, tasks. A stand-in that lies would make every other firmware test lie.
//
// Names and chips are held against firmware/host/idf.txt, and the sketches are linked
// for Xtensa, with Debian's gcc-xtensa-lx106.
package host
