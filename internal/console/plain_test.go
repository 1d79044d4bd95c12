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

// full takes so many bytes, and then none: a full disk behind stdout.
type full struct {
	strings.Builder
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room)
	f.room -= n
	f.Builder.Write(p[:n])
	if n < len(p) {
		return n, errBroken
	}
	return n, nil
}

// The pump gives a record again until it succeeds; each line is printed once,
// wherever the first attempt broke off.
func TestRecordPrintsOnce(t *testing.T) {
	var evs []vaiven.Event
	for i := range 2000 {
		evs = append(evs, &vaiven.Reading{Stamp: stamp(int64(i)), Device: "101", Values: vals("TEMP", 1.0)},
			&vaiven.Gap{Stamp: stamp(int64(i)), Device: "101", From: 1, To: 2})
	}
	type view interface {
		Apply(uint64, []vaiven.Entry) error
	}
	for name, make := range map[string]func(out, errs io.Writer) view{
		"plain": func(out, errs io.Writer) view {
			return NewPlain(Options{Out: Terminal{W: out}, Err: Terminal{W: errs}})
		},
		"tty": func(out, errs io.Writer) view {
			return NewPlain(Options{Out: Terminal{W: out, TTY: true}, Err: Terminal{W: errs, TTY: true}})
		},
		"json": func(out, errs io.Writer) view { return NewJSON(Options{Out: Terminal{W: out}}) },
	} {
		want, wantErrs := &full{room: 1 << 30}, &full{room: 1 << 30}
		if err := make(want, wantErrs).Apply(1, entries(1, evs...)); err != nil {
			t.Fatal(err)
		}
		for _, room := range []int{0, 1, 70, 30000, 66000, 80000} {
			out, errs := &full{room: room}, &full{room: room / 2}
			v := make(out, errs)
			for range 3 {
				if err := v.Apply(1, entries(1, evs...)); !errors.Is(err, errBroken) {
					t.Fatalf("%s, room for %d: %v", name, room, err)
				}
			}
			out.room, errs.room = 1<<30, 1<<30
			for pos := range uint64(2) { // the next record counts again
				if err := v.Apply(1+pos, entries(1, evs...)); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != want.String()+want.String() || errs.String() != wantErrs.String()+wantErrs.String() {
				t.Errorf("%s, room for %d: lines are missing, or there twice", name, room)
			}
		}
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
	if n := strings.Count(out.String(), "\n"); n != 20000 || cap(p.out.buf) > 3*maxBuffered || out.n > 20 {
		t.Errorf("%d lines in %d writes, buffer of %d", n, out.n, cap(p.out.buf))
	}
	c := newColumns(true, nil)
	for i := range 1000 {
		c.padNumber("N"+strings.Repeat("X", i%16)+string(rune('A'+i%26)), i%40)
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
