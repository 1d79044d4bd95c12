package console

import (
	"errors"
	"strings"
	"testing"
	"time"

	"vaiven"
)

func facts(l vaiven.Lang) Facts {
	return Facts{
		Lang: l, Command: "workshop", Version: "0.1.0",
		Addresses: []string{"192.168.1.20:8080", "10.42.0.1:8080", "raspi.local:8080"}, Secure: []string{"192.168.1.20:8443"}, OwnAuthority: true,
		Zone: "America/Bogota", Offset: bogota, Synced: true,
		Data: "taller-20261122-140300", CSV: "taller-20261122-140300/readings.csv",
		Readings: 50, For: 3 * time.Minute, Interval: 2 * time.Second, Keys: true,
	}
}

func TestBannerGolden(t *testing.T) {
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		var b, alone strings.Builder
		if err := Banner(Terminal{W: &b}, facts(l)); err != nil {
			t.Fatal(err)
		}
		none := Facts{Lang: l, Local: "127.0.0.1:8080", Data: "vaiven-data", CSV: "vaiven-data/readings.csv", Device: "invernadero"}
		if err := Banner(Terminal{W: &alone}, none); err != nil {
			t.Fatal(err)
		}
		encrypted := facts(l) // with --tls-only
		encrypted.Addresses = nil
		if err := Banner(Terminal{W: &alone}, encrypted); err != nil {
			t.Fatal(err)
		}
		text := b.String() + "---\n" + alone.String()
		noEscape(t, text)
		golden(t, "banner-"+string(l)+".golden", text)
	}
	var b strings.Builder
	if err := Banner(Terminal{W: &b, TTY: true, Color: true}, facts(vaiven.English)); err != nil || !strings.Contains(b.String(), "\x1b[1m") {
		t.Errorf("no colour on a terminal: %v", err)
	}
	if err := Banner(Terminal{W: broken{}}, facts(vaiven.English)); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

func TestBannerSaysWhenTheCSVEnds(t *testing.T) {
	for rotate, want := range map[string][2]string{
		"": {"r.csv\n", "r.csv\n"}, "month": {"r.csv  (another each month)\n", "r.csv  (otro cada mes)\n"},
		"day": {"r.csv  (another each day)\n", "r.csv  (otro cada día)\n"}, "rows=1000": {"r.csv  (another after 1000 rows)\n", "r.csv  (otro tras 1000 filas)\n"},
	} {
		for i, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
			var b strings.Builder
			if err := Banner(Terminal{W: &b}, Facts{Lang: l, CSV: "r.csv", Rotate: rotate}); err != nil || !strings.Contains(b.String(), want[i]) {
				t.Errorf("%q: %s, %v", rotate, b.String(), err)
			}
		}
	}
}

func TestSketchDevice(t *testing.T) {
	for id, want := range map[string]string{"101": `:101,`, "007": `:7,`, "000": `:0,`, "abc": `:\"abc\",`, "1234": `:\"1234\",`} {
		if line := SketchLines("h", "1", id)[1]; !strings.Contains(line, want) {
			t.Errorf("%s: %s", id, line)
		}
	}
}

func TestNotices(t *testing.T) {
	var b strings.Builder
	term := Terminal{W: &b}
	Fail(term, vaiven.English, "port 8080 is taken", "try --listen :8081")
	Fail(term, vaiven.Spanish, "el puerto 8080 está ocupado", "pruebe --listen :8081")
	Notice(term, vaiven.Spanish, "el reloj no está sincronizado", "")
	want := "error: port 8080 is taken\n  hint: try --listen :8081\n" +
		"error: el puerto 8080 está ocupado\n  pista: pruebe --listen :8081\n" +
		"aviso: el reloj no está sincronizado\n"
	if b.String() != want {
		t.Errorf("got %q", b.String())
	}
	b.Reset()
	Fail(Terminal{W: &b, TTY: true, Color: true}, vaiven.English, "x", "")
	if b.String() != "\x1b[31merror:\x1b[0m x\n" {
		t.Errorf("got %q", b.String())
	}
}

func TestProgress(t *testing.T) {
	c := &manual{time.UnixMilli(start)}
	var out writes
	p := NewProgress(Terminal{W: &out, TTY: true, Redraw: true, Width: 100}, vaiven.English, "replay", 1000, c.now)
	for n := range uint64(1000) {
		p.Set(n)
		c.t = c.t.Add(2 * time.Millisecond)
	}
	if out.n < 15 || out.n > 21 {
		t.Errorf("%d drawings in two seconds", out.n)
	}
	p.Done()
	p.Done()
	p.Set(5)
	noEscape(t, strings.ReplaceAll(out.String(), "\r", "\n"))
	golden(t, "progress.golden", strings.ReplaceAll(out.String(), "\r", "\n"))

	for _, quiet := range []Terminal{{W: broken{}}, {W: broken{}, TTY: true}} {
		out.n = 0
		quiet.W = &out
		p := NewProgress(quiet, vaiven.English, "replay", 10, nil)
		p.Set(5)
		p.Done()
		if out.n != 0 {
			t.Errorf("%+v drew", quiet)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-1: "0 ms", 250 * time.Millisecond: "250 ms", 2 * time.Second: "2 s", 2500 * time.Millisecond: "2.5 s",
		3 * time.Minute: "3 min", 98 * time.Second: "1 min 38 s", 125 * time.Minute: "2 h 5 min", 50 * time.Hour: "2 d 2 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
