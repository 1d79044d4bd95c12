package transports

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// places are where Mosquitto is when PATH does not say so.
var places = []string{
	"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto",
	`C:\Program Files\mosquitto\mosquitto.exe`,
}

// findMosquitto returns the broker's program, "" when it is not installed.
func findMosquitto(asked string) (string, error) {
	if asked != "" {
		path, err := exec.LookPath(asked)
		if err != nil {
			return "", fmt.Errorf("--mosquitto: %w", err)
		}
		return path, nil
	}
	for _, p := range append([]string{"mosquitto"}, places...) {
		if path, err := exec.LookPath(p); err == nil {
			return path, nil
		}
	}
	return "", nil
}

// installing is how Mosquitto gets onto this system.
func installing(goos string) string {
	switch goos {
	case "linux":
		return "sudo apt install mosquitto"
	case "darwin":
		return "brew install mosquitto"
	}
	return "https://mosquitto.org/download"
}

// brokerCommand writes Mosquitto's configuration into dir. Nothing is stored,
// and nothing is said. Packets leave at once, as vaiven's do; "user root" keeps
// it from changing to a user that may not exist, and means nothing to anybody
// else.
func brokerCommand(program, addr, dir string) (*exec.Cmd, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "mosquitto.conf")
	text := "listener " + port + " " + host + "\nallow_anonymous true\npersistence false\nsys_interval 0\nset_tcp_nodelay true\nlog_type error\nlog_dest stderr\n"
	if runtime.GOOS != "windows" {
		text += "user root\n"
	}
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	return exec.Command(program, "-c", conf), nil
}

// topic is where the board publishes.
const topic = "vaiven/" + device

// mqttConn is a connection to a broker. One goroutine uses it.
type mqttConn struct {
	conn net.Conn
	r    *bufio.Reader
	stop func() bool // of the context that interrupts it
}

// openMQTT connects over conn, which it closes when it fails. Done ctx
// interrupts what goes on.
func openMQTT(ctx context.Context, conn net.Conn, client string) (*mqttConn, error) {
	c := &mqttConn{conn: conn, r: bufio.NewReader(conn)}
	c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // fails only when it is closed
	p, err := c.ask(appendConnect(nil, client))
	if err == nil && (p.kind != mqttConnack || !bytes.Equal(p.body, []byte{0, 0})) {
		err = fmt.Errorf("%w: not connected: packet %d: % x", errMQTT, p.kind, p.body)
	}
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *mqttConn) close() {
	c.stop()
	_ = c.conn.Close() // nothing is left to be said
}

// ask writes a packet and reads the answer.
func (c *mqttConn) ask(text []byte) (packet, error) {
	if _, err := c.conn.Write(text); err != nil {
		return packet{}, err
	}
	return readPacket(c.r)
}

func (c *mqttConn) subscribe(topic string) error {
	p, err := c.ask(appendSubscribe(nil, 1, topic))
	if err == nil && (p.kind != mqttSuback || !bytes.Equal(p.body, []byte{0, 1, 1})) {
		err = fmt.Errorf("%w: not subscribed: packet %d: % x", errMQTT, p.kind, p.body)
	}
	return err
}

// publish returns when the broker has acknowledged.
func (c *mqttConn) publish(id uint16, topic string, text []byte) error {
	p, err := c.ask(appendPublish(nil, id, topic, text))
	if err == nil && (p.kind != mqttPuback || len(p.body) != 2 || binary.BigEndian.Uint16(p.body) != id) {
		err = fmt.Errorf("%w: not published: packet %d: % x", errMQTT, p.kind, p.body)
	}
	return err
}

// next returns the next message, acknowledged.
func (c *mqttConn) next() (published, error) {
	p, err := readPacket(c.r)
	if err != nil {
		return published{}, err
	}
	m, err := readPublish(p)
	if err == nil && m.qos == 1 {
		_, err = c.conn.Write(appendPuback(nil, m.id))
	}
	return m, err
}

// followMQTT subscribes, and acknowledges each message.
func followMQTT(ctx context.Context, f *follower) error {
	dial, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	conn, err := f.dial(dial, "tcp", f.task.Addr)
	if err != nil {
		return err
	}
	f.requests.Add(1)
	c, err := openMQTT(ctx, conn, "") // no name: the broker gives one
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.subscribe(topic); err != nil {
		return err
	}
	f.started()
	for !f.complete() {
		m, err := c.next()
		if err == nil {
			err = f.noteEvent(m.text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// publisher publishes to a broker with QoS 1, and waits for each
// acknowledgement.
type publisher struct {
	*mqttConn
	buf []byte
}

// mqttBoot is the BOOT of what is published, as long as a board's.
const mqttBoot = "00000000000000a1"

func openPublisher(ctx context.Context, addr string) (source, error) {
	dial, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(dial, "tcp", addr)
	if err != nil {
		return nil, err
	}
	c, err := openMQTT(ctx, conn, "vaiven-"+device)
	if err != nil {
		return nil, err
	}
	return &publisher{mqttConn: c}, nil
}

func (p *publisher) send(_ context.Context, n int) error {
	p.buf = appendEvent(p.buf[:0], n, mqttBoot, time.Now())
	return p.publish(uint16(n), topic, p.buf)
}

func (p *publisher) settle(context.Context) error { return nil }

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

// readPacket reads one packet. A length beyond maxPacket is errMQTT.
func readPacket(r *bufio.Reader) (p packet, err error) {
	first, err := r.ReadByte()
	if err != nil {
		return p, err
	}
	p.kind, p.flags = first>>4, first&15
	// The remaining length (section 2.2.3) has seven bits a byte, the lowest first, as
	// varints have.
	length, err := binary.ReadUvarint(r)
	if err == nil && length > maxPacket {
		return p, fmt.Errorf("%w: a packet of %d bytes", errMQTT, length)
	}
	if err == nil {
		p.body = make([]byte, length)
		_, err = io.ReadFull(r, p.body)
	}
	if errors.Is(err, io.EOF) { // in the middle of a packet
		err = io.ErrUnexpectedEOF
	}
	return p, err
}

// appendPacket writes a packet around its body.
func appendPacket(b []byte, kind, flags byte, body []byte) []byte {
	b = binary.AppendUvarint(append(b, kind<<4|flags), uint64(len(body)))
	return append(b, body...)
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
