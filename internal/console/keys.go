package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muesli/cancelreader"

	"vaiven"
)

// KeysOptions are what Keys needs.
type KeysOptions struct {
	Lang   vaiven.Lang
	In     io.Reader // the terminal's input
	Err    Terminal  // help, hints, and why a change was not requested
	Roster Roster    // names of the devices' owners, may be nil
	States []string  // the server's own state names; none: LED

	RequestChange RequestChange
	Waiting       func() []vaiven.Waiting // boards that wait to be let in, longest first; nil: none
	Approve       Approve                 // lets one of them in; nil: the key for that does nothing

	// After is the last record that the log held when the server started;
	// see Seed.
	After uint64
}

// Keys are the keys of the line mode: a person types a line, and a state of a
// board changes. It is a view too, so that it knows which boards there are and
// what they have; Apply may be used beside Run.
//
//	Enter  t          turn over the LED of the chosen board
//	101               choose a board
//	LED=1  101 DIM=40 ask for values
//	101 t RELAY       turn over another state
//	a                 let the board in that waits longest
//	?                 help
//
// With none chosen, the only connected board is meant, or when none is
// connected the one that was there last; of several connected boards one must
// be chosen.
type Keys struct {
	o KeysOptions

	mu     sync.Mutex
	boards boards
	chosen vaiven.Device
	latest vaiven.Device // the last one that connected
}

// NewKeys returns the keys; nothing is read before Run.
func NewKeys(o KeysOptions) *Keys {
	o.States = defaultStates(o.States)
	return &Keys{o: o, boards: newBoards(o.After)}
}

// Name is "keys".
func (k *Keys) Name() string { return "keys" }

// Snapshot is empty: Seed asks others.
func (k *Keys) Snapshot() ([]byte, error) { return nil, nil }

// Apply follows the boards; it never waits.
func (k *Keys) Apply(_ uint64, entries []vaiven.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, en := range entries {
		if en.ID.Record <= k.boards.after {
			continue
		}
		k.boards.apply(en)
		switch e := en.Event.(type) {
		case *vaiven.Presence:
			if e.Connected && !e.Silent {
				k.latest = e.Device
			}
		case *vaiven.Forgotten:
			if k.chosen == e.Device {
				k.chosen = ""
			}
		}
	}
	return nil
}

// Seed tells which boards were known at the record after. Call it before Apply.
func (k *Keys) Seed(after uint64, known []Known) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.boards.seed(after, known)
	last := int64(-1)
	for _, d := range known {
		if d.Info.Since > last {
			k.latest, last = d.Info.ID, d.Info.Since
		}
	}
}

// Run reads lines until ctx is over or the input ends (both nil: the end of the
// input is no reason to stop a server), or cannot be read.
//
// A read of a terminal is interrupted when ctx ends, where the system can do
// that: Linux, macOS and the BSDs. Elsewhere, and for a reader that is not a
// file, one goroutine stays in its read until the next line or the end of the
// input; it holds nothing that matters, and Run does not wait for it. While the
// program is in the background of its shell nothing is read, so that the shell
// neither stops it nor loses what is typed.
func (k *Keys) Run(ctx context.Context) error {
	in := readLines(k.o.In)
	defer in.close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-in.lines:
			if !ok {
				return in.err
			}
			if ctx.Err() != nil {
				return nil // what was typed ahead is not for a server that ends
			}
			k.runLine(ctx, line)
		}
	}
}

