package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// describe puts an event other than a reading into words, without its time and
// device; b is the device before it. The text is "" for events that no person needs
// to see: plain hellos, the log's first record, and the end of a local change.
func describe(l vaiven.Lang, b *board, ev vaiven.Event) (string, severity) {
	switch e := ev.(type) {
	case *vaiven.Presence:
		return describePresence(l, b, e)
	case *vaiven.SessionStart:
		return describeStart(l, e), severityGood
	case *vaiven.SessionEnd:
		return describeEnd(l, e), severityGood
	case *vaiven.Rejected:
		return describeRejected(l, e), severityBad
	case *vaiven.Refusal:
		return fmt.Sprintf(l.Say("reading %d refused for good: %s", "lectura %d rechazada definitivamente: %s"),
			e.Seq, clean(string(e.Code), maxRemote)), severityBad
	case *vaiven.Gap:
		if e.From == e.To {
			return fmt.Sprintf(l.Say("reading %d is lost: the board no longer has it",
				"se perdió la lectura %d: la placa ya no la tiene"), e.From), severityWarn
		}
		return fmt.Sprintf(l.Say("readings %d to %d are lost: the board no longer has them",
			"se perdieron las lecturas %d a %d: la placa ya no las tiene"), e.From, e.To), severityWarn
	case *vaiven.Conflict:
		return fmt.Sprintf(l.Say("several boards use this id: %s; give each its own IDDEVICE",
			"varias placas usan este id: %s; cada una necesita su propio IDDEVICE"),
			cleanAll(e.Remotes, l.Say(" and ", " y "))), severityBad
	case *vaiven.Report:
		return strings.TrimRight(l.Say("reports", "informa")+" "+states(e.States), " "), severityInfo
	case *vaiven.Hello:
		if e.Lost > 0 {
			return l.Say("the board gave up ", "la placa descartó ") + l.Readings(e.Lost) +
				l.Say(" that it could not send", " que no pudo enviar"), severityWarn
		}
	case *vaiven.Change:
		return describeChange(l, b, e)
	case *vaiven.Sent:
		return describeSent(l, b, e), severityInfo
	case *vaiven.ChangeEnd:
		return describeChangeEnd(l, e)
	case *vaiven.Described:
		return describeDescribed(l, e), severityInfo
	case *vaiven.Forgotten:
		if e.Through != 0 {
			return l.Say("forgotten: nothing had come of it for a long time; its readings stay in the log and in the CSV",
				"olvidada: hacía mucho que no llegaba nada de ella; sus lecturas siguen en el registro y en el CSV"), severityInfo
		}
		return l.Say("forgotten; its readings stay in the log and in the CSV",
			"olvidada; sus lecturas siguen en el registro y en el CSV"), severityInfo
	}
	return describeAccess(l, ev)
}

func describePresence(l vaiven.Lang, b *board, e *vaiven.Presence) (string, severity) {
	remote := clean(e.Remote, maxRemote)
	switch {
	case b.info.Replaced(e):
		return l.Say("its earlier connection is over (", "terminó su conexión anterior (") + remote + ")", severityInfo
	case e.Connected && e.Silent:
		text := l.Say("silent: connected, but no reading comes", "callada: conectada, pero no llegan lecturas")
		if b.info.Reading > 0 {
			text += l.Say(" since ", " desde las ") + clock(b.info.Reading, e.Offset)
		}
		return text, severityWarn
	case e.Connected && b.info.Connected && b.info.Silent:
		return l.Say("sends again", "vuelve a enviar") +
			describeLasted(e.At, b.info.Since, l.Say(" after %s of silence", " tras %s en silencio")), severityGood
	case e.Connected:
		text := l.Say("connected from ", "conectada desde ") + remote
		if !b.info.Connected && b.info.Sleep == 0 {
			text += describeLasted(e.At, b.info.Since, l.Say("; it was away for %s", "; estuvo ausente %s"))
		}
		return text, severityGood
	}
	text := l.Say("disconnected", "desconectada")
	if b.info.Connected {
		text += describeLasted(e.At, b.info.ConnectedAt, l.Say(" after %s", " tras %s"))
	}
	if e.Sleep > 0 {
		text = l.Say("asleep until ", "dormida hasta las ") + clock(e.At+e.Sleep, e.Offset)
	}
	if e.Reason != "" {
		text += ": " + describeDisconnect(l, e.Reason)
	}
	if remote != "" {
		text += " (" + remote + ")"
	}
	if e.Sleep > 0 {
		return text, severityInfo
	}
	return text, severityWarn
}

// describeLasted says how long a condition lasted that ended now; nothing below a
// second, or when its beginning is not known.
func describeLasted(now, since int64, format string) string {
	d := time.Duration(now-since) * time.Millisecond
	if since == 0 || d < time.Second {
		return ""
	}
	return fmt.Sprintf(format, span(d.Truncate(time.Second)))
}

// describeDisconnect puts the words that the log has for a disconnection into the
// language; any other stays as it is.
func describeDisconnect(l vaiven.Lang, reason string) string {
	switch reason {
	case "lost":
		return l.Say("the connection broke", "se cortó la conexión")
	case "restart":
		return l.Say("the server was restarted", "se reinició el servidor")
	}
	return clean(reason, maxText)
}

