package button

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"vaiven"
)

// Limits and pauses.
const (
	// DefaultDebounce is how long a contact must stand still to count. Push
	// buttons bounce for some milliseconds; nobody presses twice in fifteen.
	DefaultDebounce = 15 * time.Millisecond

	pressQueue   = 64               // presses that wait for Press
	pressTimeout = 10 * time.Second // given to one call of Press by its context
	stale        = 10 * time.Second // that a press waits at most for those before it
	checkEvery   = 2 * time.Second  // between two looks whether a quiet line is still there
	firstRetry   = time.Second      // before a line that failed is tried again
	maxRetry     = 30 * time.Second // what that pause grows to
)

// Options say what the lines are for.
type Options struct {
	Buttons    []Binding
	Indicators []Binding

	// Press is called once for each press, when the button goes down, one call
	// at a time and in order. Its context ends after ten seconds; a press that
	// has waited as long for those before it is given up.
	Press func(context.Context, Binding)
	// State says what an indicator shows when its line is opened; nil: off.
	State func(device vaiven.Device, state string) (on bool)
	// Notice tells a person what does not work, and the cure. It may be called
	// from several goroutines.
	Notice func(text, hint string)

	Debounce time.Duration // default DefaultDebounce
	Lang     vaiven.Lang
}

// press is one that waits for Press.
type press struct {
	of Binding
	at time.Time
}

// Panel is the buttons and indicators of this computer.
type Panel struct {
	o     Options
	lines lines

	contacts []*contact
	lamps    []*lamp
	presses  chan press
	lost     atomic.Int64 // presses that found the queue full, not yet told
	life     context.Context
	end      context.CancelFunc

	mu      sync.Mutex
	told    map[string]bool // problems of the whole computer that were told
	running sync.WaitGroup
	closed  bool
}

// Open takes every line that can be had, and tells a person about the others:
// Run tries those again. Close gives the lines back.
func Open(o Options) *Panel { return open(o, systemLines()) }

func open(o Options, l lines) *Panel {
	if o.Debounce <= 0 {
		o.Debounce = DefaultDebounce
	}
	if o.Press == nil {
		o.Press = func(context.Context, Binding) {}
	}
	if o.State == nil {
		o.State = func(vaiven.Device, string) bool { return false }
	}
	if o.Notice == nil {
		o.Notice = func(string, string) {}
	}
	p := &Panel{o: o, lines: l, presses: make(chan press, pressQueue), told: map[string]bool{}}
	p.life, p.end = context.WithCancel(context.Background())
	for _, b := range o.Buttons {
		c := &contact{p: p, b: b}
		c.open()
		p.contacts = append(p.contacts, c)
	}
	for _, b := range o.Indicators {
		l := newLamp(p, b)
		l.open()
		p.lamps = append(p.lamps, l)
	}
	return p
}

// Run reads the buttons and drives the indicators until ctx is done or the panel
// is closed; then it gives the lines back, indicators switched off. It is called
// once; the error is always nil.
func (p *Panel) Run(ctx context.Context) error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.running.Add(1)
	p.mu.Unlock()
	defer p.running.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.life, cancel)()
	var units sync.WaitGroup
	for _, c := range p.contacts {
		units.Go(func() { c.run(ctx) })
	}
	for _, l := range p.lamps {
		units.Go(func() { l.run(ctx) })
	}
	p.handOverPresses(ctx)
	units.Wait()
	return nil
}

// Close ends Run and waits for it, switches the indicators off and gives the
// lines back. Safe twice.
func (p *Panel) Close() error {
	p.end()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.contacts {
		errs = append(errs, c.close())
	}
	for _, l := range p.lamps {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}

// Show says what a state is now; indicators of that state follow. It never
// waits.
func (p *Panel) Show(device vaiven.Device, state string, on bool) {
	for _, l := range p.lamps {
		l.show(Target{device, state}, on)
	}
}

// handOverPresses calls Press, which may be slow: the log may stand still. What
// has waited too long meanwhile is given up.
func (p *Panel) handOverPresses(ctx context.Context) {
	late := 0
	for {
		select {
		case <-ctx.Done():
			return
		case b := <-p.presses:
			if time.Since(b.at) > stale {
				late++
			} else {
				call, cancel := context.WithTimeout(ctx, pressTimeout)
				p.o.Press(call, b.of)
				cancel()
			}
		}
		if n := p.lost.Swap(0); n > 0 {
			p.o.Notice(fmt.Sprintf(p.o.Lang.Say("%d presses were given up: %d were waiting already",
				"se descartaron %d pulsaciones: ya había %d esperando"), n, pressQueue), "")
		}
		if late > 0 && len(p.presses) == 0 {
			p.o.Notice(fmt.Sprintf(p.o.Lang.Say("%d presses were given up: they had waited for more than %v",
				"se descartaron %d pulsaciones: llevaban más de %v esperando"), late, stale), "")
			late = 0
		}
	}
}

// queuePress queues a press. Full: this one is given up, so that a button never
// answers with what somebody wanted a minute ago.
func (p *Panel) queuePress(b Binding) {
	select {
	case p.presses <- press{b, time.Now()}:
	default:
		p.lost.Add(1)
	}
}

// noticeProblem says what is wrong, once: problems of the whole computer not
// for each line again.
func (p *Panel) noticeProblem(prob *problem) {
	text := prob.text(p.o.Lang)
	if prob.line == "" {
		p.mu.Lock()
		told := p.told[text]
		p.told[text] = true
		p.mu.Unlock()
		if told {
			return
		}
	}
	p.o.Notice(text, prob.hint(p.o.Lang))
}

// noticeWorking says that a line which was in trouble works.
func (p *Panel) noticeWorking(line string) {
	p.mu.Lock()
	clear(p.told)
	p.mu.Unlock()
	p.o.Notice(fmt.Sprintf(p.o.Lang.Say("line %s works now", "la línea %s ya funciona"), line), "")
}
