package board

import (
	"encoding/binary"
	"fmt"

	"vaiven/bench/internal/load"
)

// Control packets of MQTT 3.1.1, section 2.2.1, with the flags that the
// standard demands.
const (
	mqttConnect  = 0x10
	mqttConnack  = 0x20
	mqttPublish1 = 0x32 // PUBLISH, QoS 1
	mqttPuback   = 0x40
)

// MQTT is a board that publishes its readings with QoS 1 on a topic of its own.
type MQTT struct {
	id    Identity
	acked uint64
}

// NewMQTT returns what board i says.
func NewMQTT(i int) load.Protocol { return &MQTT{id: NewIdentity(i)} }

// Open appends CONNECT: clean session, no keep-alive, client id = device.
func (m *MQTT) Open(out []byte) []byte {
	out = append(out, mqttConnect, byte(10+2+len(m.id.Device)))
	out = append(out, 0, 4, 'M', 'Q', 'T', 'T', 4, 0x02, 0, 0)
	return appendMQTTString(out, m.id.Device)
}

// Greet says nothing.
func (m *MQTT) Greet(out []byte) []byte { return out }

const topicPrefix = "vaiven/"

// Reading appends PUBLISH, QoS 1; the packet id is seq, which skips 0 as the
// standard demands.
func (m *MQTT) Reading(out []byte, seq uint64) []byte {
	out = append(out, mqttPublish1, 0, 0)
	begin := len(out)
	out = appendMQTTString(out, topicPrefix+m.id.Device)
	out = binary.BigEndian.AppendUint16(out, packetID(seq))
	out = m.id.appendReading(out, seq)
	n := len(out) - begin
	out[begin-2], out[begin-1] = byte(n&0x7f|0x80), byte(n>>7) // always two bytes; n < 16,384
	return out
}

func packetID(seq uint64) uint16 { return uint16((seq-1)%65535 + 1) }

func appendMQTTString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// Receive reads CONNACK and PUBACK, which both are four bytes long.
func (m *MQTT) Receive(in, out []byte) (int, []byte, load.News, error) {
	if len(in) < 4 {
		return 0, out, load.News{}, nil
	}
	value := binary.BigEndian.Uint16(in[2:])
	switch {
	case in[0] == mqttConnack && in[1] == 2 && in[3] == 0:
		return 4, out, load.News{Opened: true}, nil
	case in[0] == mqttPuback && in[1] == 2 && value == packetID(m.acked+1):
		m.acked++
		return 4, out, load.News{Acked: m.acked}, nil
	}
	return 0, out, load.News{}, fmt.Errorf("unexpected MQTT packet % x, %d readings acknowledged so far", in[:4], m.acked)
}
