package wire

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// Reasons that only the gateway can know, for vaiven.Error.Reason; Explain has
// words for them.
const (
	ReasonNoBoot    = "no_boot"   // bad_seq: a SEQ, but no BOOT on this connection yet
	ReasonReused    = "reused"    // bad_boot: a HELLO's NEXT is at or below what the server has
	ReasonDifferent = "different" // bad_boot: a SEQ came again with other values
	ReasonNoColumn  = "no_column" // bad_name: a measurement was stored, and the CSV has no column for it
	ReasonGap       = "gap"       // too_fast: OLDEST gives up more than the board can have taken
	ReasonErrors    = "errors"    // too_fast: so many messages were refused one after the other
	ReasonDay       = "day"       // too_fast: the device, or its address, has sent what it may in a day; Hi: MB
	ReasonNewcomers = "newcomers" // too_fast: an address brings many devices that are not known
	ReasonFull      = "full"      // not_approved: there are Hi devices already that nobody approved; Got: most of whom
	ReasonGuesses   = "guesses"   // too_fast: an address has shown too many wrong tokens
	ReasonFreed     = "freed"     // device_in_use: a person took the device from this address for a while
	ReasonManyIDs   = "unproven"  // too_many_devices: Hi at most without proof, unless one is approved as a concentrator
	ReasonFlood     = "flood"     // too_large: more than Hi readings of one board without SEQ in a message; Lo: by how many, so far
)

// Reasons of what parses.
const (
	reasonAlias     = "alias"      // missing_device, no_values: a key that is almost right
	reasonNotObject = "not_object" // missing_device: JSON, but no object
	reasonElement   = "element"    // missing_device: in a list, something that is no object
	reasonDoubled   = "doubled"    // missing_device: JSON inside of a JSON text
	reasonNull      = "null"       // missing_device, no_values: null
	reasonEmptyList = "empty_list" // no_values: []
	reasonText      = "text"       // text where a number belongs
	reasonNested    = "nested"     // an object or array where a number belongs
	reasonBool      = "bool"       // true or false where a number or text belongs
	reasonNumber    = "number"     // a number where text belongs
	reasonQuoted    = "quoted"     // a number in quotes
	reasonComma     = "comma"      // a number with a decimal comma, in quotes
	reasonUnit      = "unit"       // a number with its unit, in quotes
	reasonEmpty     = "empty"      // ""
	reasonNaN       = "nan"        // nan, inf, ovf
	reasonOnOff     = "on_off"     // a word under a state
	reasonFW        = "fw"         // FW is neither text nor number
	reasonHuge      = "huge"       // beyond what a float64 holds
	reasonBeyond    = "beyond"     // more than MaxSeq
	reasonStandIn   = "stand_in"   // what stands for a number, as the X of the slide; not_json too
	reasonFraction  = "fraction"   // an integer was asked for
	reasonOrder     = "order"      // NEXT below OLDEST
	reasonDuplicate = "duplicate"  // a key twice
	reasonStates    = "states"     // too_large: more than MaxStates
	reasonKeys      = "keys"       // too_large: more than MaxKeys
	reasonDeep      = "deep"       // too_large: more than MaxDepth levels
	reasonReserved  = "reserved"   // bad_name: a key of the protocol as a state
	reasonSeqReport = "seq_report" // no_values: states with a SEQ
	reasonNamed     = "named"      // no_values: the name of a measurement stands in a text
	reasonKeyType   = "key_type"   // bad_name: a CBOR key that is not text
)

// example is the message that texts for beginners show.
const example = `{"IDDEVICE":101,"TEMP":24.5,"HUM":61}`

// words are a sentence in both languages. Explain fills in the facts of the
// error; fact has their names.
type words struct{ en, es string }

// then returns the words with others behind them.
func (w words) then(more words) words { return words{w.en + more.en, w.es + more.es} }

