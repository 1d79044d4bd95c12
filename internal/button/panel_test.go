package button

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vaiven"
)

func TestPressIsTheEdgeDown(t *testing.T) {
	in(t, Options{Buttons: bindings(t, "GPIO17=101:LED", "GPIO22=102:LED")}, &faultyLines{}, func(r *rig) {
		r.line("GPIO17").set(true)
		r.wantPresses("GPIO17") // while it is held down
		r.line("GPIO17").set(false)
		r.wantPresses()
		for range 3 {
			r.line("GPIO22").set(true)
			synctest.Wait()
			r.line("GPIO17").set(true)
			synctest.Wait()
		}
		r.wantPresses("GPIO22", "GPIO17", "GPIO22", "GPIO17", "GPIO22", "GPIO17")
	})
}

// TestDebounce is for lines that the kernel does not debounce. Times are in ms
// since the first edge, levels begin with pressed and alternate.
func TestDebounce(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		name  string
		edges []time.Duration
		want  int
	}{
		{"clean press", []time.Duration{0, 200 * ms}, 1},
		{"held down", []time.Duration{0}, 1},
		{"bounces going down", []time.Duration{0, 1 * ms, 3 * ms, 4 * ms, 8 * ms, 300 * ms}, 1},
		{"bounces coming up", []time.Duration{0, 100 * ms, 101 * ms, 103 * ms, 104 * ms, 109 * ms}, 1},
		{"glitch", []time.Duration{0, 2 * ms}, 0},
		{"train of glitches", []time.Duration{0, 2 * ms, 50 * ms, 52 * ms, 90 * ms, 99 * ms}, 0},
		{"twice", []time.Duration{0, 30 * ms, 60 * ms, 90 * ms}, 2},
		{"chatters for long", []time.Duration{0, 10 * ms, 20 * ms, 30 * ms, 40 * ms, 50 * ms, 60 * ms}, 1},
	} {
		// A computer that is busy runs us when everything has happened already.
		t.Run(c.name+", read late", func(t *testing.T) {
			in(t, Options{Buttons: bindings(t, "GPIO17=101:LED")}, &faultyLines{raw: true}, func(r *rig) {
				r.line("GPIO17").late(c.edges)
				time.Sleep(100 * ms)
				r.wantPresses(slices.Repeat([]string{"GPIO17"}, c.want)...)
			})
		})
		t.Run(c.name, func(t *testing.T) {
			in(t, Options{Buttons: bindings(t, "GPIO17=101:LED")}, &faultyLines{raw: true}, func(r *rig) {
				began := time.Now()
				for i, at := range c.edges {
					time.Sleep(at - time.Since(began)) // the bubble's time
					r.line("GPIO17").set(i%2 == 0)
				}
				time.Sleep(100 * ms)
				r.wantPresses(slices.Repeat([]string{"GPIO17"}, c.want)...)
			})
		})
	}
}

// TestHeldDownBefore: whoever holds a button while the server starts, or while
// its line comes back, has not pressed it.
func TestHeldDownBefore(t *testing.T) {
	in(t, Options{Buttons: bindings(t, "GPIO17=101:LED")}, &faultyLines{raw: true, held: true}, func(r *rig) {
		time.Sleep(time.Minute)
		r.line("GPIO17").set(false)
		time.Sleep(time.Minute)
		r.wantPresses()
		r.line("GPIO17").set(true)
		time.Sleep(time.Minute)
		r.wantPresses("GPIO17")
	})
}

// TestQueueFull presses while nobody takes presses: the first are kept, in
// order, the rest is given up and said so, and the button works afterwards.
func TestQueueFull(t *testing.T) {
	var gate chan struct{} // made in the bubble
	var got []string
	press := func(_ context.Context, b Binding) { <-gate; got = append(got, b.Line) }
	in(t, Options{Buttons: bindings(t, "GPIO17=101:LED"), Press: press}, &faultyLines{}, func(r *rig) {
		gate = make(chan struct{})
		for range 100 {
			r.line("GPIO17").set(true)
			synctest.Wait()
			r.line("GPIO17").set(false)
			synctest.Wait()
		}
		r.wantTold()
		close(gate)
		r.wantTold("35 presses were given up: 64 were waiting already") // one was in Press
		if len(got) != 65 {
			t.Errorf("%d presses, want 65", len(got))
		}
		r.line("GPIO17").set(true)
		r.wantTold()
		if len(got) != 66 {
			t.Errorf("%d presses, want 66", len(got))
		}
	})
}

