//go:build suites && linux

package gateways

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"vaiven/test/harness"
)

// change is a gateway's answer to who asks for one.
type change struct {
	Key    string `json:"key"`
	Rev    uint64 `json:"rev"`
	Phase  string `json:"phase"`
	States values `json:"states"`
	Sent   string `json:"sent"`

	raw string
}

// ask makes the request for a change, and requires one of the answers that such
// a request may get.
func ask(ctx context.Context, s *harness.Server, r request) (c change, err error) {
	status, text, err := call(ctx, s, r)
	if err != nil {
		return c, err
	}
	switch status {
	case http.StatusOK, http.StatusAccepted:
		err = json.Unmarshal(text, &c)
		c.raw = string(text)
	case http.StatusPreconditionFailed:
		c.Phase = "refused"
	case http.StatusServiceUnavailable:
		err = fmt.Errorf("%w: %s", errNotNow, text)
	default:
		err = fmt.Errorf("%w: %d %s", errRefused, status, text)
	}
	return c, err
}

// errNotNow is an answer that asks to come again.
var errNotNow = errors.New("503")

// set asks for states and waits for the end of that.
func set(t *testing.T, s *harness.Server, device string, states values, terms map[string]string) change {
	t.Helper()
	r := request{method: http.MethodPut, path: "/devices/" + device + "/state", query: map[string][]string{}, header: map[string]string{}, body: states}
	for name, text := range terms {
		if name == "If-Match" || name == "Idempotency-Key" {
			r.header[name] = text
		} else {
			r.query.Set(name, text)
		}
	}
	c, err := ask(t.Context(), s, r)
	if err != nil {
		t.Fatalf("set %s %v %v at %s: %v\n%s", device, states, terms, s.Addr, err, s.Stderr())
	}
	return c
}

// standing is what a gateway says of a device's states, without what depends on
// when it is asked.
type standing struct {
	Rev      uint64   `json:"rev"`
	Desired  values   `json:"desired"`
	Reported []stated `json:"reported"`
	Reports  bool     `json:"reports"`
	Until    string   `json:"until"`
	Open     []change `json:"open"`
	Recent   []struct {
		change
		Reason   string `json:"reason"`
		By       string `json:"by"`
		Asked    string `json:"asked"`
		Deadline string `json:"deadline"`
		Ended    string `json:"ended"`
		TookMS   int64  `json:"took_ms"`
	} `json:"recent"`
	ReportedRev uint64 `json:"reported_rev"`
}

type stated struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	At    string  `json:"at"`
}

func (s *standing) reported() values {
	v := values{}
	for _, x := range s.Reported {
		v[x.Name] = x.Value
	}
	return v
}

// presence is what a gateway says of a device's connection.
type presence struct {
	Status string `json:"status"`
	Since  string `json:"since"`
	Remote string `json:"remote"`
	Reason string `json:"reason"`
}

// state returns what a gateway says of a device.
func state(t *testing.T, s *harness.Server, device string) (now standing) {
	t.Helper()
	get(t, s, "/devices/"+device+"/state", nil, &now)
	return now
}

// agree requires that all gateways say the same of a device, as soon as each of
// them has read the log: that every change has ended, and that a board that is
// connected somewhere has what is wanted of it.
func agree(t *testing.T, b *board, gateways ...*harness.Server) (now standing) {
	t.Helper()
	var here presence
	var why string
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		now, here, why = state(t, gateways[0], b.device), presence{}, ""
		get(t, gateways[0], "/devices/"+b.device, nil, &here)
		for _, g := range gateways[1:] {
			var there presence
			get(t, g, "/devices/"+b.device, nil, &there)
			if other := state(t, g, b.device); !reflect.DeepEqual(now, other) || here != there {
				why = fmt.Sprintf("%s says\n%+v %+v\n%s says\n%+v %+v", gateways[0].Addr, now, here, g.Addr, other, there)
			}
		}
		is := b.is()
		switch {
		case why != "":
		case len(now.Open) > 0:
			why = fmt.Sprintf("open: %+v", now.Open)
		case !covers(is, now.Desired) || !covers(is, now.reported()):
			why = fmt.Sprintf("the board is %v, %v is wanted, and %v reported", is, now.Desired, now.reported())
		case here.Status != "connected":
			why = fmt.Sprintf("the board is connected, and called %+v", here)
		default:
			return now
		}
		if time.Now().After(deadline) {
			t.Fatalf("board %s: %s", b.device, why)
		}
	}
}

// covers reports whether all has every value of part.
func covers(all, part values) bool {
	for name, num := range part {
		if got, ok := all[name]; !ok || got != num {
			return false
		}
	}
	return true
}

// lives are the events of a change in the log, by kind.
func lives(log []event, key string) map[string][]event {
	by := map[string][]event{}
	for _, e := range log {
		if e.Key == key {
			by[e.Kind] = append(by[e.Kind], e)
		}
	}
	return by
}

// once requires of the log that a change was asked for once, sent at most once,
// and ended once, so.
func once(t *testing.T, log []event, key, outcome string) {
	t.Helper()
	by := lives(log, key)
	ends := by["change_end"]
	if len(by["change"]) != 1 || len(by["sent"]) > 1 || len(ends) != 1 || ends[0].Outcome != outcome {
		t.Errorf("change %s is to be %s: %+v", key, outcome, by)
	}
}
