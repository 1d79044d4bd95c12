package sim

import (
	"sync"

	"vaiven/client"
)

// led does what the server wants: it is switched at once, and reported. What is
// wanted may come while the board is still dialling, before there is anybody to
// report through.
type led struct {
	mu     sync.Mutex
	client *client.Client
	last   *client.Desired
}

// attach gives the LED its client.
func (l *led) attach(c *client.Client) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.client = c
	l.report()
}

// set switches the LED.
func (l *led) set(d client.Desired) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = &d
	l.report()
}

// report tells the server, if both are known. The caller holds mu. A client
// that has ended needs no report.
func (l *led) report() {
	if l.client != nil && l.last != nil {
		_ = l.client.Report(l.last.States, l.last.Rev)
		l.last = nil
	}
}
