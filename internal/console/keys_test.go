package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"vaiven"
)

// heard collects what Keys asked for and what it said.
type heard struct {
	mu    sync.Mutex
	text  strings.Builder
	asked []string
	fail  error
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) ask(_ context.Context, r vaiven.ChangeRequest) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, fmt.Sprintf("%s %s t:%s", r.Device, states(r.States), strings.Join(r.Toggle, ",")))
	return h.fail
}

// take returns and forgets what was asked and said.
func (h *heard) take() (asked, said string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked, said = strings.Join(h.asked, "|"), h.text.String()
	h.asked = nil
	h.text.Reset()
	return asked, said
}

func testKeys(l vaiven.Lang, in io.Reader) (*Keys, *heard) {
	h := &heard{}
	return NewKeys(KeysOptions{Lang: l, In: in, Err: Terminal{W: h}, Roster: names, RequestChange: h.ask}), h
}

func come(d vaiven.Device) vaiven.Event {
	return &vaiven.Presence{Stamp: stamp(0), Device: d, Connected: true, Remote: "10.0.0.1:1"}
}

func gone(d vaiven.Device) vaiven.Event { return &vaiven.Presence{Stamp: stamp(1), Device: d} }

func TestKeysLines(t *testing.T) {
	k, h := testKeys("es", nil)
	const hint = "\n  pista: ? y Enter muestra lo que se puede escribir\n"
	n := uint64(0)
	for _, step := range []struct {
		evs         []vaiven.Event
		line        string
		asked, said string
	}{
		{nil, "", "", "aviso: todavía no se ha conectado ninguna placa" + hint},
		{nil, "101", "", "aviso: no hay placa 101: todavía no se ha conectado ninguna" + hint},
		{[]vaiven.Event{come("102")}, "", "102  t:LED", ""},
		{nil, "t", "102  t:LED", ""},
		{[]vaiven.Event{come("101"), come("103")}, "t", "", "aviso: hay varias placas conectadas: elige una con su número y Enter (101, 102, 103)" + hint},
		{nil, "103 LED=1", "103 LED=1 t:", ""},
		{nil, "t 101", "101  t:LED", ""},
		{[]vaiven.Event{gone("102"), gone("101")}, "", "103  t:LED", ""},
		{[]vaiven.Event{gone("103")}, "", "103  t:LED", ""},
		{nil, "101", "", "elegida 101 Ana Gómez: Enter cambia su LED; no está conectada\n"},
		{nil, "", "101  t:LED", ""},
		{nil, "LED=1 DIM=40", "", "aviso: 101 no tiene el estado DIM; tiene LED" + hint},
		{[]vaiven.Event{&vaiven.Hello{Stamp: stamp(2), Device: "101", States: vals("LED", 1.0), Names: []string{"DIM"}}}, "LED=1 DIM=40", "101 LED=1 DIM=40 t:", ""},
		{nil, "t dim", "101  t:DIM", ""},
		{[]vaiven.Event{come("101")}, "101", "", "elegida 101 Ana Gómez: Enter cambia su LED (LED=1)\n"},
		{nil, "104 t", "", "aviso: no se ha conectado ninguna placa 104; están 101, 102, 103" + hint},
		{nil, "104", "", "aviso: no se ha conectado ninguna placa 104; están 101, 102, 103" + hint},
		{nil, "hola", "", `aviso: "hola" no es una placa ni una tecla` + hint},
		{nil, "\x1b[A", "", "aviso: \"\ufffd[A\" no es una placa ni una tecla" + hint},
		{[]vaiven.Event{&vaiven.Forgotten{Stamp: stamp(3), Device: "101"}}, "101", "", "aviso: no se ha conectado ninguna placa 101; están 102, 103" + hint},
		{nil, "", "", "aviso: elige una placa con su número y Enter (102, 103)" + hint},
		{[]vaiven.Event{come("102"), gone("102")}, "", "102  t:LED", ""},
		{[]vaiven.Event{&vaiven.Forgotten{Stamp: stamp(3), Device: "103"}, &vaiven.Described{Stamp: stamp(4), Device: "102", Name: "Mesa\x1b[2J 2"}}, "102", "", "elegida 102 Luis: Enter cambia su LED; no está conectada\n"},
	} {
		n++
		_ = k.Apply(n, entries(n, step.evs...))
		k.runLine(t.Context(), step.line)
		if asked, said := h.take(); asked != step.asked || said != step.said {
			t.Errorf("%q: asked %q, said %q; want %q, %q", step.line, asked, said, step.asked, step.said)
		}
	}
	if b, err := k.Snapshot(); k.Name() != "keys" || b != nil || err != nil {
		t.Error("view")
	}
}

func TestKeysFailures(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want string
	}{
		{errors.New("no \x1b[2Jway"), "notice: LED=1 of 101 was not asked: no \ufffd[2Jway\n"},
		{&vaiven.Error{Code: vaiven.CodeBusy, At: -1}, "notice: LED=1 of 101 was not asked: the log takes nothing at the moment; try again\n"},
		{fmt.Errorf("ask: %w", context.DeadlineExceeded), "notice: LED=1 of 101 was not asked: the log takes nothing at the moment; try again\n"},
		{context.Canceled, "notice: LED=1 of 101 was not asked: the server is ending\n"},
	} {
		k, h := testKeys("en", nil)
		h.fail = tt.err
		k.Seed(3, []Known{{Info: vaiven.DeviceInfo{ID: "101"}}})
		k.runLine(t.Context(), "LED=1")
		if _, said := h.take(); said != tt.want {
			t.Errorf("%q", said)
		}
	}
}

