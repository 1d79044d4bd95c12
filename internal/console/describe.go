package console

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vaiven"
)

// describe puts an event other than a reading into words, without its time and
// device; b is the device before it. ok is false for events that no
// person needs to see: plain hellos, the log's first record, and the end of a
// local change.
func describe(l vaiven.Lang, b *board, ev vaiven.Event) (text string, m mark, ok bool) {
	switch e := ev.(type) {
	case *vaiven.Presence:
		text, m = describePresence(l, b, e)
	case *vaiven.SessionStart:
		text, m = describeStart(l, e), markGood
	case *vaiven.SessionEnd:
		text, m = describeEnd(l, e), markGood
	case *vaiven.Rejected:
		text, m = describeRejected(l, e), markBad
	case *vaiven.Refusal:
		text, m = fmt.Sprintf(l.Say("reading %d refused for good: %s", "lectura %d rechazada definitivamente: %s"),
			e.Seq, clean(string(e.Code), maxRemote)), markBad
	case *vaiven.Gap:
		text, m = describeGap(l, e), markWarn
	case *vaiven.Conflict:
		text, m = describeConflict(l, e), markBad
	case *vaiven.Report:
		text, m = l.Say("reports", "informa"), markInfo
		if len(e.States) > 0 {
			text += " " + states(e.States)
		}
	case *vaiven.Hello:
		if e.Lost == 0 {
			return "", markInfo, false
		}
		text, m = l.Say("the board gave up ", "la placa descartó ")+countReadings(l, e.Lost)+
			l.Say(" that it could not send", " que no pudo enviar"), markWarn
	case *vaiven.Change:
		text, m = describeChange(l, b, e)
	case *vaiven.Sent:
		text, m = describeSent(l, b, e), markInfo
	case *vaiven.ChangeEnd:
		return describeChangeEnd(l, e)
	case *vaiven.Described:
		text, m = describeDescribed(l, e), markInfo
	case *vaiven.Forgotten:
		text, m = l.Say("forgotten; its readings stay in the log and in the CSV",
			"olvidada; sus lecturas siguen en el registro y en el CSV"), markInfo
	default:
		return "", markInfo, false
	}
	return text, m, true
}

func describePresence(l vaiven.Lang, b *board, e *vaiven.Presence) (string, mark) {
	remote := clean(e.Remote, maxRemote)
	switch {
	case b.info.Replaced(e):
		return l.Say("its earlier connection is over (", "terminó su conexión anterior (") + remote + ")", markInfo
	case e.Connected && e.Silent:
		text := l.Say("silent: connected, but no reading comes", "callada: conectada, pero no llegan lecturas")
		if b.info.Reading > 0 {
			text += l.Say(" since ", " desde las ") + clock(b.info.Reading, e.Offset)
		}
		return text, markWarn
	case e.Connected && b.info.Connected && b.info.Silent:
		return l.Say("sends again", "vuelve a enviar") +
			lasted(e.At, b.info.Since, l.Say(" after %s of silence", " tras %s en silencio")), markGood
	case e.Connected:
		text := l.Say("connected from ", "conectada desde ") + remote
		if !b.info.Connected && b.info.Sleep == 0 {
			text += lasted(e.At, b.info.Since, l.Say("; it was away for %s", "; estuvo ausente %s"))
		}
		return text, markGood
	}
	text := l.Say("disconnected", "desconectada")
	if b.info.Connected {
		text += lasted(e.At, b.info.ConnectedAt, l.Say(" after %s", " tras %s"))
	}
	if e.Sleep > 0 {
		text = l.Say("asleep until ", "dormida hasta las ") + clock(e.At+e.Sleep, e.Offset)
	}
	if e.Reason != "" {
		text += ": " + goneWhy(l, e.Reason)
	}
	if remote != "" {
		text += " (" + remote + ")"
	}
	if e.Sleep > 0 {
		return text, markInfo
	}
	return text, markWarn
}

// lasted says how long a condition lasted that ended now; nothing below a
// second, or when its beginning is not known.
func lasted(now, since int64, format string) string {
	d := time.Duration(now-since) * time.Millisecond
	if since == 0 || d < time.Second {
		return ""
	}
	return fmt.Sprintf(format, span(d.Truncate(time.Second)))
}

// goneWhy puts the words that the log has for a disconnection into the
// language; any other stays as it is.
func goneWhy(l vaiven.Lang, reason string) string {
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
		parts = append(parts, countReadings(l, e.Readings))
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
	n := countReadings(l, e.Count)
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

func describeGap(l vaiven.Lang, e *vaiven.Gap) string {
	if e.From == e.To {
		return fmt.Sprintf(l.Say("reading %d is lost: the board no longer has it",
			"se perdió la lectura %d: la placa ya no la tiene"), e.From)
	}
	return fmt.Sprintf(l.Say("readings %d to %d are lost: the board no longer has them",
		"se perdieron las lecturas %d a %d: la placa ya no las tiene"), e.From, e.To)
}

// describeFilled says of a reading that it came after all.
func describeFilled(l vaiven.Lang, r *vaiven.Reading) string {
	return fmt.Sprintf(l.Say("reading %d, which counted as lost", "lectura %d, que contaba como perdida"), r.Seq)
}

func describeConflict(l vaiven.Lang, e *vaiven.Conflict) string {
	return fmt.Sprintf(l.Say("several boards use this id: %s; give each its own IDDEVICE",
		"varias placas usan este id: %s; cada una necesita su propio IDDEVICE"),
		cleanAll(e.Remotes, l.Say(" and ", " y ")))
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
