// Package echo is the floor of the comparison: servers that read a request of
// a fixed number of bytes and write an answer of a fixed number of bytes, and
// do nothing else. They are what the bytes themselves cost.
//
// A server runs in a process of its own until its process is ended. A client
// that does not read its answers blocks its own goroutine (Goroutines), or
// loses its connection (Epoll).
package echo

import (
	"errors"
	"fmt"
	"io"
	"net"
)

// Goroutines serves ln as one writes it in Go: a goroutine for each
// connection, package net, one read and one write for each request.
func Goroutines(ln net.Listener, request int, answer []byte) error {
	for {
		c, err := ln.Accept()
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		go func() {
			defer c.Close()
			_ = converse(c, request, answer) // its end is the client's business
		}()
	}
}

func converse(c net.Conn, request int, answer []byte) error {
	counter := counter{request: request, answer: answer}
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if out := counter.take(n); len(out) > 0 {
			if _, err := c.Write(out); err != nil {
				return err
			}
		}
	}
}

// counter turns received bytes into answers.
type counter struct {
	request int
	answer  []byte
	rest    int
	out     []byte
}

// take returns the answers that n more bytes deserve; valid until the next
// call.
func (c *counter) take(n int) []byte {
	c.rest += n
	if c.rest == c.request {
		c.rest = 0
		return c.answer
	}
	c.out = c.out[:0]
	for ; c.rest >= c.request; c.rest -= c.request {
		c.out = append(c.out, c.answer...)
	}
	return c.out
}
