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

// hintSentences has the words for each kind of hint.
var hintSentences = map[HintKind]words{
	HintSlide: {"keys without quotes are accepted here, but they are not JSON: write " + example,
		"se aceptan claves sin comillas, pero eso no es JSON: escribe " + example},
	HintText: {`"{key}" holds text and was ignored: only numbers are stored`, `"{key}" contiene texto y se ignoró: solo se guardan números`},
	HintNested: {`"{key}" holds {held} and was ignored: put each measurement directly in the message`,
		`"{key}" contiene {held} y se ignoró: pon cada medida directamente en el mensaje`},
	HintName: {`"{key}" is not the name that the CSV uses: write {want}`, `"{key}" no es el nombre que usa el CSV: escribe {want}`},
	HintHello: {`"{key}" was ignored, since a HELLO is not a reading: send it in a message without HELLO`,
		`"{key}" se ignoró porque un HELLO no es una lectura: envíalo en un mensaje sin HELLO`},
	HintState: {`"{key}" is {got}, but a state is 1 (on) or 0 (off): the reading was stored without it`,
		`"{key}" es {got}, pero un estado es 1 (encendido) o 0 (apagado): la lectura se guardó sin él`},
	HintState + noGot: {`"{key}" was ignored, since the REV beside it cannot be read`, `"{key}" se ignoró porque el REV que lo acompaña no se puede leer`},
	HintTime: {`"{key}" is {got}, but {want} means {meaning}: stored without the time of measurement`,
		`"{key}" es {got}, pero {want} significa {meaning}: se guarda sin hora de medida`},
	HintTime + noGot: {"TIME lies before 1973 (a clock that is not set, or seconds instead of milliseconds): stored without the time of measurement",
		"TIME es anterior a 1973 (un reloj sin poner en hora, o segundos en vez de milisegundos): se guarda sin hora de medida"},
	HintIgnored: {`"{key}" is {got}, but {want} means {meaning}: it was ignored (give it another name if you mean something else)`,
		`"{key}" es {got}, pero {want} significa {meaning}: se ignoró (dale otro nombre si quieres decir otra cosa)`},
}

// meanings are what the keys of the protocol stand for.
var meanings = map[string]words{
	vaiven.KeyHello: {"a message that greets, 1", "un mensaje que saluda, 1"},
	vaiven.KeyAge: {"how many milliseconds ago the reading was taken, 90 days at most",
		"hace cuántos milisegundos se tomó la lectura, como mucho 90 días"},
	vaiven.KeyTime: {"milliseconds since 1970", "milisegundos desde 1970"},
	vaiven.KeyBoot: {`8 to 16 hex digits as text, chosen at power-up, "9f3c02aa"`,
		`de 8 a 16 cifras hexadecimales como texto, elegidas al arrancar, "9f3c02aa"`},
	vaiven.KeyUp:     {"milliseconds since power-up", "milisegundos desde el arranque"},
	vaiven.KeySleep:  {"how many milliseconds the board will be away", "cuántos milisegundos estará ausente la placa"},
	vaiven.KeyLost:   {"how many readings were given up", "cuántas lecturas se dieron por perdidas"},
	vaiven.KeyOldest: {"the range of SEQ that the board still holds", "el rango de SEQ que la placa conserva"},
	vaiven.KeyNext:   {"the range of SEQ that the board still holds", "el rango de SEQ que la placa conserva"},
	vaiven.KeyRev:    {"the number of the change that a state follows", "el número del cambio que sigue un estado"},
	vaiven.KeyFW:     {"the program's version, as text", "la versión del programa, como texto"},
	vaiven.KeyProof:  {"the answer to a NONCE, 64 hex digits", "la respuesta a un NONCE, 64 cifras hexadecimales"},
	vaiven.KeyStates: {`names of states in one text, "LED,RELAY"`, `nombres de estados en un texto, "LED,RELAY"`},
}

// Text puts the hint into words.
func (h Hint) Text(l vaiven.Lang) string {
	kind := h.Kind
	if kind == HintState && h.Got == "" || kind == HintTime && h.Want == "" {
		kind += noGot
	}
	w := hintSentences[kind]
	return fill(l.Say(w.en, w.es), func(name string) (string, bool) { return h.fact(l, name) })
}

// fact returns what stands for {name} in a sentence about h; false: nothing does.
func (h Hint) fact(l vaiven.Lang, name string) (string, bool) {
	switch name {
	case "key":
		return vaiven.Shorten(h.Key), true
	case "got":
		return h.Got, true
	case "want":
		return h.Want, true
	case "held":
		return held(h.Got, l), true
	case "meaning":
		w := meanings[h.Want]
		return l.Say(w.en, w.es), true
	}
	return "", false
}