var (
	sendExample = words{": send " + example, ": envía " + example}
	sendDevice  = words{`: send one to three digits, "IDDEVICE":101, or up to 64 letters, digits and . _ -`,
		`: envía de una a tres cifras, "IDDEVICE":101, o hasta 64 letras, cifras y . _ -`}
	sendBoot = words{`: send 8 to 16 hex digits as text, "9f3c02aa"`, `: envía de 8 a 16 cifras hexadecimales como texto, "9f3c02aa"`}
	useName  = words{": use A-Z, 0-9 and _, at most 16, not beginning with _", ": usa A-Z, 0-9 y _, como mucho 16, sin empezar por _"}
	unquote  = words{"{key} is {got} (text): send the number without quotes", "{key} es {got} (texto): envía el número sin comillas"}
	sendMost = words{"{key} is {plain}: send ", "{key} es {plain}: envía "}.then(
		words{strconv.FormatInt(maxExact, 10) + " at most", strconv.FormatInt(maxExact, 10) + " como mucho"})
	sendCount = words{": count whole numbers, 1, 2, 3 ..., one more for each reading", ": cuenta con números enteros, 1, 2, 3 ..., uno más en cada lectura"}
	sendList  = words{`{key} lists state names in one text: "LED,RELAY"`, `{key} es una lista de estados en un texto: "LED,RELAY"`}
	newBoot   = words{"this BOOT was used before with other readings: choose BOOT at random at every power-up (esp_random()), and keep it together with SEQ",
		"este BOOT ya se usó antes con otras lecturas: elige BOOT al azar en cada arranque (esp_random()) y guárdalo junto con SEQ"}
	emptyDevice = words{"IDDEVICE is empty: send the board's number, " + example, "IDDEVICE está vacío: envía el número de la placa, " + example}
	standsTwice = words{"{key} stands twice in the message: send it once", "{key} está dos veces en el mensaje: envíalo una vez"}
	// sensorAdvice is what to check when a sensor gives nothing.
	sensorAdvice = words{"check its wiring, the pin in the program and the 10 kΩ resistor from DATA to 3.3 V, and read a DHT at most every 2 s",
		"revisa el cableado, el pin en el programa y la resistencia de 10 kΩ entre DATA y 3,3 V, y lee un DHT como mucho cada 2 s"}
	// isStandIn says that the X of the slide stand for a number.
	isStandIn = words{"{got} only stands for a number: write the number itself in its place, " + example,
		"{got} solo está en lugar de un número: escribe ahí el número, " + example}
	levels = tooMany(MaxDepth, "levels of objects and lists: put each measurement directly in the message",
		"niveles de objetos y listas: pon cada medida directamente en el mensaje")
)

func tooMany(n int, en, es string) words {
	limit := strconv.Itoa(n)
	return words{"there are more than " + limit + " " + en, "hay más de " + limit + " " + es}
}

// Variants of a reason that have words of their own; see variant.
const (
	noGot       = " without what stood there"
	isDevice    = " of IDDEVICE"
	isTime      = " of TIME"
	isAge       = " of AGE"
	isKey       = " of a key of the protocol"
	isCount     = " of a count"
	isAlias     = " of a name that means another"
	isSwitch    = " of a switch"
	isEquals    = " of ="
	isSemicolon = " of ;"
	isEscapeU   = " of \\u"
	isQuote     = " of an apostrophe"
)

