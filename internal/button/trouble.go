package button

import (
	"context"
	"errors"
	"time"
)

// trouble is what is wrong with one line: it is told when it changes, and the
// line is tried again with growing pauses.
type trouble struct {
	p     *Panel
	line  string
	kind  kind
	has   bool
	pause time.Duration
}

// failed notes why the line does not work, and tells it unless that is known.
func (t *trouble) failed(err error) {
	var prob *problem
	switch {
	case errors.As(err, &prob):
	case errors.Is(err, errGone):
		prob = &problem{kind: gone, line: t.line}
	default:
		prob = &problem{kind: failed, line: t.line, err: err}
	}
	if !t.has || t.kind != prob.kind {
		t.p.tell(prob)
	}
	t.has, t.kind = true, prob.kind
}

// over notes that the line works.
func (t *trouble) over() {
	if t.has {
		t.p.tellBack(t.line)
	}
	t.has = false
}

// settled forgets the pauses of a line that has worked for a while: one that
// comes and goes every second must not be told about every second.
func (t *trouble) settled(worked time.Duration) {
	if worked >= maxRetry {
		t.pause = 0
	}
}

// wait pauses before the next attempt; false: ctx is done, or there is no use.
func (t *trouble) wait(ctx context.Context) bool {
	if t.has && t.kind == otherOS {
		<-ctx.Done()
		return false
	}
	t.pause = min(max(2*t.pause, firstRetry), maxRetry)
	timer := time.NewTimer(t.pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