func TestKeysSeed(t *testing.T) {
	k, h := testKeys("en", nil)
	k.Seed(3, []Known{
		{Info: vaiven.DeviceInfo{ID: "101", Since: 5}}, {Info: vaiven.DeviceInfo{ID: "102", Since: 9, Declared: []string{"RELAY"}}},
		{Info: vaiven.DeviceInfo{ID: "103", Since: 7}},
	})
	_ = k.Apply(3, entries(3, come("103"))) // known already
	k.runLine(t.Context(), "t relay")
	k.o.States = []string{"RELAY"} // a server without LEDs
	k.runLine(t.Context(), "")
	if asked, said := h.take(); asked != "102  t:RELAY|102  t:RELAY" || said != "" {
		t.Errorf("%q, %q", asked, said)
	}
	k.Seed(4, []Known{{Info: vaiven.DeviceInfo{ID: "101", Since: 5}}})
	k.latest = ""
	k.runLine(t.Context(), "t")
	if asked, said := h.take(); asked != "101  t:RELAY" || said != "" {
		t.Errorf("%q, %q", asked, said)
	}
	k.Seed(5, []Known{{Info: vaiven.DeviceInfo{ID: "101", Since: 5}}, {Info: vaiven.DeviceInfo{ID: "102"}}})
	k.latest = ""
	k.runLine(t.Context(), "t")
	if asked, said := h.take(); asked != "" || !strings.HasPrefix(said, "notice: choose a board by its number and Enter (101, 102)") {
		t.Errorf("%q, %q", asked, said)
	}
}

func TestKeysHelpGolden(t *testing.T) {
	for _, l := range []vaiven.Lang{vaiven.English, vaiven.Spanish} {
		k, h := testKeys(l, nil)
		k.runLine(t.Context(), "?")
		_, said := h.take()
		noEscape(t, said)
		for line := range strings.Lines(said) {
			if width(line) > 60 {
				t.Errorf("%d columns: %q", width(line), line)
			}
		}
		golden(t, "keys-help-"+string(l)+".golden", said)
	}
}

func run(ctx context.Context, k *Keys) <-chan error {
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	return done
}

func waitAsked(t *testing.T, h *heard, want string) {
	t.Helper()
	until(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return strings.Join(h.asked, "|") == want
	})
}

// A read of a pipe or a terminal ends with ctx, and nothing is left behind
// (goleak).
func TestKeysEndWithTheirContext(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	k, h := testKeys("en", r)
	_ = k.Apply(1, entries(1, come("101")))
	ctx, cancel := context.WithCancel(t.Context())
	done := run(ctx, k)
	if _, err := w.WriteString("\r\nLED=1\n" + strings.Repeat("x", 5000) + "\nLED"); err != nil {
		t.Fatal(err)
	}
	waitAsked(t, h, "101  t:LED|101 LED=1 t:")
	until(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return strings.Contains(h.text.String(), "too long for a line")
	})
	if _, err := w.WriteString("=0\n"); err != nil {
		t.Fatal(err)
	}
	waitAsked(t, h, "101  t:LED|101 LED=1 t:|101 LED=0 t:")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A reader that is not a file cannot be interrupted: Run returns all the same,
// and its goroutine ends when the reader does.
func TestKeysDoNotWaitForAStuckReader(t *testing.T) {
	r, w := io.Pipe()
	k, _ := testKeys("en", r)
	ctx, cancel := context.WithCancel(t.Context())
	done := run(ctx, k)
	if _, err := io.WriteString(w, "?\n"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.Close()
}

func TestKeysInputEnds(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "lines")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.WriteString("LED=1\nLED=0"); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	for _, in := range []io.Reader{strings.NewReader("LED=1\nLED=0"), file} {
		k, h := testKeys("en", in)
		_ = k.Apply(1, entries(1, come("101")))
		if err := k.Run(t.Context()); err != nil {
			t.Errorf("%T: %v", in, err)
		}
		if asked, _ := h.take(); asked != "101 LED=1 t:" { // half a line is none
			t.Errorf("%T: %q", in, asked)
		}
	}
	k, _ := testKeys("en", io.MultiReader(strings.NewReader("\n"), brokenReader{}))
	if err := k.Run(t.Context()); !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errBroken }

// A line that waits for Ask does not hold up the end.
func TestKeysEndWhileAsking(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	asking := make(chan struct{})
	k, _ := testKeys("en", r)
	k.o.RequestChange = func(ctx context.Context, _ vaiven.ChangeRequest) error {
		close(asking)
		<-ctx.Done()
		return ctx.Err()
	}
	_ = k.Apply(1, entries(1, come("101")))
	ctx, cancel := context.WithCancel(t.Context())
	done := run(ctx, k)
	if _, err := w.WriteString("t\nt\nt\n"); err != nil {
		t.Fatal(err)
	}
	<-asking
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestForeground(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	if !foreground(r) {
		t.Error("a pipe has no background")
	}
}