// sentences has the words for each code and reason; those of "" are for any
// other reason.
var sentences = map[vaiven.Code]map[string]words{
	vaiven.CodeMissingDevice: {
		"":              {"IDDEVICE is missing: add the board's number, " + example, "falta IDDEVICE: añade el número de la placa, " + example},
		reasonAlias:     {"IDDEVICE is missing: {key} is not known, write IDDEVICE instead", "falta IDDEVICE: {key} no se conoce, escribe IDDEVICE en su lugar"},
		reasonNotObject: words{"the message is not an object between { and }", "el mensaje no es un objeto entre { y }"}.then(sendExample),
		reasonElement: {"something in the list is not an object between { and }: send [{...},{...}], each like " + example,
			"algo en la lista no es un objeto entre { y }: envía [{...},{...}], cada uno como " + example},
		reasonDoubled: {`the message is JSON inside of a text: send it without the outer quotes and without \ (it was encoded twice)`,
			`el mensaje es JSON dentro de un texto: envíalo sin las comillas de fuera y sin \ (se codificó dos veces)`},
		reasonNull:  emptyDevice,
		reasonEmpty: emptyDevice,
	},
	vaiven.CodeBadDevice: {
		"":              words{"IDDEVICE cannot be {got}", "IDDEVICE no puede ser {got}"}.then(sendDevice),
		noGot:           words{"IDDEVICE is neither a number nor text", "IDDEVICE no es un número ni un texto"}.then(sendDevice),
		reasonDuplicate: {"IDDEVICE stands twice in the message: send it once", "IDDEVICE está dos veces en el mensaje: envíalo una vez"},
	},
	vaiven.CodeNoValues: {
		"":         words{"there is no measurement in the message", "no hay ninguna medida en el mensaje"}.then(sendExample),
		reasonNull: words{"every measurement is null, so the sensor did not answer: ", "todas las medidas son null, así que el sensor no respondió: "}.then(sensorAdvice),
		reasonAlias: {`{key} is not stored: write {alias} and a number without quotes, "{alias}":24.5`,
			`{key} no se guarda: escribe {alias} y un número sin comillas, "{alias}":24.5`},
		reasonText: {"there is no measurement: {key} holds text, and only numbers are stored; send " + example,
			"no hay ninguna medida: {key} contiene texto, y solo se guardan números; envía " + example},
		reasonNested: {"there is no measurement: {key} holds {held}; put TEMP and HUM directly in the message, " + example,
			"no hay ninguna medida: {key} contiene {held}; pon TEMP y HUM directamente en el mensaje, " + example},
		reasonNamed: {"{key} names the measurement, but the name has to be the key of the number: send {named}:24.5",
			"{key} nombra la medida, pero el nombre tiene que ser la clave del número: envía {named}:24.5"},
		reasonSeqReport: {"there is no measurement, and SEQ counts readings: send a state without SEQ, or add a measurement",
			"no hay ninguna medida, y SEQ cuenta lecturas: envía el estado sin SEQ, o añade una medida"},
		reasonEmptyList: words{"the list [] holds no reading", "la lista [] no contiene ninguna lectura"}.then(sendExample),
	},
	vaiven.CodeNotANumber: {
		"": {"{key} is {got} (text): send a number without quotes, or null if nothing was measured",
			"{key} es {got} (texto): envía un número sin comillas, o null si no se midió nada"},
		isKey: {"{key} is {got} (text): send a number without quotes", "{key} es {got} (texto): envía un número sin comillas"},
		noGot: {"{key} is not a number", "{key} no es un número"},
		reasonNaN: words{"{key} is {plain}, not a number: the sensor did not answer; ",
			"{key} es {plain}, no un número: el sensor no respondió; "}.then(sensorAdvice),
		reasonQuoted: unquote,
		reasonComma: {"{key} is {got} (text with a comma): send the number with a dot and without quotes, {dotted}",
			"{key} es {got} (texto con coma): envía el número con punto y sin comillas, {dotted}"},
		reasonUnit: {"{key} is {got} (text): send the number alone, without unit and without quotes",
			"{key} es {got} (texto): envía solo el número, sin unidad y sin comillas"},
		reasonEmpty: {`{key} is "" (empty text): send a number, or null if nothing was measured`,
			`{key} es "" (texto vacío): envía un número, o null si no se midió nada`},
		reasonOnOff: {"{key} is {got}: a state is 1 (on) or 0 (off), without quotes",
			"{key} es {got}: un estado es 1 (encendido) o 0 (apagado), sin comillas"},
		reasonNested:  {"{key} holds {held}: send one number", "{key} contiene {held}: envía un solo número"},
		reasonFW:      {`{key} is the program's version: send text, "1.0.0"`, `{key} es la versión del programa: envía texto, "1.0.0"`},
		reasonStandIn: words{"{key}: ", "{key}: "}.then(isStandIn),
		reasonBool:    {"{key} is {plain}: send a number", "{key} es {plain}: envía un número"},
	},
	vaiven.CodeOutOfRange: {
		"": {"{key} is {plain}, outside of {lo} to {hi}: check the sensor and its unit", "{key} es {plain}, fuera de {lo} a {hi}: revisa el sensor y su unidad"},
		isAge: {"{key} is {plain}, outside of {lo} to {hi} (ms since the reading was taken, at most 90 days)",
			"{key} es {plain}, fuera de {lo} a {hi} (ms desde que se tomó la lectura, como mucho 90 días)"},
		isTime:         {"{key} is {plain}, outside of {lo} to {hi} (milliseconds since 1970)", "{key} es {plain}, fuera de {lo} a {hi} (milisegundos desde 1970)"},
		isCount:        {"{key} is {plain}: send a whole number, {lo} or more", "{key} es {plain}: envía un número entero, {lo} o más"},
		reasonBeyond:   sendMost,
		reasonHuge:     {"{key} is {plain}, too large for a number", "{key} es {plain}, demasiado grande para ser un número"},
		reasonFraction: {"{key} is {plain}: send a whole number", "{key} es {plain}: envía un número entero"},
	},
	vaiven.CodeBadName: {
		"":                       words{"{key} cannot be a name", "{key} no puede ser un nombre"}.then(useName),
		isAlias:                  {"{key} cannot be a name: write {alias}", "{key} no puede ser un nombre: escribe {alias}"},
		ReasonNoColumn:           {"{key} has no column in the CSV, which has {raw}", "{key} no tiene columna en el CSV, que tiene {raw}"},
		ReasonNoColumn + isAlias: {"{key} has no column in the CSV, which has {raw}: write {alias}", "{key} no tiene columna en el CSV, que tiene {raw}: escribe {alias}"},
		reasonDuplicate: {"{key} stands twice in the message (upper and lower case are the same): send it once",
			"{key} está dos veces en el mensaje (mayúsculas y minúsculas son lo mismo): envíalo una vez"},
		reasonKeyType:  words{"a key of the CBOR map is not text", "una clave del mapa CBOR no es texto"}.then(useName),
		reasonReserved: {"{key} cannot be a state: it is a key of the protocol", "{key} no puede ser un estado: es una clave del protocolo"},
		reasonText:     sendList, reasonNested: sendList, reasonNumber: sendList,
	},
	vaiven.CodeBadSeq: {
		"":    words{"{key} is {plain}", "{key} es {plain}"}.then(sendCount),
		noGot: words{"{key}", "{key}"}.then(sendCount),
		ReasonNoBoot: {`SEQ needs a BOOT: send "BOOT" with 8 to 16 random hex digits, chosen once per power-up`,
			`SEQ necesita un BOOT: envía "BOOT" con 8 a 16 cifras hexadecimales al azar, elegidas una vez por arranque`},
		reasonOrder: {"NEXT is below OLDEST: they are the range of SEQ that the board still holds",
			"NEXT es menor que OLDEST: son el rango de SEQ que la placa conserva"},
		reasonDuplicate: standsTwice,
		reasonBeyond:    sendMost,
		reasonQuoted:    unquote,
	},
	vaiven.CodeBadBoot: {
		"":              words{"BOOT is {got}", "BOOT es {got}"}.then(sendBoot),
		noGot:           words{"BOOT", "BOOT"}.then(sendBoot),
		reasonNumber:    words{"BOOT is {plain} without quotes", "BOOT es {plain} sin comillas"}.then(sendBoot),
		ReasonReused:    newBoot,
		ReasonDifferent: newBoot,
		reasonDuplicate: {"BOOT stands twice in the message: send it once", "BOOT está dos veces en el mensaje: envíalo una vez"},
	},
	vaiven.CodeTooLarge: {
		"":                      {"the message is too large: send fewer readings at once", "el mensaje es demasiado grande: envía menos lecturas a la vez"},
		vaiven.ReasonManyValues: tooMany(vaiven.MaxValues, "measurements in a reading", "medidas en una lectura"),
		reasonStates:            tooMany(MaxStates, "states", "estados"),
		reasonKeys:              tooMany(MaxKeys, "keys in an object", "claves en un objeto"),
		reasonDeep:              levels,
		ReasonFlood: {"there are more than {hi} readings of one board without SEQ in a message: send them in several, or number them with BOOT and SEQ",
			"hay más de {hi} lecturas de una placa sin SEQ en un mensaje: envíalas en varios, o numéralas con BOOT y SEQ"},
	},
	vaiven.CodeTooManyDevices: {"": {"too many devices speak through this connection: open another one for the rest",
		"demasiadas placas hablan por esta conexión: abre otra para las demás"},
		ReasonManyIDs: {"one connection may speak for {hi} boards that have proven nothing: if {device} comes through a concentrator, approve that: vaiven devices approve BOARD --concentrator",
			"una conexión puede hablar por {hi} placas que nada han demostrado: si {device} llega por un concentrador, aprueba este: vaiven devices approve PLACA --concentrator"}},
	vaiven.CodeDeviceInUse: {"": {"another board is connected with this IDDEVICE: give each board a number of its own",
		"otra placa está conectada con este IDDEVICE: da a cada placa su propio número"},
		ReasonFreed: {"a person freed this IDDEVICE from your address: give each board a number of its own, or come again in ten minutes",
			"una persona liberó este IDDEVICE de tu dirección: da a cada placa su propio número, o vuelve en diez minutos"}},
	vaiven.CodeNotApproved: notApprovedSentences,
	vaiven.CodeBadToken: {
		"": {"that is not the token of board {device}: give it its own, or make it a new one with vaiven devices add {device}",
			"esa no es la clave de la placa {device}: dale la suya, o crea otra con vaiven devices add {device}"},
		vaiven.ReasonNoProof: {"{key} is not what answers a NONCE: send 64 hex digits, the HMAC that the protocol describes",
			"{key} no es lo que responde a un NONCE: envía 64 cifras hexadecimales, el HMAC que describe el protocolo"},
	},
	vaiven.CodeNotAuthorised: {"": {"board {device} has a token, and this connection has not shown it: give the board its token, or make it a new one with vaiven devices add {device}",
		"la placa {device} tiene una clave y esta conexión no la ha mostrado: dale a la placa su clave, o crea otra con vaiven devices add {device}"}},
	vaiven.CodeBusy: {"": {"the server cannot store readings now: keep them and send them again",
		"el servidor no puede guardar lecturas ahora: consérvalas y envíalas otra vez"}},
	vaiven.CodeTooFast: {
		"": {"readings come too fast: send fewer", "las lecturas llegan demasiado rápido: envía menos"},
		ReasonGap: {"OLDEST {raw} gives up {lo} readings, and since the last one this board can have taken {hi} at most: " +
			"say HELLO again with the oldest SEQ that it holds; if two boards have this IDDEVICE, give each its own",
			"OLDEST {raw} da por perdidas {lo} lecturas, y desde la última esta placa puede haber tomado {hi} como mucho: " +
				"repite HELLO con el SEQ más antiguo que conserva; si dos placas tienen este IDDEVICE, da a cada una el suyo"},
		ReasonDay:       overDay,
		ReasonNewcomers: manyNewcomers,
		ReasonGuesses:   {"too many wrong tokens came from this address: come again later", "llegaron demasiados tokens equivocados desde esta dirección: vuelve más tarde"},
		ReasonErrors: {"{hi} messages were refused: mend what the errors say; more of them are counted, and seldom answered",
			"{hi} mensajes fueron rechazados: corrige lo que dicen los errores; los demás se cuentan y rara vez se contestan"},
	},
	vaiven.CodeNotJSON:       notJSONSentences,
	vaiven.CodeBadHandshake:  handshakeSentences,
	vaiven.CodeWrongPath:     pathSentences,
	vaiven.CodeWrongProtocol: protocolSentences,
	vaiven.CodeBadFrame: {"": {
		"a WebSocket frame breaks the rules ({raw}): use a WebSocket library, which masks its frames, and switch compression off",
		"una trama WebSocket rompe las reglas ({raw}): usa una biblioteca de WebSocket, que enmascara sus tramas, y desactiva la compresión"}},
}

