package transports

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// topic is where the board publishes.
const topic = "vaiven/" + device

// queue is a connection to a broker. One goroutine uses it.
type queue struct {
	conn net.Conn
	r    *bufio.Reader
	stop func() bool // of the context that interrupts it
}

// openQueue connects over conn, which it closes when it fails. Done ctx
// interrupts what goes on.
func openQueue(ctx context.Context, conn net.Conn, client string) (*queue, error) {
	q := &queue{conn: conn, r: bufio.NewReader(conn)}
	q.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // fails only when it is closed
	p, err := q.ask(appendConnect(nil, client))
	if err == nil && (p.kind != mqttConnack || !bytes.Equal(p.body, []byte{0, 0})) {
		err = fmt.Errorf("%w: not connected: packet %d: % x", errMQTT, p.kind, p.body)
	}
	if err != nil {
		q.close()
		return nil, err
	}
	return q, nil
}

func (q *queue) close() {
	q.stop()
	_ = q.conn.Close() // nothing is left to be said
}

// ask writes a packet and reads the answer.
func (q *queue) ask(text []byte) (packet, error) {
	if _, err := q.conn.Write(text); err != nil {
		return packet{}, err
	}
	return readPacket(q.r)
}

func (q *queue) subscribe(topic string) error {
	p, err := q.ask(appendSubscribe(nil, 1, topic))
	if err == nil && (p.kind != mqttSuback || !bytes.Equal(p.body, []byte{0, 1, 1})) {
		err = fmt.Errorf("%w: not subscribed: packet %d: % x", errMQTT, p.kind, p.body)
	}
	return err
}

// publish returns when the broker has acknowledged.
func (q *queue) publish(id uint16, topic string, text []byte) error {
	p, err := q.ask(appendPublish(nil, id, topic, text))
	if err == nil && (p.kind != mqttPuback || len(p.body) != 2 || binary.BigEndian.Uint16(p.body) != id) {
		err = fmt.Errorf("%w: not published: packet %d: % x", errMQTT, p.kind, p.body)
	}
	return err
}

// next returns the next message, acknowledged.
func (q *queue) next() (published, error) {
	p, err := readPacket(q.r)
	if err != nil {
		return published{}, err
	}
	m, err := readPublish(p)
	if err == nil && m.qos == 1 {
		_, err = q.conn.Write(appendPuback(nil, m.id))
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
	q, err := openQueue(ctx, conn, "") // no name: the broker gives one
	if err != nil {
		return err
	}
	defer q.close()
	if err := q.subscribe(topic); err != nil {
		return err
	}
	f.started()
	for !f.complete() {
		m, err := q.next()
		if err != nil {
			return err
		}
		n, err := readEvent(m.text)
		if err != nil {
			return err
		}
		f.note(n)
	}
	return nil
}
