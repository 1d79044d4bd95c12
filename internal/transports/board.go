package transports

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"vaiven"
	"vaiven/client"
)

// device is the board's id.
const device = "101"

// A reading's number hides in its temperature, so that it can be told from any
// form in which it comes by, also from the latest values: 20.001 is the first.
const (
	firstTemp = 20
	perDegree = 1000
)

// valuesOf returns reading n, from 1.
func valuesOf(n int) []vaiven.Value {
	return []vaiven.Value{{Name: "TEMP", Num: firstTemp + float64(n)/perDegree}, {Name: "HUM", Num: 61}}
}

// numberOf is the way back.
func numberOf(temp float64) int { return int(math.Round((temp - firstTemp) * perDegree)) }

// event is what a follower reads of an event.
type event struct {
	Kind   string `json:"kind"`
	Values struct {
		Temp float64 `json:"TEMP"`
	} `json:"values"`
}

// readEvent returns the number of the reading that an event is, 0 for any other
// event.
func readEvent(text []byte) (int, error) {
	var e event
	if err := json.Unmarshal(text, &e); err != nil {
		return 0, fmt.Errorf("event %.80q: %w", text, err)
	}
	return e.number(), nil
}

func (e event) number() int {
	if e.Kind != "reading" {
		return 0
	}
	return numberOf(e.Values.Temp)
}

// rfc3339ms is how events write times.
const rfc3339ms = "2006-01-02T15:04:05.000Z07:00"

// appendEvent writes reading n as the live feeds do: what a message queue
// carries is the same text, so that only the transports differ.
func appendEvent(b []byte, n int, boot string, now time.Time) []byte {
	at := now.Format(rfc3339ms)
	b = fmt.Appendf(b, `{"id":"%d.0","kind":"reading","at":"%s","synced":true,"device":"%s","boot":"%s","seq":%d,"measured":"%s","values":{`,
		n+3, at, device, boot, n, at)
	for i, v := range valuesOf(n) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, v.Name), ':')
		b = vaiven.AppendNumber(b, v.Num)
	}
	return append(b, '}', '}')
}

// source sends the readings of a run. One goroutine uses it.
type source interface {
	send(ctx context.Context, n int) error
	settle(ctx context.Context) error // waits until all are acknowledged
	close()
}

// board sends to a vaiven, one reading a message.
type board struct{ *client.Client }

func openBoard(ctx context.Context, addr string) (source, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	c, err := client.Dial(ctx, client.Options{URL: "ws://" + addr, Device: device, BatchBytes: -1})
	if err != nil {
		return nil, err
	}
	return board{c}, nil
}

func (b board) send(ctx context.Context, n int) error {
	_, err := b.Send(ctx, client.Reading{Values: valuesOf(n)})
	return err
}

func (b board) settle(ctx context.Context) error { return b.Flush(ctx) }

func (b board) close() {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	_ = b.Close(done) // what matters is settled
}
