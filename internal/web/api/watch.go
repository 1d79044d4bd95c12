package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

// How Watch comes back.
const (
	firstPause = 200 * time.Millisecond
	maxPause   = 10 * time.Second
	maxLine    = 4 << 20          // bytes of an event
	maxSilence = 50 * time.Second // the server gives a sign of life every 15 s
)

// errSilent ends a stream on which nothing comes, not even a sign of life.
var errSilent = errors.New("nothing came, not even a sign of life")

// Watch calls fn with every event that the filter passes, in log order, from
// behind the id after on ("": from now on; "0": from the log's beginning), until
// ctx is done or fn returns an error, which it then returns. A connection that
// breaks off is made again, with pauses from 0.2 to 10 s, and goes on behind the
// last id: no event is left out and none comes twice. A refusal that would come
// again (a *Problem as 400, 401 or 410) ends it. fn may take its time; a server
// that finds it too slow drops the connection, and Watch resumes.
//
// lost is told why a connection ended and is to be made again; or, by a *TrimmedError,
// that the log does not have all that was asked for any more. It may be nil.
func (c *Client) Watch(ctx context.Context, f Filter, after string, fn func(Event) error, lost func(error)) error {
	w := &watch{c: c, filter: f, after: after, fn: fn, lost: lost}
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		err := w.follow(ctx)
		var own *ownError
		var p *Problem
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &own):
			return own.err
		case errors.As(err, &p) && isFinal(p.Status):
			return p
		}
		if w.moved {
			w.moved, pause = false, firstPause
		}
		if lost != nil {
			lost(err)
		}
		if p != nil && p.Retry() > pause {
			pause = min(p.Retry(), maxPause)
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)): // not all followers at once
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// TrimmedError says that the events behind an id and before another one are missing: the
// server's log does not have them any more.
type TrimmedError struct{ After, First string }

func (e *TrimmedError) Error() string {
	return fmt.Sprintf("the log does not have the events between %s and %s any more", e.After, e.First)
}

// isFinal reports whether asking again would be answered the same.
func isFinal(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests
}

// ownError is an error of the caller's function.
type ownError struct{ err error }

func (e *ownError) Error() string { return e.err.Error() }

// watch is where a Watch has got to.
type watch struct {
	c      *Client
	filter Filter
	after  string
	fn     func(Event) error
	lost   func(error)
	moved  bool // something came on the last connection
}

// follow follows one connection to its end, which is never nil.
func (w *watch) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(maxSilence, func() { cancel(errSilent) })
	defer silence.Stop()
	query := w.filter.values()
	setText(query, "after", w.after)
	resp, err := w.c.send(ctx, call{method: http.MethodGet, path: "live/ndjson", query: query})
	if err != nil {
		return causeOr(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return problemOf(resp)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		silence.Stop() // fn may take longer
		if err := w.handleLine(lines.Bytes()); err != nil {
			return err
		}
		silence.Reset(maxSilence)
	}
	if err := lines.Err(); err != nil {
		return causeOr(ctx, err)
	}
	return errors.New("the server ended the stream")
}

// causeOr is why ctx ended, if it did.
func causeOr(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

// handleLine handles one line of the stream: an event, a position, or a goodbye.
func (w *watch) handleLine(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	var line struct {
		Kind   string `json:"kind"`
		ID     string `json:"id"`
		First  string `json:"first"`
		Reason string `json:"reason"`
	}
	if err := json.Unmarshal(b, &line); err != nil {
		return fmt.Errorf("no event: %w", err)
	}
	printable(&line)
	switch line.Kind {
	case "position":
	case "trimmed":
		if w.lost != nil {
			w.lost(&TrimmedError{w.after, line.First})
		}
		return nil
	case "bye":
		w.advance(line.ID)
		return fmt.Errorf("the server ended the stream: %s", line.Reason)
	default:
		var e Event
		if err := json.Unmarshal(b, &e); err != nil {
			return fmt.Errorf("no event: %w", err)
		}
		printable(&e)
		if err := w.fn(e); err != nil {
			return &ownError{err}
		}
	}
	w.advance(line.ID)
	return nil
}

func (w *watch) advance(id string) {
	if id != "" {
		w.after, w.moved = id, true
	}
}
