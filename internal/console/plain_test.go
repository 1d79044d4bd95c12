package console

import (
	"errors"
	"io"
	"strings"
	"testing"

	"vaiven"
)

func TestPlainGolden(t *testing.T) {
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		for _, tt := range []struct {
			name       string
			tty, color bool
			roster     Roster
		}{
			{"pipe", false, false, nil},
			{"tty", true, true, names},
			{"nocolor", true, false, names},
		} {
			t.Run(tt.name+"-"+string(l), func(t *testing.T) {
				var out, errs writes
				p := NewPlain(Options{Lang: l, Roster: tt.roster,
					Out: Terminal{W: &out, TTY: tt.tty, Color: tt.color},
					Err: Terminal{W: &errs, TTY: tt.tty, Color: tt.color}})
				if err := p.Apply(1, everything()); err != nil {
					t.Fatal(err)
				}
				if !tt.color {
					noEscape(t, out.String())
					noEscape(t, errs.String())
				}
				if !tt.tty && (out.n != 1 || errs.n != 1) {
					t.Errorf("%d writes to stdout and %d to stderr, want one each", out.n, errs.n)
				}
				text := "stdout\n" + out.String() + "stderr\n" + errs.String()
				golden(t, "plain-"+tt.name+"-"+string(l)+".golden", strings.ReplaceAll(text, "\x1b", "<ESC>"))
			})
		}
	}
}

func TestPlainCourseLine(t *testing.T) {
	var out strings.Builder
	p := NewPlain(Options{Out: Terminal{W: &out}, Err: Terminal{W: io.Discard}})
	r := &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 24.5, "HUM", 61.0), States: vals("LED", 1.0)}
	if err := p.Apply(1, entries(1, r)); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "14:03:07  101  TEMP 24.5 °C  HUM 61 %  LED=1\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPlainKeepsOrderOnOneTerminal(t *testing.T) {
	var both writes
	tty := Terminal{W: &both, TTY: true}
	p := NewPlain(Options{Out: tty, Err: tty})
	read := &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)}
	come := &vaiven.Presence{Stamp: stamp(0), Device: "101", Connected: true, Remote: "10.0.0.1:1"}
	if err := p.Apply(1, entries(1, read, read, come, read)); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(both.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[2], "connected") || both.n != 3 {
		t.Errorf("%d writes: %q", both.n, lines)
	}
}

func TestPlainSkipsWhatTheLogHeld(t *testing.T) {
	var out, errs strings.Builder
	o := Options{Out: Terminal{W: &out}, Err: Terminal{W: &errs}, After: 4}
	for _, v := range []interface {
		Apply(uint64, []vaiven.Entry) error
		Name() string
		Snapshot() ([]byte, error)
	}{NewPlain(o), NewJSON(o)} {
		out.Reset()
		old, fresh := everything(), entries(5, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)})
		if err := v.Apply(5, append(old, fresh...)); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != 1 || errs.Len() != 0 {
			t.Errorf("%T printed %d lines and %q", v, n, errs.String())
		}
		if b, err := v.Snapshot(); v.Name() != "console" || b != nil || err != nil {
			t.Errorf("%T: %q, %q, %v", v, v.Name(), b, err)
		}
	}
}

func TestErrorsStay(t *testing.T) {
	read := entries(1, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)})
	gap := entries(2, &vaiven.Gap{Stamp: stamp(0), Device: "101", From: 1, To: 2})
	for name, v := range map[string]interface {
		Apply(uint64, []vaiven.Entry) error
	}{
		"plain": NewPlain(Options{Out: Terminal{W: broken{}}, Err: Terminal{W: io.Discard}}),
		"tty":   NewPlain(Options{Out: Terminal{W: broken{}, TTY: true}, Err: Terminal{W: io.Discard, TTY: true}}),
		"json":  NewJSON(Options{Out: Terminal{W: broken{}}}),
	} {
		if err := v.Apply(1, append(read, gap...)); !errors.Is(err, errBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Apply(1, read); !errors.Is(err, errBroken) {
			t.Errorf("%s, second time: %v", name, err)
		}
	}
	p := NewPlain(Options{Out: Terminal{W: io.Discard}, Err: Terminal{W: broken{}}})
	if err := p.Apply(1, gap); !errors.Is(err, errBroken) {
		t.Errorf("stderr: %v", err)
	}
}

// A reader that has stopped blocks Apply, and Apply goes on when it reads.
func TestPlainWaitsForItsReader(t *testing.T) {
	r, w := io.Pipe()
	p := NewPlain(Options{Out: Terminal{W: w}, Err: Terminal{W: io.Discard}})
	done := make(chan error)
	go func() {
		done <- p.Apply(1, entries(1, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 1.0)}))
		w.Close()
	}()
	buf := make([]byte, 1)
	if _, err := r.Read(buf); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		t.Fatalf("Apply returned with its line half read: %v", err)
	default:
	}
	go io.Copy(io.Discard, r)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestBuffersStayBounded(t *testing.T) {
	var out, errs writes
	p := NewPlain(Options{Out: Terminal{W: &out}, Err: Terminal{W: &errs}})
	var evs []vaiven.Event
	for i := range 20000 {
		evs = append(evs, &vaiven.Reading{Stamp: stamp(int64(i)), Device: "101", Values: vals("TEMP", float64(i%40))})
	}
	if err := p.Apply(1, entries(1, evs...)); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 20000 || cap(p.out.buf) > 3*maxHeld || out.n > 20 {
		t.Errorf("%d lines in %d writes, buffer of %d", n, out.n, cap(p.out.buf))
	}
	c := newColumns(true, nil)
	for i := range 1000 {
		c.number("N"+strings.Repeat("X", i%16)+string(rune('A'+i%26)), i%40)
	}
	if len(c.numbers) > maxValueNames {
		t.Errorf("%d widths remembered", len(c.numbers))
	}
}

func BenchmarkPlainReading(b *testing.B) {
	p := NewPlain(Options{Out: Terminal{W: io.Discard, TTY: true, Color: true}, Err: Terminal{W: io.Discard}})
	batch := entries(1, &vaiven.Reading{Stamp: stamp(0), Device: "101", Values: vals("TEMP", 24.5, "HUM", 61.0)})
	for b.Loop() {
		_ = p.Apply(1, batch)
	}
}