// Explain puts a refusal into words for the person who wrote the board's
// program: what was wrong, and what to send instead. Parts of the message are
// quoted with what could steer a terminal escaped. A code that has no words is
// returned as it is.
func Explain(e *vaiven.Error, l vaiven.Lang) string {
	said, known := sentences[e.Code]
	if !known {
		return string(e.Code)
	}
	w, known := said[variant(e)]
	if !known {
		w = said[""]
	}
	text := l.Say(w.en, w.es)
	if e.Code == vaiven.CodeNotJSON {
		text += near(e, l)
	}
	text = fill(text, func(name string) (string, bool) { return fact(e, l, name) })
	if e.Retry > 0 && e.Code.ForNow() {
		s := strconv.Itoa(int(math.Ceil(float64(e.Retry) / float64(time.Second))))
		text += l.Say(" (again in "+s+" s)", " (de nuevo en "+s+" s)")
	}
	return text
}

// variant returns the error's reason, with what else decides about the words.
func variant(e *vaiven.Error) string {
	_, worded := sentences[e.Code][e.Reason]
	worded = worded && e.Reason != ""
	switch e.Code {
	case vaiven.CodeBadDevice:
		if e.Reason != reasonDuplicate && (e.Got == "" || e.Reason == reasonNested) {
			return noGot
		}
	case vaiven.CodeBadSeq, vaiven.CodeBadBoot:
		if !worded && e.Got == "" {
			return noGot
		}
	case vaiven.CodeNotANumber:
		switch {
		case !worded && e.Got == "":
			return noGot
		case !worded && vaiven.ProtocolKey(strings.ToUpper(e.Key)):
			return isKey
		}
	case vaiven.CodeOutOfRange:
		switch {
		case worded:
		case e.Hi == float64(maxExact):
			return isCount
		case strings.EqualFold(e.Key, vaiven.KeyAge):
			return isAge
		case strings.EqualFold(e.Key, vaiven.KeyTime):
			return isTime
		}
	case vaiven.CodeBadName:
		alias := measurementAlias(strings.ToUpper(e.Key))
		if !worded && alias != "" {
			return isAlias
		}
		if e.Reason == ReasonNoColumn && alias != "" && slices.Contains(strings.Split(e.Got, ", "), alias) {
			return ReasonNoColumn + isAlias
		}
	case vaiven.CodeNotJSON:
		return notJSONVariant(e)
	}
	return e.Reason
}

