// Package board is what a board says to each of the servers compared, and how
// it reads their answers: raw TCP, MQTT 3.1.1 and WebSocket, written by hand
// so that the generator costs little and owes nothing to a library under
// comparison. The reading's bytes are the same for all of them.
//
// It does no I/O. A value serves one connection and one goroutine.
package board

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strconv"
)

// Identity is who a board is: its device id and the boot it is in.
type Identity struct {
	Device string
	Boot   string
}

// NewIdentity names board i. All names have one length, and the boot is new
// each time.
func NewIdentity(i int) Identity {
	var boot [8]byte
	_, _ = rand.Read(boot[:]) // never fails (crypto/rand since Go 1.24)
	return Identity{Device: fmt.Sprintf("b%05d", i), Boot: hex.EncodeToString(boot[:])}
}

// identified is the part of a message that names the board.
func (id Identity) appendTo(b []byte) []byte {
	b = append(b, `"IDDEVICE":"`...)
	b = append(b, id.Device...)
	b = append(b, `","BOOT":"`...)
	b = append(b, id.Boot...)
	return append(b, '"')
}

// appendReading appends the reading that every board sends: the form of the
// device protocol that must not be lost, with a temperature and a humidity
// that change and always take the same number of bytes.
func (id Identity) appendReading(b []byte, seq uint64) []byte {
	b = append(b, '{')
	b = id.appendTo(b)
	b = append(b, `,"SEQ":`...)
	b = strconv.AppendUint(b, seq, 10)
	b = append(b, `,"AGE":0,"TEMP":2`...)
	b = append(b, '0'+byte(seq/10%10), '.', '0'+byte(seq%10))
	b = append(b, `,"HUM":`...)
	b = strconv.AppendUint(b, 40+seq%50, 10)
	return append(b, '}')
}

// appendAck appends the acknowledgement as vaiven writes it.
func (id Identity) appendAck(b []byte, seq uint64) []byte {
	b = append(b, '{')
	b = id.appendTo(b)
	b = append(b, `,"ACK":`...)
	b = strconv.AppendUint(b, seq, 10)
	return append(b, '}')
}
