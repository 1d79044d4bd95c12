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
	HintTime   HintKind = "time"   // TIME was before 1973: unset clock, or seconds
)

// Hint is advice about a message that was taken all the same.
type Hint struct {
	Kind HintKind
	Key  string // the key concerned, as it was written
	Got  string // what stood there, shortened, where the words need it
	Want string // the key to write instead, for HintName
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
	case HintTime:
		return l.Say(
			"TIME lies before 1973 (a clock that is not set, or seconds instead of milliseconds): stored without the time of measurement",
			"TIME es anterior a 1973 (un reloj sin poner en hora, o segundos en vez de milisegundos): se guarda sin hora de medida")
	}
	return string(h.Kind) + ": " + h.Key
}