// fact returns what stands for {name} in a sentence about e; false: nothing does.
func fact(e *vaiven.Error, l vaiven.Lang, name string) (string, bool) {
	switch name {
	case "key": // bare if it is a plain word, else in quotes
		if e.Key == "" || wordEnd([]byte(e.Key), 0) < len(e.Key) {
			return strconv.Quote(e.Key), true
		}
		return e.Key, true
	case "got": // what stood there, in quotes
		return strconv.Quote(e.Got), true
	case "plain": // the same, bare if it is a number or word
		if scalarEnd([]byte(e.Got), 0) < len(e.Got) {
			return strconv.Quote(e.Got), true
		}
		return e.Got, true
	case "raw": // the same, as it is
		return e.Got, true
	case "escape": // a bad escape, as it was written
		return strings.ReplaceAll(strconv.Quote(e.Got), `\\`, `\`), true
	case "dotted": // a number with a comma, mended
		return strings.Replace(strings.TrimSpace(e.Got), ",", ".", 1), true
	case "unpadded": // a number with leading zeros, mended
		return unpadded(e.Got), true
	case "decimal": // a hexadecimal number, mended
		return decimal(e.Got), true
	case "other": // the bracket that belongs where another stands
		return otherBracket(e.Got), true
	case "held": // what is neither a number nor text
		return held(e.Got, l), true
	case "alias": // the CSV's name for the key
		return measurementAlias(strings.ToUpper(e.Key)), true
	case "named": // the CSV's name for what stood there
		named := strings.ToUpper(strings.TrimSpace(e.Got))
		if alias := measurementAlias(named); alias != "" {
			named = alias
		}
		return strconv.Quote(named), true
	case "device":
		if e.Device == "" {
			return "ID", true
		}
		return string(e.Device), true
	case "lo":
		return vaiven.FormatNumber(e.Lo), true
	case "hi":
		return vaiven.FormatNumber(e.Hi), true
	}
	return "", false
}

// fill puts facts in the place of their {names}. Other braces stay.
func fill(text string, fact func(name string) (string, bool)) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		if s, known := fact(name); known {
			b.WriteString(s)
			text = after
		} else {
			b.WriteByte('{')
			text = rest
		}
	}
}

// held names what is neither a number nor text; what as value.opaque has it.
func held(what string, l vaiven.Lang) string {
	switch what {
	case opaqueBytes:
		return l.Say("bytes", "bytes")
	case opaqueSimple:
		return l.Say("a simple value of CBOR", "un valor simple de CBOR")
	}
	return l.Say("an object or a list", "un objeto o una lista")
}

// near says which key stood last before the problem, and what the message calls
// its board.
func near(e *vaiven.Error, l vaiven.Lang) string {
	var where []string
	if e.Key != "" {
		where = append(where, l.Say("at {key}", "en {key}"))
	}
	if e.Claim != "" {
		where = append(where, l.Say("board ", "placa ")+string(e.Claim))
	}
	if len(where) == 0 {
		return ""
	}
	return " (" + strings.Join(where, ", ") + ")"
}
