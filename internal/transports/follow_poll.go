package transports

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 8 << 20

// waitTime is how long the server may think about a long poll.
const waitTime = 30 * time.Second

// page is what both kinds of polling the events answer.
type page struct {
	Events []event `json:"events"`
	Next   string  `json:"next"`
	More   bool    `json:"more"`
}

// followLongPoll asks for what comes next, again and again; the server answers
// when there is something.
func followLongPoll(ctx context.Context, f *follower) error {
	client := f.client()
	defer client.CloseIdleConnections()
	wait, next := time.Duration(0), "0"
	for !f.complete() {
		var p page
		path := fmt.Sprintf("/api/v1/live/poll?kind=reading&after=%s&wait=%s", next, wait)
		if err := f.ask(ctx, client, path, wait+stepTime, &p); err != nil {
			return err
		}
		f.started() // the first answer says where the log ends, and what comes is behind that
		wait, next = waitTime, p.Next
		f.noteAll(p.Events)
	}
	return nil
}

// pollEvents asks for what is new, every Task.Poll: nothing is missed, and
// nothing comes sooner.
func pollEvents(ctx context.Context, f *follower) error {
	next := "0"
	return f.every(ctx, func(client *http.Client) error {
		for {
			var p page
			if err := f.ask(ctx, client, "/api/v1/events?kind=reading&limit=1000&after="+next, stepTime, &p); err != nil {
				return err
			}
			next = p.Next
			if f.noteAll(p.Events); !p.More {
				return nil
			}
		}
	})
}

// pollValues asks for the latest values, every Task.Poll: what came and was
// overwritten in between is missed.
func pollValues(ctx context.Context, f *follower) error {
	last := 0
	return f.every(ctx, func(client *http.Client) error {
		var v struct {
			Values []struct {
				Name  string  `json:"name"`
				Value float64 `json:"value"`
			} `json:"values"`
		}
		err := f.ask(ctx, client, "/api/v1/devices/"+device+"/values", stepTime, &v)
		var no *refused
		if errors.As(err, &no) && no.code == http.StatusNotFound {
			return nil // the board has not been heard of yet
		}
		if err != nil {
			return err
		}
		for _, v := range v.Values {
			if n := numberOf(v.Value); v.Name == "TEMP" && n != last { // that it is still there is no news
				last = n
				f.note(n)
			}
		}
		return nil
	})
}

// every asks at once and then every Task.Poll.
func (f *follower) every(ctx context.Context, ask func(*http.Client) error) error {
	client := f.client()
	defer client.CloseIdleConnections()
	tick := time.NewTicker(f.task.Poll)
	defer tick.Stop()
	for {
		if err := ask(client); err != nil || f.complete() {
			return err
		}
		f.started()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *follower) noteAll(events []event) {
	for _, e := range events {
		f.note(e.number())
	}
}

// ask reads one answer; the connection is kept for the next.
func (f *follower) ask(ctx context.Context, client *http.Client, path string, within time.Duration, into any) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	r, err := f.get(ctx, client, path)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}