// TestSlowPress: a Press that hangs is given up by its context, and the next one
// is served.
func TestSlowPress(t *testing.T) {
	n := 0
	press := func(ctx context.Context, _ Binding) { <-ctx.Done(); n++ }
	in(t, Options{Buttons: bindings(t, "GPIO17=101:LED"), Press: press}, &faultyLines{}, func(r *rig) {
		r.line("GPIO17").set(true)
		r.line("GPIO17").set(true)
		time.Sleep(2*pressTimeout + time.Second)
		synctest.Wait()
		if n != 2 {
			t.Errorf("%d presses ended, want 2", n)
		}
	})
}

// TestStalePresses: while the log stands still every Press takes all of its time.
// What was pressed meanwhile is not done minutes later, one after the other.
func TestStalePresses(t *testing.T) {
	n := 0
	press := func(ctx context.Context, _ Binding) { <-ctx.Done(); n++ }
	in(t, Options{Buttons: bindings(t, "GPIO17=101:LED"), Press: press}, &faultyLines{}, func(r *rig) {
		for range 20 {
			r.line("GPIO17").set(true)
		}
		time.Sleep(2*pressTimeout + time.Second)
		r.wantTold("18 presses were given up: they had waited for more than 10s")
		if n != 2 {
			t.Errorf("%d presses ended, want 2", n)
		}
	})
}

// TestTrouble: one line that cannot be had is told once and tried again; the
// others work.
func TestTrouble(t *testing.T) {
	l := &faultyLines{err: map[string]error{
		"GPIO17": &problem{kind: inUse, line: "GPIO17", by: "gpiomon"},
		"GPIO27": &problem{kind: unknown, line: "GPIO27", names: []string{"GPIO2", "GPIO7"}},
	}}
	o := Options{Buttons: bindings(t, "GPIO17=101:LED", "GPIO22=102:LED"), Indicators: bindings(t, "GPIO27=101:LED"), Lang: vaiven.Spanish}
	in(t, o, l, func(r *rig) {
		r.wantTold(`la línea GPIO17 está en uso por "gpiomon" / cierra el programa`, "este equipo no tiene la línea GPIO GPIO27 / parecidas: GPIO2, GPIO7")
		r.line("GPIO22").set(true)
		r.wantPresses("GPIO22")
		time.Sleep(time.Hour)
		r.wantTold()
		if l.tries > 3+2*(3600/30+10) {
			t.Errorf("%d attempts in an hour", l.tries)
		}
		l.fail("GPIO17", nil)
		time.Sleep(maxRetry + time.Second)
		r.wantTold("la línea GPIO17 ya funciona")
		r.line("GPIO17").set(true)
		r.wantPresses("GPIO17")
	})
}

// TestWholeComputer: what concerns every line is told once.
func TestWholeComputer(t *testing.T) {
	for _, p := range []*problem{
		{kind: otherOS}, {kind: noChip}, {kind: noAccess, chip: "/dev/gpiochip0", group: "gpio"},
	} {
		l := &faultyLines{err: map[string]error{"GPIO17": p, "GPIO22": p, "GPIO27": p}}
		o := Options{Buttons: bindings(t, "GPIO17=101:LED", "GPIO22=102:LED"), Indicators: bindings(t, "GPIO27=101:LED")}
		in(t, o, l, func(r *rig) {
			r.wantTold(p.text(vaiven.English) + " / " + p.hint(vaiven.English))
			time.Sleep(time.Hour)
			r.wantTold()
			if p.kind == otherOS && l.tries != 3 {
				t.Errorf("%d attempts on a system without lines", l.tries)
			}
		})
	}
}

