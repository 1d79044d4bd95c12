package console

import (
	"fmt"
	"strings"

	"vaiven"
)

// describeAccess puts events about who may do what into words; "" for any other.
func describeAccess(l vaiven.Lang, ev vaiven.Event) (string, severity) {
	switch e := ev.(type) {
	case *vaiven.Admitted:
		text := l.Say("approved by ", "aprobada por ") + describeAuthor(l, e.By)
		if e.Concentrator {
			text += l.Say(", as a concentrator", ", como concentrador")
		}
		return text, severityGood
	case *vaiven.Granted:
		return describeGranted(l, e), severityInfo
	case *vaiven.Verified:
		return l.Say("verified: it has proved its token, and nothing without it speaks for this board any more",
			"verificada: demostró su clave, y nada sin ella habla ya por esta placa"), severityGood
	case *vaiven.Revoked:
		what := l.Say("not approved any more: revoked by ", "ya no está aprobada: revocada por ")
		if e.Token != "" {
			what = fmt.Sprintf(l.Say("token %s revoked by ", "clave %s revocada por "), clean(string(e.Token), maxRemote))
		}
		return what + describeAuthor(l, e.By), severityWarn
	case *vaiven.Opened:
		if e.Until <= e.At {
			return l.Say("the door for new boards was closed by ", "la puerta para placas nuevas la cerró ") + describeAuthor(l, e.By), severityInfo
		}
		return fmt.Sprintf(l.Say("new boards are let in until %s (%s)", "se admiten placas nuevas hasta las %s (%s)"),
			clock(e.Until, e.Offset), describeAuthor(l, e.By)), severityWarn
	case *vaiven.Denied:
		return describeDenied(l, e), severityBad
	}
	return "", severityInfo
}

func describeGranted(l vaiven.Lang, e *vaiven.Granted) string {
	var text string
	switch e.Use {
	case vaiven.UseBoard:
		text = l.Say("a token was made for this board", "se creó una clave para esta placa")
	case vaiven.UseLink:
		text = l.Say("a login link was made", "se creó un enlace de acceso")
	case vaiven.UseBrowser:
		text = l.Say("a browser came in as administrator", "un navegador entró como administrador")
	default:
		text = fmt.Sprintf(l.Say("token %s was made (%s)", "se creó la clave %s (%s)"), clean(string(e.Token), maxRemote), e.Rights)
		if e.Name != "" {
			text += " " + clean(e.Name, maxRosterName)
		}
		if len(e.Devices) > 0 {
			text += " [" + cleanAll(e.Devices, ", ") + "]"
		}
	}
	return text + l.Say(" by ", " por ") + describeAuthor(l, e.By)
}

func describeDenied(l vaiven.Lang, e *vaiven.Denied) string {
	var what string
	switch e.Reason {
	case vaiven.DeniedToken:
		what = l.Say("a wrong token", "una clave equivocada")
	case vaiven.DeniedProof:
		what = l.Say("a wrong proof of its token", "una prueba equivocada de su clave")
	case vaiven.DeniedLink:
		what = l.Say("a login link that is not good (used, expired, or made up)", "un enlace de acceso que no vale (usado, caducado o inventado)")
	case vaiven.DeniedOrigin:
		what = l.Say("a page of another site asked for something", "una página de otro sitio pidió algo")
	case vaiven.DeniedHost:
		what = l.Say("somebody asked under a name that is not this server's", "alguien preguntó con un nombre que no es de este servidor")
	default:
		what = clean(string(e.Reason), maxRemote)
	}
	if e.Count > 1 {
		what += fmt.Sprintf(" ×%d", e.Count)
	}
	return strings.TrimRight(l.Say("denied: ", "denegado: ")+what+" ("+clean(e.Remote, maxRemote)+")", " ")
}
