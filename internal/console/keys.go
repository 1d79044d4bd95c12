package console

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"vaiven"
)

// KeysOptions are what Keys needs.
type KeysOptions struct {
	Lang   vaiven.Lang
	In     io.Reader // the terminal's input
	Err    Terminal  // help, hints, and why something was not asked
	Roster Roster    // names of the devices' owners, may be nil
	States []string  // the server's own state names; none: LED
	Ask    Ask

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
	o.States = ownStates(o.States)
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
			k.line(ctx, line)
		}
	}
}

// keysHint says in one line how to use the keys, for the banner.
func keysHint(l vaiven.Lang) string {
	return l.Say("Enter switches the board's LED; 101 and Enter chooses board 101; ? and Enter shows more",
		"Enter cambia el LED de la placa; 101 y Enter elige la placa 101; ? y Enter muestra más")
}

// line does what a line asks for.
func (k *Keys) line(ctx context.Context, line string) {
	l := k.o.Lang
	t, err := parseTyped(l, line, k.known)
	switch {
	case err != nil:
		k.refuse(err)
		return
	case t.help:
		k.say(keysHelp(l))
		return
	case t.chooses():
		k.choose(t.device)
		return
	}
	r, err := k.complete(t)
	if err != nil {
		k.refuse(err)
		return
	}
	if err := request(ctx, k.o.Ask, r); err != nil {
		Notice(k.o.Err, l, askFailed(l, &r, err), "")
	}
}

func (k *Keys) known(d vaiven.Device) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.has(d)
}

// has reports whether the device is known, or may be one of those that there
// was no room for.
func (k *Keys) has(d vaiven.Device) bool {
	return k.boards.of[d] != nil || len(k.boards.of) >= maxRows
}

// complete makes a request of what was typed.
func (k *Keys) complete(t typed) (vaiven.ChangeRequest, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := vaiven.ChangeRequest{Device: t.device, States: t.states, Toggle: t.names}
	var err error
	if r.Device == "" {
		r.Device, err = k.meant()
	} else if !k.has(r.Device) {
		err = k.unknown(r.Device)
	}
	if err != nil {
		return r, err
	}
	b := k.boards.get(r.Device)
	if t.toggle && len(r.Toggle)+len(r.States) == 0 {
		r.Toggle = []string{mainState(b.stateNames(k.o.States))}
	}
	return r, checkRequest(k.o.Lang, &r, b, k.o.States)
}

// meant is the device that a line without one is about.
func (k *Keys) meant() (vaiven.Device, error) {
	if k.chosen != "" {
		return k.chosen, nil
	}
	var there []vaiven.Device
	for d, b := range k.boards.of {
		if b.info.Connected {
			there = append(there, d)
		}
	}
	l := k.o.Lang
	switch {
	case len(there) == 1:
		return there[0], nil
	case len(there) > 1:
		slices.Sort(there)
		return "", fmt.Errorf(l.Say("several boards are connected: choose one by its number and Enter (%s)",
			"hay varias placas conectadas: elige una con su número y Enter (%s)"), list(there))
	case k.boards.of[k.latest] != nil:
		return k.latest, nil
	}
	for d := range k.boards.of {
		if len(k.boards.of) == 1 {
			return d, nil
		}
	}
	if len(k.boards.of) > 0 {
		return "", fmt.Errorf(l.Say("choose a board by its number and Enter (%s)", "elige una placa con su número y Enter (%s)"), k.all())
	}
	return "", fmt.Errorf("%s", l.Say("no board has connected yet", "todavía no se ha conectado ninguna placa"))
}

func (k *Keys) unknown(d vaiven.Device) error {
	l := k.o.Lang
	if len(k.boards.of) == 0 {
		return fmt.Errorf(l.Say("no board %s: none has connected yet", "no hay placa %s: todavía no se ha conectado ninguna"), d)
	}
	return fmt.Errorf(l.Say("no board %s has connected; there are %s", "no se ha conectado ninguna placa %s; están %s"), d, k.all())
}

func (k *Keys) all() string {
	var all []vaiven.Device
	for d := range k.boards.of {
		all = append(all, d)
	}
	slices.Sort(all)
	return list(all)
}

// list writes the first few devices.
func list(ds []vaiven.Device) string {
	var b strings.Builder
	for i, d := range ds {
		if i == 8 {
			fmt.Fprintf(&b, ", … %d", len(ds))
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(d))
	}
	return b.String()
}

// choose makes a device the one that lines without one are about.
func (k *Keys) choose(d vaiven.Device) {
	k.mu.Lock()
	if !k.has(d) {
		err := k.unknown(d)
		k.mu.Unlock()
		k.refuse(err)
		return
	}
	k.chosen = d
	b := k.boards.get(d)
	name := k.o.Roster[d]
	if name == "" {
		name = b.title()
	}
	l := k.o.Lang
	text := fmt.Sprintf(l.Say("%s is chosen: Enter switches its %s", "elegida %s: Enter cambia su %s"),
		strings.TrimRight(string(d)+" "+name, " "), mainState(b.stateNames(k.o.States)))
	if len(b.Reported) > 0 {
		text += " (" + states(b.Values()) + ")"
	}
	if !b.info.Connected && b.presenceKnown {
		text += l.Say("; it is not connected", "; no está conectada")
	}
	k.mu.Unlock()
	k.say(text + "\n")
}

func (k *Keys) refuse(err error) {
	Notice(k.o.Err, k.o.Lang, err.Error(), k.o.Lang.Say("? and Enter shows what can be typed", "? y Enter muestra lo que se puede escribir"))
}

// say writes with one call. Its own failure has nowhere to be told.
func (k *Keys) say(text string) { _, _ = io.WriteString(k.o.Err.W, text) }

func keysHelp(l vaiven.Lang) string {
	lines := []string{l.Say("Keys, each with Enter", "Teclas, cada una con Enter")}
	for _, k := range [][2]string{
		{"Enter  t", l.Say("switch the LED of the chosen board", "cambiar el LED de la placa elegida")},
		{"101", l.Say("choose board 101", "elegir la placa 101")},
		{"LED=1  DIM=40", l.Say("ask for a value", "pedir un valor")},
		{"101 LED=0", l.Say("of another board", "de otra placa")},
		{"101 t RELAY", l.Say("turn a state over", "invertir un estado")},
		{"?  h", l.Say("this help", "esta ayuda")},
		{"Ctrl-C", l.Say("end the server", "terminar el servidor")},
	} {
		lines = append(lines, "  "+fit(k[0], 14)+" "+k[1])
	}
	return strings.Join(lines, "\n") + "\n"
}