// TestUnplugged takes the chip away from a button and an indicator and gives it
// back: both are told, and work on, the indicator with what it has to show.
func TestUnplugged(t *testing.T) {
	o := Options{Buttons: bindings(t, "GPIO17=101:LED"), Indicators: bindings(t, "GPIO27=101:LED")}
	l := &faultyLines{}
	in(t, o, l, func(r *rig) {
		old := l.out["GPIO27"]
		r.panel.Show("101", "LED", true)
		synctest.Wait()
		missing := &problem{kind: noChip}
		l.fail("GPIO17", missing)
		l.fail("GPIO27", missing)
		r.line("GPIO17").unplug()
		l.out["GPIO27"].unplug()
		time.Sleep(checkEvery + time.Millisecond)
		if got := r.told(); len(got) != 2 {
			t.Errorf("told %q, want that two lines are gone", got)
		}
		if _, closed := old.state(); !closed {
			t.Error("the line that is gone was not given back")
		}
		time.Sleep(time.Minute)
		r.wantTold("no GPIO chip here")
		r.panel.Show("101", "LED", false)
		r.panel.Show("101", "LED", true)
		l.fail("GPIO17", nil)
		l.fail("GPIO27", nil)
		time.Sleep(maxRetry + time.Second)
		if got := r.told(); len(got) != 2 {
			t.Errorf("told %q, want that two lines work", got)
		}
		if lit, _ := l.out["GPIO27"].state(); !lit {
			t.Error("the indicator came back dark")
		}
		r.line("GPIO17").set(true)
		r.wantPresses("GPIO17")
	})
}

// TestFlapping: a line that comes and goes all the time is not told about all
// the time.
func TestFlapping(t *testing.T) {
	l := &faultyLines{}
	in(t, Options{Buttons: bindings(t, "GPIO17=101:LED")}, l, func(r *rig) {
		for began := time.Now(); time.Since(began) < time.Hour; {
			r.line("GPIO17").unplug()
			time.Sleep(checkEvery)
		}
		if n := len(r.told()); n > 2*(3600/30+10) {
			t.Errorf("%d notices in an hour", n)
		}
	})
}

func TestIndicator(t *testing.T) {
	o := Options{
		Indicators: bindings(t, "GPIO27=101:LED,102:RELAY", "GPIO22=103:LED"),
		State:      func(d vaiven.Device, s string) bool { return d == "103" && s == "LED" },
	}
	l := &faultyLines{}
	in(t, o, l, func(r *rig) {
		want := func(line string, want bool) {
			t.Helper()
			synctest.Wait()
			if lit, _ := l.out[line].state(); lit != want {
				t.Errorf("%s lit %v, want %v", line, lit, want)
			}
		}
		want("GPIO27", false)
		want("GPIO22", true) // as it was before
		r.panel.Show("101", "LED", true)
		want("GPIO27", true)
		r.panel.Show("102", "RELAY", true)
		r.panel.Show("101", "LED", false)
		r.panel.Show("102", "LED", false) // of no interest
		want("GPIO27", true)
		r.panel.Show("102", "RELAY", false)
		want("GPIO27", false)
		r.panel.Show("102", "RELAY", true)
		want("GPIO27", true)
		r.stop()
		for name, out := range l.out {
			if lit, closed := out.state(); lit || !closed {
				t.Errorf("at the end %s is lit %v, given back %v", name, lit, closed)
			}
		}
		r.panel.Show("101", "LED", true) // by somebody who comes late
	})
}

// TestCloseWithoutRun gives back what Open took.
func TestCloseWithoutRun(t *testing.T) {
	l := &faultyLines{in: map[string]*faultyInput{}, out: map[string]*faultyOutput{}}
	p := open(Options{Buttons: bindings(t, "GPIO17=101:LED"), Indicators: bindings(t, "GPIO27=101:LED")}, l)
	if err := errors.Join(p.Close(), p.Close(), p.Run(t.Context())); err != nil {
		t.Fatal(err)
	}
	<-l.in["GPIO17"].closed
	if _, closed := l.out["GPIO27"].state(); !closed {
		t.Error("the indicator's line was kept")
	}
}

// TestProblemsSpeakBothLanguages: each problem has a text and a cure in both.
func TestProblemsSpeakBothLanguages(t *testing.T) {
	for k := failed; k <= gone; k++ {
		p := &problem{kind: k, line: "GPIO17", chip: "/dev/gpiochip0", group: "gpio", lines: 8, err: errors.New("boom")}
		for _, f := range []func(vaiven.Lang) string{p.text, p.hint} {
			if en, es := f(vaiven.English), f(vaiven.Spanish); en == "" || es == "" || en == es {
				t.Errorf("kind %d: %q and %q", k, en, es)
			}
		}
	}
}