func describeStart(l vaiven.Lang, e *vaiven.SessionStart) string {
	var parts []string
	if e.Readings > 0 {
		parts = append(parts, l.Readings(e.Readings))
	}
	if e.Deadline > 0 {
		parts = append(parts, l.Say("until ", "hasta las ")+clock(e.Deadline, e.Offset))
	}
	if e.Interval > 0 {
		parts = append(parts, l.Say("one every ", "una cada ")+span(time.Duration(e.Interval)*time.Millisecond))
	}
	if len(parts) == 0 {
		return l.Say("session begins", "comienza la sesión")
	}
	return l.Say("session begins: ", "comienza la sesión: ") + strings.Join(parts, ", ")
}

func describeEnd(l vaiven.Lang, e *vaiven.SessionEnd) string {
	n := l.Readings(e.Count)
	switch e.Reason {
	case vaiven.EndReadings:
		return l.Say("session complete: ", "sesión completa: ") + n
	case vaiven.EndElapsed:
		return l.Say("time is up: ", "se acabó el tiempo: ") + n
	case vaiven.EndRenewed:
		return l.Say("session closed, a new one was asked for: ", "sesión cerrada, se pidió una nueva: ") + n
	}
	return l.Say("session ends: ", "termina la sesión: ") + n
}

func describeRejected(l vaiven.Lang, e *vaiven.Rejected) string {
	text := l.Say("rejected ", "rechazado ") + clean(string(e.Code), maxRemote)
	if e.Count > 1 {
		text += fmt.Sprintf(" ×%d", e.Count)
	}
	if e.Text != "" {
		text += ": " + clean(e.Text, maxText)
	}
	if e.Remote != "" {
		text += " (" + clean(e.Remote, maxRemote) + ")"
	}
	return text
}

// describeFilled says of a reading that it came after all.
func describeFilled(l vaiven.Lang, r *vaiven.Reading) string {
	return fmt.Sprintf(l.Say("reading %d, which counted as lost", "lectura %d, que contaba como perdida"), r.Seq)
}

// states writes LED=1 RELAY=0, in the order in which states are shown everywhere.
func states(values []vaiven.Value) string {
	values = slices.Clone(values)
	slices.SortStableFunc(values, func(a, b vaiven.Value) int { return compareStates(a.Name, b.Name) })
	return string(appendStates(nil, values))
}

func appendStates(b []byte, values []vaiven.Value) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, v.Name...)
		b = append(b, '=')
		b = vaiven.AppendNumber(b, v.Num)
	}
	return b
}

// describeChange says what is asked, by whom, and whether it must wait.
func describeChange(l vaiven.Lang, b *board, e *vaiven.Change) (string, severity) {
	what := describeWhat(l, b, e)
	if e.By == vaiven.ByBoard {
		return what + l.Say(": somebody switched it at the board", ": alguien lo cambió en la placa"), severityInfo
	}
	text := what + l.Say(" asked by ", " pedido por ") + describeAuthor(l, e.By)
	if e.Deadline > 0 {
		text += l.Say(", no later than ", ", a más tardar a las ") + clock(e.Deadline, e.Offset)
	}
	if wait := describeWait(l, b, e.At, e.Offset); wait != "" {
		return text + "; " + wait, severityWarn
	}
	return text, severityInfo
}

// describeWhat writes LED=1 RELAY=0; a toggle of which nothing is known stays one.
func describeWhat(l vaiven.Lang, b *board, e *vaiven.Change) string {
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

// describeAuthor puts who asked into the language; names and addresses stay as they are.
func describeAuthor(l vaiven.Lang, who string) string {
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
	case "browser":
		kind = l.Say("the browser", "el navegador")
	}
	switch who {
	case "serve", "lab", "workshop":
		return l.Say("the server's start", "el inicio del servidor")
	case "simulation":
		return l.Say("the simulation", "la simulación")
	case "upgrade":
		return l.Say("the first start of this version", "el primer inicio de esta versión")
	case "adoption":
		return l.Say("its approval", "su aprobación")
	}
	return strings.TrimRight(kind+" "+rest, " ")
}

// describeWait says why a change cannot go out now, "" when it can or when that is not
// known.
func describeWait(l vaiven.Lang, b *board, now int64, offset int32) string {
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
	if p := b.Unended(e.Key); p != nil {
		return strings.TrimLeft(states(p.States)+" ", " ") + text
	}
	return text
}

// describeChangeEnd says how a change ended and what to do about it; "" for the end
// of a local change: its beginning said all of it.
func describeChangeEnd(l vaiven.Lang, e *vaiven.ChangeEnd) (string, severity) {
	what := states(e.States)
	if what == "" {
		what = l.Say("a change", "un cambio")
	}
	switch e.Outcome {
	case vaiven.Confirmed:
		if e.By == vaiven.ByBoard {
			return "", severityInfo
		}
		text := what + l.Say(" confirmed by the board", " confirmado por la placa")
		if e.Asked > 0 {
			text += l.Say(" in ", " en ") + span(time.Duration(e.Took())*time.Millisecond)
		}
		return text, severityGood
	case vaiven.Expired:
		return what + l.Say(" expired: the board did not confirm it in time, and it is not asked for any more",
			" venció: la placa no lo confirmó a tiempo, y ya no se pide"), severityBad
	case vaiven.Refused:
		return what + l.Say(" refused: ", " rechazado: ") + describeRefusal(l, e.Reason), severityBad
	case vaiven.Overtaken:
		return what + l.Say(" overtaken by a later change", " reemplazado por un cambio posterior"), severityInfo
	}
	return what + " " + clean(string(e.Outcome), maxRemote), severityWarn
}

func describeRefusal(l vaiven.Lang, reason string) string {
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
	if len(e.Groups) > 0 {
		text += " [" + cleanAll(e.Groups, ", ") + "]"
	}
	return text
}
