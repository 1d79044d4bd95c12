package console

import (
	"context"
	"errors"
	"fmt"

	"vaiven"
)

// Approve lets a board in that waits, and returns once that is in the log. It is called
// by one goroutine at a time.
type Approve func(ctx context.Context, w vaiven.Waiting) error

// first lets in whoever waits longest, and returns what was done, or why it was not.
func (f Approve) first(ctx context.Context, l vaiven.Lang, waiting func() []vaiven.Waiting) (done, why string) {
	var list []vaiven.Waiting
	if waiting != nil {
		list = waiting()
	}
	if f == nil || len(list) == 0 {
		return "", l.Say("no board waits to be let in", "ninguna placa espera a ser admitida")
	}
	return f.admit(ctx, l, list[0])
}

// admit lets one in.
func (f Approve) admit(ctx context.Context, l vaiven.Lang, w vaiven.Waiting) (done, why string) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	switch err := f(ctx, w); {
	case errors.Is(err, context.DeadlineExceeded):
		return "", l.Say("the log takes nothing at the moment; try again", "el registro no recibe nada en este momento; inténtalo otra vez")
	case err != nil:
		return "", clean(err.Error(), maxText)
	}
	text := l.Say("%s at %s is let in", "%s en %s queda admitida")
	if !w.Hello {
		text += l.Say(", unverified: it cannot hold a token", ", sin verificar: no puede guardar una clave")
	}
	return fmt.Sprintf(text, clean(string(w.Device), maxRemote), clean(w.Remote, maxRemote)), ""
}

// waits says in a line who waits, "" for nobody.
func waits(l vaiven.Lang, list []vaiven.Waiting) string {
	if len(list) == 0 {
		return ""
	}
	w := list[0]
	text := fmt.Sprintf(l.Say("%s at %s waits: a lets it in", "%s en %s espera: a la admite"), clean(string(w.Device), maxRemote), clean(w.Remote, maxRemote))
	if n := len(list) - 1; n > 0 {
		text += fmt.Sprintf(l.Say(" (and %d more)", " (y %d más)"), n)
	}
	return text
}

// trustedWord is trustWord's counterpart, where each board has a word.
func trustedWord(l vaiven.Lang, t vaiven.Trust) string {
	if t == vaiven.TrustVerified {
		return l.Say("verified", "verificada")
	}
	return clean(string(t), maxRemote) // a later server's
}

// trustWord marks a board that is not verified, in every listing; "" for one that is, or
// of which nothing is said.
func trustWord(l vaiven.Lang, t vaiven.Trust) string {
	switch t {
	case vaiven.TrustUnverified:
		return l.Say("unverified", "sin verificar")
	case vaiven.TrustUnapproved:
		return l.Say("not approved", "sin aprobar")
	}
	return ""
}
