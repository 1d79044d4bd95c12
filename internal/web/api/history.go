package api

import (
	"context"
	"net/url"
	"strings"
	"time"

	"vaiven"
)

// Point is what a stretch of time of one curve holds.
type Point struct {
	At   time.Time `json:"at" doc:"When the stretch begins"`
	Min  float64   `json:"min" example:"24.1"`
	Max  float64   `json:"max" example:"24.6"`
	Mean float64   `json:"mean" example:"24.35"`
	N    uint64    `json:"n" doc:"Samples in it" example:"30"`
}

// Curve is one measurement, or one state, of one device over time.
type Curve struct {
	Device      vaiven.Device `json:"device" example:"101"`
	Measurement string        `json:"measurement,omitempty" doc:"Its name; of a state, state has it" example:"TEMP"`
	State       string        `json:"state,omitempty" doc:"The name of a state, as the board reported it" example:"LED"`
	Before      *Held         `json:"before,omitempty" doc:"Of a state: what held at from, by the last report before it, however long ago"`
	Points      []Point       `json:"points" nullable:"false" doc:"In time's order. A stretch in which nothing was measured has none"`
}

// Unread is a part of time of which something cannot be read.
type Unread struct {
	From time.Time `json:"from" doc:"From this moment on"`
	To   time.Time `json:"to" doc:"And before this one"`
}

// Held is a state's value from a moment on.
type Held struct {
	At    time.Time `json:"at" doc:"When the board reported it"`
	Value float64   `json:"value" example:"1"`
}

// Curves answers a question about the past.
type Curves struct {
	From    time.Time `json:"from" doc:"What was looked at, from this moment on"`
	To      time.Time `json:"to" doc:"And before this one"`
	WidthMS int64     `json:"width_ms" doc:"Length of a point's stretch; stretches begin at multiples of it since 1970" example:"60000"`
	Curves  []Curve   `json:"curves" nullable:"false"`
	// Unread is for whoever must know that something is missing.
	Unread []Unread `json:"unread,omitempty" doc:"Stretches of which something is on the server's disk and cannot be read: curves may lack it. Missing: there are none"`
}

// CodeNoHistory is the code of a server that was started with --no-history.
const CodeNoHistory = "no_history"

// Past says which part of the past is asked for. The zero value is the last hour of
// everything.
type Past struct {
	Devices      []vaiven.Device // none: all
	Measurements []string        // and states; none: all
	From, To     time.Time       // zero: To is now, and From by Last
	Last         time.Duration   // up to To; 0: an hour
	Points       int             // of a curve, at most; 0: as the server likes
}

// History returns minimum, maximum and mean of measurements over time, computed by the
// server from every reading.
func (c *Client) History(ctx context.Context, p Past) (*Curves, error) {
	v := url.Values{}
	for _, d := range p.Devices {
		v.Add("device", string(d))
	}
	setText(v, "measurement", strings.Join(p.Measurements, ","))
	if !p.From.IsZero() {
		v.Set("from", p.From.Format(time.RFC3339Nano))
	}
	if !p.To.IsZero() {
		v.Set("to", p.To.Format(time.RFC3339Nano))
	}
	if p.Last != 0 {
		v.Set("last", vaiven.FormatAge(p.Last))
	}
	setInt(v, "points", p.Points)
	return get[Curves](ctx, c, "history", v)
}
