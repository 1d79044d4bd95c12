package console

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// Ask asks for states of a device, and for others to be turned over; it returns
// when the change is in the log, or with an error in words for a person. What
// becomes of the change comes as events. It is called by one goroutine at a
// time, and must return when ctx is over.
type Ask func(ctx context.Context, d vaiven.Device, states []vaiven.Value, toggle []string) error

// askWithin is how long a person waits for a change to be taken.
const askWithin = 5 * time.Second

// wish is what a person asks for with keys.
type wish struct {
	device vaiven.Device
	states []vaiven.Value
	toggle []string
}

// ask hands a wish on; it takes at most askWithin if do keeps to its promise.
func (w wish) ask(ctx context.Context, do Ask) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return do(ctx, w.device, w.states, w.toggle)
}

// what is the wish in words: LED=1, or LED for a toggle.
func (w wish) what() string {
	return strings.TrimSpace(states(w.states) + " " + strings.Join(w.toggle, " "))
}

// check looks whether the device has the states that are asked for: the twin
// would take any name, and a slip of the keyboard would wait for ever. The
// error is in words.
func (w wish) check(l vaiven.Lang, lf *life, own []string) error {
	have := lf.stateNames(own)
	names := slices.Clone(w.toggle)
	for _, v := range w.states {
		names = append(names, v.Name)
	}
	for _, n := range names {
		if !slices.Contains(have, n) {
			return fmt.Errorf(l.Say("%s has no state %s; it has %s", "%s no tiene el estado %s; tiene %s"),
				w.device, n, strings.Join(have[:min(len(have), 8)], ", "))
		}
	}
	return nil
}

// ownStates are the states that every board may have: those of the server, LED
// if it says nothing.
func ownStates(names []string) []string {
	if len(names) == 0 {
		return []string{"LED"}
	}
	return names
}

// mainState is the state that is meant when none is named: LED, or the first.
func mainState(names []string) string {
	if len(names) == 0 || slices.Contains(names, "LED") {
		return "LED"
	}
	return names[0]
}

// askFailed puts into words why a change was not taken.
func askFailed(l vaiven.Lang, w wish, err error) string {
	var refused *vaiven.Error
	why := clean(err.Error(), maxText)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &refused) && refused.Code == vaiven.CodeBusy:
		why = l.Say("the log takes nothing at the moment; try again", "el registro no recibe nada en este momento; inténtalo otra vez")
	case errors.Is(err, context.Canceled):
		why = l.Say("the server is ending", "el servidor está terminando")
	}
	return fmt.Sprintf(l.Say("%s of %s was not asked: %s", "no se pidió %s de %s: %s"), w.what(), w.device, why)
}
