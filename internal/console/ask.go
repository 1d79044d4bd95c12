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

// Ask asks for a change; it returns when that is in the log, or with an error in
// words for a person. What becomes of the change comes as events. It is called by
// one goroutine at a time, and must return when ctx is over.
type Ask func(ctx context.Context, r vaiven.ChangeRequest) error

// askWithin is how long a person waits for a change to be taken.
const askWithin = 5 * time.Second

// request hands a request on; it takes at most askWithin if ask keeps to its promise.
func request(ctx context.Context, ask Ask, r vaiven.ChangeRequest) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return ask(ctx, r)
}

// checkRequest looks whether the device has the states that are asked for: the twin
// would take any name, and a slip of the keyboard would wait for ever. The error is
// in words.
func checkRequest(l vaiven.Lang, r *vaiven.ChangeRequest, b *board, own []string) error {
	have := b.stateNames(own)
	if n, unknown := r.Unknown(have); unknown {
		return fmt.Errorf(l.Say("%s has no state %s; it has %s", "%s no tiene el estado %s; tiene %s"),
			r.Device, n, strings.Join(have[:min(len(have), 8)], ", "))
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
func askFailed(l vaiven.Lang, r *vaiven.ChangeRequest, err error) string {
	what := strings.TrimSpace(states(r.States) + " " + strings.Join(r.Toggle, " "))
	var refused *vaiven.Error
	why := clean(err.Error(), maxText)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &refused) && refused.Code == vaiven.CodeBusy:
		why = l.Say("the log takes nothing at the moment; try again", "el registro no recibe nada en este momento; inténtalo otra vez")
	case errors.Is(err, context.Canceled):
		why = l.Say("the server is ending", "el servidor está terminando")
	}
	return fmt.Sprintf(l.Say("%s of %s was not asked: %s", "no se pidió %s de %s: %s"), what, r.Device, why)
}
