package views

import "time"

// Status is how a view is doing.
type Status struct {
	Name     string
	Follower bool   // added by Follow: it shows the log to somebody, and keeps nothing
	Position uint64 // the last record that counts
	Lag      uint64 // records that the pump has decided, and the view has not applied
	Behind   bool   // reads the log by itself, since its queue was full or it began again
	Err      error  // why it does not move, nil when it does
	Since    time.Time
}

// Status returns how each view is doing, the followers included.
func (p *Pump) Status() []Status {
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := make([]Status, 0, len(p.runners))
	for _, r := range p.runners {
		list = append(list, r.status(p.pos))
	}
	return list
}

func (r *runner) status(head uint64) Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Status{Name: r.view.Name(), Follower: r.follower, Position: r.pos, Behind: r.catch != nil, Err: r.err, Since: r.since}
	if head > r.pos {
		s.Lag = head - r.pos
	}
	return s
}