// runLine does what a line says.
func (k *Keys) runLine(ctx context.Context, line string) {
	l := k.o.Lang
	k.mu.Lock()
	c, err := parseCommand(l, line, k.has)
	var answer string
	var r vaiven.ChangeRequest
	switch {
	case err != nil:
	case c.help:
		answer = keysHelp(l)
	case c.approve:
	case c.choosesDevice():
		answer, err = k.choose(c.device)
	default:
		d := c.device
		if d == "" {
			d, err = k.defaultDevice()
		} else if !k.has(d) {
			err = k.notConnected(d)
		}
		if err == nil {
			b := k.boards.get(d)
			r, err = c.changeRequest(l, d, b, k.o.States, mainState(b.stateNames(k.o.States)))
		}
	}
	k.mu.Unlock() // no I/O while holding it
	switch {
	case err != nil:
		Notice(k.o.Err, l, err.Error(), l.Say("? and Enter shows what can be typed", "? y Enter muestra lo que se puede escribir"))
	case c.approve:
		if text, why := k.o.Approve.first(ctx, l, k.o.Waiting); why != "" {
			Notice(k.o.Err, l, why, "")
		} else {
			_, _ = io.WriteString(k.o.Err.W, text+"\n")
		}
	case answer != "":
		_, _ = io.WriteString(k.o.Err.W, answer) // its own failure has nowhere to be told
	default:
		if why := k.o.RequestChange.submit(ctx, l, &r); why != "" {
			Notice(k.o.Err, l, why, "")
		}
	}
}

// has reports whether the device is known, or may be one of those that there
// was no room for.
func (k *Keys) has(d vaiven.Device) bool {
	return k.boards.of[d] != nil || len(k.boards.of) >= maxRows
}

// defaultDevice is the device that a line without one is about.
func (k *Keys) defaultDevice() (vaiven.Device, error) {
	if k.chosen != "" {
		return k.chosen, nil
	}
	l := k.o.Lang
	var all, connected []vaiven.Device
	for d, b := range k.boards.of {
		all = append(all, d)
		if b.info.Connected {
			connected = append(connected, d)
		}
	}
	switch {
	case len(connected) == 1:
		return connected[0], nil
	case len(connected) > 1:
		return "", fmt.Errorf(l.Say("several boards are connected: choose one by its number and Enter (%s)",
			"hay varias placas conectadas: elige una con su número y Enter (%s)"), joinDevices(connected))
	case k.boards.of[k.latest] != nil:
		return k.latest, nil
	case len(all) == 1:
		return all[0], nil
	case len(all) > 0:
		return "", fmt.Errorf(l.Say("choose a board by its number and Enter (%s)", "elige una placa con su número y Enter (%s)"), joinDevices(all))
	}
	return "", errors.New(l.Say("no board has connected yet", "todavía no se ha conectado ninguna placa"))
}

func (k *Keys) notConnected(d vaiven.Device) error {
	l := k.o.Lang
	if len(k.boards.of) == 0 {
		return fmt.Errorf(l.Say("no board %s: none has connected yet", "no hay placa %s: todavía no se ha conectado ninguna"), d)
	}
	return fmt.Errorf(l.Say("no board %s has connected; there are %s", "no se ha conectado ninguna placa %s; están %s"),
		d, joinDevices(slices.Collect(maps.Keys(k.boards.of))))
}

// joinDevices writes the first few devices.
func joinDevices(ds []vaiven.Device) string {
	slices.Sort(ds)
	var words []string
	for _, d := range ds[:min(len(ds), 8)] {
		words = append(words, string(d))
	}
	if len(ds) > 8 {
		words = append(words, fmt.Sprintf("… %d", len(ds)))
	}
	return strings.Join(words, ", ")
}

// choose makes a device the one that lines without one are about, and says so.
func (k *Keys) choose(d vaiven.Device) (string, error) {
	if !k.has(d) {
		return "", k.notConnected(d)
	}
	k.chosen = d
	l, b := k.o.Lang, k.boards.get(d)
	text := fmt.Sprintf(l.Say("%s is chosen: Enter switches its %s", "elegida %s: Enter cambia su %s"),
		strings.TrimRight(string(d)+" "+k.o.Roster.title(d, b), " "), mainState(b.stateNames(k.o.States)))
	if len(b.Reported) > 0 {
		text += " (" + states(b.Values()) + ")"
	}
	if !b.info.Connected && b.presenceKnown {
		text += l.Say("; it is not connected", "; no está conectada")
	}
	return text + "\n", nil
}

