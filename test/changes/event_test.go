//go:build suites && linux

package changes

import "time"

// event is one event of the log, as GET /api/v1/events and the live feeds write
// it.
type event struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	At       time.Time `json:"at"`
	Device   string    `json:"device"`
	Key      string    `json:"key"`
	States   values    `json:"states"`
	Toggle   []string  `json:"toggle"`
	By       string    `json:"by"`
	Deadline time.Time `json:"deadline"`
	If       *uint64   `json:"if_rev"`
	Rev      uint64    `json:"rev"`
	Outcome  string    `json:"outcome"`
	Reason   string    `json:"reason"`
	Boot     string    `json:"boot"`
}

// deadline is in Unix ms, 0 for none.
func (e *event) deadline() int64 {
	if e.Deadline.IsZero() {
		return 0
	}
	return e.Deadline.UnixMilli()
}
