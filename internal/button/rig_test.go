package button

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rig is a panel over lines that fail on demand, in a bubble of its own time.
type rig struct {
	t     *testing.T
	panel *Panel
	lines *faultyLines
	stop  func()

	mu      sync.Mutex
	presses []string
	notices []string
}

// faultyLines are lines by name. Their levels are set by the test.
type faultyLines struct {
	mu    sync.Mutex
	err   map[string]error
	in    map[string]*faultyInput
	out   map[string]*faultyOutput
	raw   bool // the kernel does not debounce
	held  bool // buttons are held down when their lines are opened
	tries int
}

func (l *faultyLines) Input(b Binding, _ time.Duration) (input, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	if err := l.err[b.Line]; err != nil {
		return nil, err
	}
	in := &faultyInput{edges: make(chan stampedEdge, 1000), closed: make(chan struct{}), raw: l.raw, pressed: l.held}
	l.in[b.Line] = in
	return in, nil
}

func (l *faultyLines) Output(b Binding, lit bool) (output, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	if err := l.err[b.Line]; err != nil {
		return nil, err
	}
	out := &faultyOutput{lit: lit}
	l.out[b.Line] = out
	return out, nil
}

func (l *faultyLines) fail(line string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = map[string]error{}
	}
	l.err[line] = err
}

// stampedEdge is an edge as the kernel keeps it until somebody reads it.
type stampedEdge struct {
	edge
	at time.Duration
}

// faultyInput hands on the edges that the test makes.
type faultyInput struct {
	edges  chan stampedEdge
	closed chan struct{}
	once   sync.Once
	raw    bool

	mu      sync.Mutex
	pressed bool
	err     error
}

func (i *faultyInput) Wait(d time.Duration) (edge, time.Duration, error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case e := <-i.edges:
		return e.edge, e.at, nil
	case <-i.closed:
		return none, 0, errors.New("closed")
	case <-timer.C:
		return none, 0, nil
	}
}

func (i *faultyInput) Pressed() (bool, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.pressed, i.err
}

func (i *faultyInput) Debounced() bool { return !i.raw }
func (i *faultyInput) Close() error    { i.once.Do(func() { close(i.closed) }); return nil }

// late hands on edges that all have happened by now, the first to pressed.
func (i *faultyInput) late(at []time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n, at := range at {
		i.pressed = n%2 == 0
		i.edges <- stampedEdge{edgeTo(i.pressed), at}
	}
}

func (i *faultyInput) set(pressed bool) {
	i.mu.Lock()
	i.pressed = pressed
	i.mu.Unlock()
	i.edges <- stampedEdge{edgeTo(pressed), time.Duration(time.Now().UnixNano())}
}

func edgeTo(pressed bool) edge {
	if pressed {
		return down
	}
	return up
}

func (i *faultyInput) unplug() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = errGone
}

type faultyOutput struct {
	mu     sync.Mutex
	lit    bool
	closed bool
	err    error
}

func (o *faultyOutput) Set(lit bool) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.lit = lit
	}
	return o.err
}

func (o *faultyOutput) Check() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

func (o *faultyOutput) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	return nil
}

func (o *faultyOutput) unplug() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = errGone
}

func (o *faultyOutput) state() (lit, closed bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.lit, o.closed
}

// in runs f in a bubble with a running panel, and ends it.
func in(t *testing.T, o Options, l *faultyLines, f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, lines: l}
		l.in, l.out = map[string]*faultyInput{}, map[string]*faultyOutput{}
		if o.Press == nil {
			o.Press = func(_ context.Context, b Binding) { r.note(&r.presses, b.Line) }
		}
		o.Notice = func(text, hint string) { r.note(&r.notices, text+" / "+hint) }
		r.panel = open(o, l)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = r.panel.Run(ctx) }()
		r.stop = func() { cancel(); <-done }
		synctest.Wait()
		f(r)
		r.stop()
		if err := errors.Join(r.panel.Close(), r.panel.Close()); err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) note(list *[]string, s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, s)
}

// told waits until all is quiet and returns the notices since the last call.
func (r *rig) told() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.notices
	r.notices = nil
	return n
}

func (r *rig) wantPresses(want ...string) {
	r.t.Helper()
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if fmt.Sprint(r.presses) != fmt.Sprint(want) {
		r.t.Fatalf("presses %v, want %v", r.presses, want)
	}
	r.presses = nil
}

func (r *rig) wantTold(want ...string) {
	r.t.Helper()
	got := r.told()
	ok := len(got) == len(want)
	for i := 0; ok && i < len(want); i++ {
		ok = strings.Contains(got[i], want[i])
	}
	if !ok {
		r.t.Fatalf("notices %q, want %q", got, want)
	}
}

// line is the line as it was opened last.
func (r *rig) line(name string) *faultyInput {
	r.lines.mu.Lock()
	defer r.lines.mu.Unlock()
	return r.lines.in[name]
}

func bindings(t *testing.T, all ...string) []Binding {
	t.Helper()
	out := make([]Binding, len(all))
	for i, s := range all {
		var err error
		if out[i], err = ParseBinding(s); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
