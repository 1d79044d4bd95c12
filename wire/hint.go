package wire

import "vaiven"

// HintKind is the stable name of an advice, so that each is shown once.
type HintKind string

// The kinds of hints.
const (
	HintSlide  HintKind = "slide"  // keys without quotes; given once per Decoder
	HintText   HintKind = "text"   // text under an unknown key was ignored
	HintNested HintKind = "nested" // an object or array under an unknown key was ignored
	HintName   HintKind = "name"   // TEMPERATURA and its kin: write TEMP
	HintHello  HintKind = "hello"  // measurements in a HELLO were ignored
	HintTime   HintKind = "time"   // TIME or AGE could not be used: the reading has no time of measurement
	HintState  HintKind = "state"  // a state in a reading could not be read, and was ignored

	HintIgnored HintKind = "ignored" // another key of the protocol could not be used, and was ignored
)

// Hint is advice about a message that was taken all the same.
type Hint struct {
	Kind HintKind
	Key  string // the key concerned, as it was written
	Got  string // what stood there, shortened, where the words need it
	Want string // the key to write instead, or, of the protocol's keys, which it is
}

// Text puts the hint into words.
func (h Hint) Text(l vaiven.Lang) string {
	switch h.Kind {
	case HintSlide:
		return l.Say(
			`keys without quotes are accepted here, but they are not JSON: write {"IDDEVICE":101,"TEMP":24.5,"HUM":61}`,
			`se aceptan claves sin comillas, pero eso no es JSON: escribe {"IDDEVICE":101,"TEMP":24.5,"HUM":61}`)
	case HintText:
		return l.Say(
			quote(h.Key)+" holds text and was ignored: only numbers are stored",
			quote(h.Key)+" contiene texto y se ignoró: solo se guardan números")
	case HintNested:
		return l.Say(
			quote(h.Key)+" holds "+held(h.Got, l)+" and was ignored: put each measurement directly in the message",
			quote(h.Key)+" contiene "+held(h.Got, l)+" y se ignoró: pon cada medida directamente en el mensaje")
	case HintName:
		return l.Say(
			quote(h.Key)+" is not the name that the CSV uses: write "+h.Want,
			quote(h.Key)+" no es el nombre que usa el CSV: escribe "+h.Want)
	case HintHello:
		return l.Say(
			quote(h.Key)+" was ignored, since a HELLO is not a reading: send it in a message without HELLO",
			quote(h.Key)+" se ignoró porque un HELLO no es una lectura: envíalo en un mensaje sin HELLO")
	case HintTime, HintIgnored:
		return h.unusable(l)
	case HintState:
		if h.Got == "" {
			return l.Say(
				quote(h.Key)+" was ignored, since the REV beside it cannot be read",
				quote(h.Key)+" se ignoró porque el REV que lo acompaña no se puede leer")
		}
		return l.Say(
			quote(h.Key)+" is "+h.Got+", but a state is 1 (on) or 0 (off): the reading was stored without it",
			quote(h.Key)+" es "+h.Got+", pero un estado es 1 (encendido) o 0 (apagado): la lectura se guardó sin él")
	}
	return string(h.Kind) + ": " + h.Key
}

// unusable says what the protocol's key means, and what became of the message.
func (h Hint) unusable(l vaiven.Lang) string {
	if h.Kind == HintTime && h.Want == "" {
		return l.Say(
			"TIME lies before 1973 (a clock that is not set, or seconds instead of milliseconds): stored without the time of measurement",
			"TIME es anterior a 1973 (un reloj sin poner en hora, o segundos en vez de milisegundos): se guarda sin hora de medida")
	}
	said := quote(h.Key) + l.Say(" is ", " es ") + h.Got + l.Say(", but ", ", pero ") + h.Want + l.Say(" means ", " significa ") + meaning(h.Want, l)
	if h.Kind == HintTime {
		return said + l.Say(": stored without the time of measurement", ": se guarda sin hora de medida")
	}
	return said + l.Say(": it was ignored (give it another name if you mean something else)", ": se ignoró (dale otro nombre si quieres decir otra cosa)")
}

// meaning is what a key of the protocol stands for.
func meaning(key string, l vaiven.Lang) string {
	switch key {
	case vaiven.KeyAge:
		return l.Say("how many milliseconds ago the reading was taken, 90 days at most", "hace cuántos milisegundos se tomó la lectura, como mucho 90 días")
	case vaiven.KeyTime:
		return l.Say("milliseconds since 1970", "milisegundos desde 1970")
	case vaiven.KeyBoot:
		return l.Say(`8 to 16 hex digits as text, chosen at power-up, "9f3c02aa"`, `de 8 a 16 cifras hexadecimales como texto, elegidas al arrancar, "9f3c02aa"`)
	case vaiven.KeyUp:
		return l.Say("milliseconds since power-up", "milisegundos desde el arranque")
	case vaiven.KeySleep:
		return l.Say("how many milliseconds the board will be away", "cuántos milisegundos estará ausente la placa")
	case vaiven.KeyLost:
		return l.Say("how many readings were given up", "cuántas lecturas se dieron por perdidas")
	case vaiven.KeyOldest, vaiven.KeyNext:
		return l.Say("the range of SEQ that the board still holds", "el rango de SEQ que la placa conserva")
	case vaiven.KeyRev:
		return l.Say("the number of the change that a state follows", "el número del cambio que sigue un estado")
	case vaiven.KeyFW:
		return l.Say("the program's version, as text", "la versión del programa, como texto")
	case vaiven.KeyStates:
		return l.Say(`names of states in one text, "LED,RELAY"`, `nombres de estados en un texto, "LED,RELAY"`)
	}
	return l.Say("a message that greets, 1", "un mensaje que saluda, 1")
}
