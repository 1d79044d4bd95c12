package console

import (
	"fmt"
	"strings"
	"time"

	"vaiven"
)

// describeChange says what is asked, by whom, and whether it must wait.
func describeChange(l vaiven.Lang, b *board, e *vaiven.Change) (string, mark) {
	what := changeText(l, b, e)
	if e.By == vaiven.ByBoard {
		return what + l.Say(": somebody switched it at the board", ": alguien lo cambió en la placa"), markInfo
	}
	text := what + l.Say(" asked by ", " pedido por ") + by(l, e.By)
	if e.Deadline > 0 {
		text += l.Say(", no later than ", ", a más tardar a las ") + clock(e.Deadline, e.Offset)
	}
	if wait := waits(l, b, e.At, e.Offset); wait != "" {
		return text + "; " + wait, markWarn
	}
	return text, markInfo
}

// changeText writes LED=1 RELAY=0; a toggle of which nothing is known stays one.
func changeText(l vaiven.Lang, b *board, e *vaiven.Change) string {
	values, turn := b.Resolve(e)
	text := states(values)
	if len(turn) > 0 {
		text = strings.TrimLeft(text+" ", " ") + l.Say("toggle ", "invertir ") + strings.Join(turn, " ")
	}
	if text == "" {
		return l.Say("a change", "un cambio")
	}
	return text
}

// by puts who asked into the language; names and addresses stay as they are.
func by(l vaiven.Lang, who string) string {
	who = clean(who, maxRemote)
	if who == "" {
		return l.Say("somebody", "alguien")
	}
	kind, rest, _ := strings.Cut(who, " ")
	switch kind {
	case "button":
		kind = l.Say("button", "el botón")
	case "terminal":
		kind = l.Say("the terminal", "la terminal")
	case "api":
		kind = l.Say("the API", "la API")
	}
	return strings.TrimRight(kind+" "+rest, " ")
}

// waits says why a change cannot go out now, "" when it can or when that is not
// known.
func waits(l vaiven.Lang, b *board, now int64, offset int32) string {
	status, _, until := b.info.Status(now)
	switch {
	case b.info.Connected || !b.presenceKnown:
		return ""
	case status == vaiven.StatusAsleep:
		return l.Say("waits: the board is asleep until ", "espera: la placa duerme hasta las ") + clock(until, offset)
	}
	return l.Say("waits: the board is not connected", "espera: la placa no está conectada")
}

func describeSent(l vaiven.Lang, b *board, e *vaiven.Sent) string {
	text := l.Say("sent to the board", "enviado a la placa")
	if b.cannotReport() {
		text = l.Say("sent (this board does not report)", "enviado (esta placa no informa)")
	}
	p := b.Unended(e.Key)
	if p == nil {
		return text
	}
	return strings.TrimLeft(states(p.States)+" ", " ") + text
}

// describeChangeEnd says how a change ended and what to do about it. ok is
// false for the end of a local change: its beginning said all of it.
func describeChangeEnd(l vaiven.Lang, e *vaiven.ChangeEnd) (text string, m mark, ok bool) {
	what := states(e.States)
	if what == "" {
		what = l.Say("a change", "un cambio")
	}
	switch e.Outcome {
	case vaiven.Confirmed:
		if e.By == vaiven.ByBoard {
			return "", markInfo, false
		}
		text, m = what+l.Say(" confirmed by the board", " confirmado por la placa"), markGood
		if e.Asked > 0 {
			text += l.Say(" in ", " en ") + span(time.Duration(e.Took())*time.Millisecond)
		}
	case vaiven.Expired:
		text, m = what+l.Say(" expired: the board did not confirm it in time, and it is not asked for any more",
			" venció: la placa no lo confirmó a tiempo, y ya no se pide"), markBad
	case vaiven.Refused:
		text, m = what+l.Say(" refused: ", " rechazado: ")+refusedWhy(l, e.Reason), markBad
	case vaiven.Overtaken:
		text, m = what+l.Say(" overtaken by a later change", " reemplazado por un cambio posterior"), markInfo
	default:
		text, m = what+" "+clean(string(e.Outcome), maxRemote), markWarn
	}
	return text, m, true
}

func refusedWhy(l vaiven.Lang, reason string) string {
	switch reason {
	case vaiven.RefusedRev:
		return l.Say("somebody changed it meanwhile; look at it and ask again",
			"alguien lo cambió mientras tanto; míralo y pídelo de nuevo")
	case vaiven.RefusedNoUp:
		return l.Say("it has a deadline, and this board sends no UP to hold it against; ask without a deadline, or send HELLO with UP from the board",
			"tiene un plazo, y esta placa no envía UP para medirlo; pídelo sin plazo, o envía HELLO con UP desde la placa")
	case vaiven.RefusedStates:
		return fmt.Sprintf(l.Say("a device has at most %d states; use those that it has", "un dispositivo tiene como máximo %d estados; usa los que ya tiene"), vaiven.MaxStates)
	}
	return clean(reason, maxText)
}

func describeDescribed(l vaiven.Lang, e *vaiven.Described) string {
	text := l.Say("has no name any more", "ya no tiene nombre")
	if e.Name != "" {
		text = l.Say("is called ", "se llama ") + clean(e.Name, maxRosterName)
	}
	if e.Note != "" {
		text += ": " + clean(e.Note, maxText)
	}
	groups := make([]string, len(e.Groups))
	for i, g := range e.Groups {
		groups[i] = clean(g, maxRosterName)
	}
	if len(groups) > 0 {
		text += " [" + strings.Join(groups, ", ") + "]"
	}
	return text
}