// keysHint says in one line how to use the keys, for the banner.
func keysHint(l vaiven.Lang) string {
	return l.Say("Enter switches the board's LED; 101 and Enter chooses board 101; ? and Enter shows more",
		"Enter cambia el LED de la placa; 101 y Enter elige la placa 101; ? y Enter muestra más")
}

func keysHelp(l vaiven.Lang) string {
	text := l.Say("Keys, each with Enter", "Teclas, cada una con Enter") + "\n"
	for _, k := range [][2]string{
		{"Enter  t", l.Say("switch the LED of the chosen board", "cambiar el LED de la placa elegida")},
		{"101", l.Say("choose board 101", "elegir la placa 101")},
		{"LED=1  DIM=40", l.Say("ask for a value", "pedir un valor")},
		{"101 LED=0", l.Say("of another board", "de otra placa")},
		{"101 t RELAY", l.Say("turn a state over", "invertir un estado")},
		{"a", l.Say("let the board in that waits longest", "admitir la placa que espera hace más")},
		{"?  h", l.Say("this help", "esta ayuda")},
		{"Ctrl-C", l.Say("end the server", "terminar el servidor")},
	} {
		text += "  " + fit(k[0], 14) + " " + k[1] + "\n"
	}
	return text
}

// lineReader reads lines in a goroutine of its own, so that whoever takes them
// can wait for something else too. A line that nobody takes holds up the next.
type lineReader struct {
	lines chan string // closed at the end of the input, after err is set
	err   error       // nil at the end of the input

	r      io.Reader
	cancel cancelreader.CancelReader // nil when a read cannot be interrupted
	done   chan struct{}
	ended  chan struct{}
}

func readLines(in io.Reader) *lineReader {
	r := &lineReader{lines: make(chan string), done: make(chan struct{}), ended: make(chan struct{}), r: in}
	// On Windows the library takes the console out of its line mode.
	if f, ok := in.(*os.File); ok && runtime.GOOS != "windows" {
		// What cannot be polled (a regular file) does not block either.
		if c, err := cancelreader.NewReader(foregroundReader{f}); err == nil {
			r.r, r.cancel = c, c
		}
	}
	go r.run()
	return r
}

// close ends the goroutine, or leaves it to its read when that cannot be
// interrupted.
func (r *lineReader) close() {
	close(r.done)
	if r.cancel == nil || !r.cancel.Cancel() {
		return
	}
	late := time.NewTimer(leaveWithin)
	defer late.Stop()
	select {
	case <-r.ended:
		_ = r.cancel.Close()
	case <-late.C: // somebody else took what there was to read
	}
}

func (r *lineReader) run() {
	defer close(r.ended)
	defer close(r.lines)
	var held []byte
	buf := make([]byte, 256)
	for {
		n, err := r.r.Read(buf)
		for _, c := range buf[:max(n, 0)] {
			switch {
			case c == '\n':
				select {
				case r.lines <- string(bytes.TrimRight(held, "\r")):
				case <-r.done:
					return
				}
				held = held[:0]
			case len(held) <= maxCommand: // one more byte tells that it is too long
				held = append(held, c)
			}
		}
		switch {
		case errors.Is(err, errBackground):
			select {
			case <-time.After(foregroundCheck):
			case <-r.done:
				return
			}
		case errors.Is(err, io.EOF), errors.Is(err, cancelreader.ErrCanceled):
			return
		case err != nil:
			r.err = fmt.Errorf("read keys: %w", err)
			return
		}
	}
}

// foregroundCheck is how often a program in the background looks whether it is in
// front again.
const foregroundCheck = time.Second

// errBackground: what is typed is for somebody else.
var errBackground = errors.New("in the background")

// foregroundReader reads a terminal only while the program is in front: the system stops
// one that reads from the background (POSIX, SIGTTIN).
type foregroundReader struct{ *os.File }

func (p foregroundReader) Read(b []byte) (int, error) {
	if !foreground(p.File) {
		return 0, errBackground
	}
	return p.File.Read(b)
}
