package transports

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The few control packets of MQTT 3.1.1 (OASIS, section 2.2.1) that publishing
// and following with QoS 1 takes.
const (
	mqttConnect    = 1
	mqttConnack    = 2
	mqttPublish    = 3
	mqttPuback     = 4
	mqttSubscribe  = 8
	mqttSuback     = 9
	mqttDisconnect = 14
)

// maxPacket bounds a packet's remaining length, in bytes.
const maxPacket = 64 << 10

// packet is a control packet as it came: its type, the flags beside it, and the
// rest.
type packet struct {
	kind, flags byte
	body        []byte
}

var errMQTT = errors.New("not MQTT 3.1.1")

// readPacket reads one packet. A length that is written with more bytes than
// four, or is beyond maxPacket, is errMQTT.
func readPacket(r *bufio.Reader) (p packet, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return p, err
	}
	p.kind, p.flags = first>>4, first&15
	length, err := readLength(r)
	if err != nil {
		return p, err
	}
	p.body = make([]byte, length)
	_, err = io.ReadFull(r, p.body)
	return p, unexpected(err)
}

// readLength reads a remaining length (section 2.2.3): seven bits a byte, the
// lowest first.
func readLength(r *bufio.Reader) (int, error) {
	n := 0
	for shift := 0; shift < 28; shift += 7 {
		b, err := r.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		n |= int(b&0x7f) << shift
		switch {
		case n > maxPacket:
			return 0, fmt.Errorf("%w: a packet of %d bytes", errMQTT, n)
		case b < 0x80:
			return n, nil
		}
	}
	return 0, fmt.Errorf("%w: a length of more than four bytes", errMQTT)
}

// unexpected is the error of an end in the middle of a packet.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// appendPacket writes a packet around its body.
func appendPacket(b []byte, kind, flags byte, body []byte) []byte {
	b = append(b, kind<<4|flags)
	for n := len(body); ; {
		digit := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			b = append(b, digit|0x80)
			continue
		}
		return append(append(b, digit), body...)
	}
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// appendConnect asks for a clean session without keep-alive: a run is short and
// watches over itself.
func appendConnect(b []byte, client string) []byte {
	body := append(appendString(nil, "MQTT"), 4, 0x02, 0, 0)
	return appendPacket(b, mqttConnect, 0, appendString(body, client))
}

// appendSubscribe asks for a topic with QoS 1.
func appendSubscribe(b []byte, id uint16, topic string) []byte {
	body := appendString(binary.BigEndian.AppendUint16(nil, id), topic)
	return appendPacket(b, mqttSubscribe, 2, append(body, 1))
}

// appendPublish publishes with QoS 1; id is not 0.
func appendPublish(b []byte, id uint16, topic string, text []byte) []byte {
	body := binary.BigEndian.AppendUint16(appendString(nil, topic), id)
	return appendPacket(b, mqttPublish, 1<<1, append(body, text...))
}

func appendPuback(b []byte, id uint16) []byte {
	return appendPacket(b, mqttPuback, 0, binary.BigEndian.AppendUint16(nil, id))
}

// published is what a PUBLISH packet holds.
type published struct {
	topic string
	qos   byte
	again bool   // it may have been delivered before
	id    uint16 // to be acknowledged, 0 with QoS 0
	text  []byte
}

// readPublish takes a PUBLISH packet apart (section 3.3). The text is a part of
// the packet's body.
func readPublish(p packet) (m published, err error) {
	m.qos, m.again = p.flags>>1&3, p.flags&8 != 0
	rest := p.body
	if p.kind != mqttPublish || m.qos > 1 || len(rest) < 2 {
		return m, fmt.Errorf("%w: packet %d with flags %x, %d bytes", errMQTT, p.kind, p.flags, len(p.body))
	}
	n := int(binary.BigEndian.Uint16(rest))
	if rest = rest[2:]; len(rest) < n {
		return m, fmt.Errorf("%w: a topic of %d bytes in %d", errMQTT, n, len(rest))
	}
	m.topic, rest = string(rest[:n]), rest[n:]
	if m.qos == 0 {
		m.text = rest
		return m, nil
	}
	if len(rest) < 2 || rest[0] == 0 && rest[1] == 0 {
		return m, fmt.Errorf("%w: QoS 1 without an identifier", errMQTT)
	}
	m.id, m.text = binary.BigEndian.Uint16(rest), rest[2:]
	return m, nil
}
