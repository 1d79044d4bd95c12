package transports

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sync"
)

// broker is as much of one as the packets here need: whatever is published goes
// to whoever has subscribed.
type broker struct {
	mu   sync.Mutex
	subs []net.Conn
}

// brokerMain listens where the configuration says.
func brokerMain(conf string) error {
	text, err := os.ReadFile(conf)
	if err != nil {
		return err
	}
	var port, host string
	if _, err := fmt.Sscanf(string(text), "listener %s %s\n", &port, &host); err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	b := &broker{}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go b.serve(c)
	}
}

// serve answers one connection until it ends.
func (b *broker) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		p, err := readPacket(r)
		if err != nil {
			return
		}
		if err := b.answer(c, p); err != nil {
			return
		}
	}
}

func (b *broker) answer(c net.Conn, p packet) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch p.kind {
	case mqttConnect:
		_, err := c.Write(appendPacket(nil, mqttConnack, 0, []byte{0, 0}))
		return err
	case mqttSubscribe:
		b.subs = append(b.subs, c)
		_, err := c.Write(appendPacket(nil, mqttSuback, 0, append(p.body[:2:2], 1)))
		return err
	case mqttPublish:
		m, err := readPublish(p)
		if err != nil {
			return err
		}
		for _, s := range b.subs {
			_, _ = s.Write(appendPublish(nil, 7, m.topic, m.text)) // one that is gone
		}
		_, err = c.Write(appendPacket(nil, mqttPuback, 0, binary.BigEndian.AppendUint16(nil, m.id)))
		return err
	}
	return nil
}
