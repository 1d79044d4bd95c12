package feed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"vaiven/bench/internal/frame"
)

// upgrade are the headers of the opening handshake (RFC 6455, section 4.1). The
// key is constant: that it is answered rightly is for the server's own tests.
const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

// maskingKey is the same for all: nothing between here and the server looks.
var maskingKey = [4]byte{7, 11, 13, 17}

func (f *Follower) webSocket(c net.Conn) error {
	if _, err := f.ask(c, http.StatusSwitchingProtocols, upgrade); err != nil {
		return err
	}
	for {
		have, _ := f.in.Peek(f.in.Buffered())
		op, payload, used := frame.Split(have)
		if used == 0 {
			if _, err := f.in.Peek(len(have) + 1); err != nil {
				return err
			}
			continue
		}
		var err error
		switch op {
		case frame.Text:
			err = f.message(payload)
		case frame.Ping:
			pong := append(frame.Begin(nil, frame.Pong), payload...)
			_, err = c.Write(frame.End(pong, 0, maskingKey))
		default:
			err = fmt.Errorf("the server closed with %q", payload)
		}
		if err != nil {
			return err
		}
		_, _ = f.in.Discard(used) // it is there
	}
}

func (f *Follower) ndjson(c net.Conn) error {
	resp, err := f.ask(c, http.StatusOK, "")
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(resp.Body, bufferSize)
	for {
		p, err := lines.ReadSlice('\n')
		if err != nil {
			return ended(err)
		}
		if p = bytes.TrimSuffix(p, []byte("\n")); len(p) > 0 {
			if err := f.message(p); err != nil {
				return err
			}
		}
	}
}

// sse reads Server-Sent Events; an id without data is a position.
func (f *Follower) sse(c net.Conn) error {
	headers := "Accept: text/event-stream\r\n"
	if f.last != "" {
		headers += "Last-Event-ID: " + f.last + "\r\n"
	}
	resp, err := f.ask(c, http.StatusOK, headers)
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(resp.Body, bufferSize)
	id, data := "", false
	for {
		p, err := lines.ReadSlice('\n')
		if err != nil {
			return ended(err)
		}
		p = bytes.TrimSuffix(p, []byte("\n"))
		if text, ok := bytes.CutPrefix(p, []byte("id: ")); ok {
			id = string(text)
		} else if text, ok := bytes.CutPrefix(p, []byte("data: ")); ok {
			if err := f.message(text); err != nil {
				return err
			}
			if data = true; id != f.last {
				return fmt.Errorf("an event of id %s holds id %s", id, f.last)
			}
		} else if len(p) == 0 {
			if !data && id != "" {
				f.last = id
			}
			id, data = "", false
		}
	}
}

// ended is why a stream is over; its regular end is one that the server wanted.
func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the server ended the stream")
	}
	return err
}

// poll asks again and again over one connection.
func (f *Follower) poll(ctx context.Context, c net.Conn) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		resp, err := f.ask(c, http.StatusOK, "")
		if err != nil {
			return err
		}
		if err := f.answer(resp); err != nil {
			return err
		}
		pause.Reset(f.Pause)
	}
}

// answer reads {"events":[{...},{...}],"next":"ID"}: an event begins with its
// id, and holds nothing that looks like the beginning of another.
func (f *Follower) answer(resp *http.Response) error {
	body := bytes.NewBuffer(f.body[:0])
	_, err := body.ReadFrom(resp.Body)
	f.body = body.Bytes()
	if err != nil {
		return err
	}
	list, next, ok := cutLast(f.body, []byte(`],"next":"`))
	list, isList := bytes.CutPrefix(list, []byte(`{"events":[`))
	if !ok || !isList {
		return fmt.Errorf("the server answers %s", strconv.Quote(string(f.body[:min(len(f.body), 200)])))
	}
	for len(list) > 0 {
		one := list
		if i := bytes.Index(list[1:], eventHead); i >= 0 {
			one = list[:i+1]
		}
		list = list[len(one):]
		if err := f.message(bytes.TrimSuffix(one, []byte(","))); err != nil {
			return err
		}
	}
	f.last = upTo(next, '"')
	return nil
}

func cutLast(b, sep []byte) (before, after []byte, found bool) {
	if i := bytes.LastIndex(b, sep); i >= 0 {
		return b[:i], b[i+len(sep):], true
	}
	return b, nil, false
}
