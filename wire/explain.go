package wire

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven"
)

// example is the message that texts for beginners show.
const example = `{"IDDEVICE":101,"TEMP":24.5,"HUM":61}`

// Explain puts a refusal into words for the person who wrote the board's
// program: what was wrong, and what to send instead. Parts of the message are
// quoted with what could steer a terminal escaped.
func Explain(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Code {
	case vaiven.CodeNotJSON:
		return explainNotJSON(e, l)
	case vaiven.CodeMissingDevice:
		return explainMissingDevice(e, l)
	case vaiven.CodeBadDevice:
		return explainBadDevice(e, l)
	case vaiven.CodeNoValues:
		return explainNoValues(e, l)
	case vaiven.CodeNotANumber:
		return explainNotANumber(e, l)
	case vaiven.CodeOutOfRange:
		return explainOutOfRange(e, l)
	case vaiven.CodeBadName:
		return explainBadName(e, l)
	case vaiven.CodeBadSeq:
		return explainBadSeq(e, l)
	case vaiven.CodeBadBoot:
		return explainBadBoot(e, l)
	case vaiven.CodeTooLarge:
		return explainTooLarge(e, l)
	case vaiven.CodeBadHandshake, vaiven.CodeWrongPath, vaiven.CodeBadFrame, vaiven.CodeWrongProtocol:
		return explainFault(e, l)
	}
	return explainServer(e, l)
}

// name writes a key: bare if it is a plain word, else quoted.
func name(e *vaiven.Error) string {
	if e.Key != "" && wordEnd([]byte(e.Key), 0) == len(e.Key) {
		return e.Key
	}
	return strconv.Quote(e.Key)
}

func got(e *vaiven.Error) string { return strconv.Quote(e.Got) }

// plain writes what stood there: bare if it is a number or word, else quoted.
func plain(e *vaiven.Error) string {
	for i := range len(e.Got) {
		if class[e.Got[i]] == noScalar {
			return got(e)
		}
	}
	return e.Got
}

func explainMissingDevice(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Reason {
	case reasonAlias:
		return l.Say(
			"IDDEVICE is missing: "+name(e)+" is not known, write IDDEVICE instead",
			"falta IDDEVICE: "+name(e)+" no se conoce, escribe IDDEVICE en su lugar")
	case reasonNotObject:
		return l.Say(
			"the message is not an object between { and }: send "+example,
			"el mensaje no es un objeto entre { y }: envía "+example)
	case reasonElement:
		return l.Say(
			"something in the list is not an object between { and }: send [{...},{...}], each like "+example,
			"algo en la lista no es un objeto entre { y }: envía [{...},{...}], cada uno como "+example)
	case reasonDoubled:
		return l.Say(
			`the message is JSON inside of a text: send it without the outer quotes and without \ (it was encoded twice)`,
			`el mensaje es JSON dentro de un texto: envíalo sin las comillas de fuera y sin \ (se codificó dos veces)`)
	case reasonNull, reasonEmpty:
		return l.Say(
			"IDDEVICE is empty: send the board's number, "+example,
			"IDDEVICE está vacío: envía el número de la placa, "+example)
	}
	return l.Say(
		"IDDEVICE is missing: add the board's number, "+example,
		"falta IDDEVICE: añade el número de la placa, "+example)
}

func explainBadDevice(e *vaiven.Error, l vaiven.Lang) string {
	rule := l.Say(
		`send one to three digits, "IDDEVICE":101, or up to 64 letters, digits and . _ -`,
		`envía de una a tres cifras, "IDDEVICE":101, o hasta 64 letras, cifras y . _ -`)
	if e.Reason == reasonDuplicate {
		return l.Say("IDDEVICE stands twice in the message: send it once", "IDDEVICE está dos veces en el mensaje: envíalo una vez")
	}
	if e.Got == "" || e.Reason == reasonNested {
		return l.Say("IDDEVICE is neither a number nor text: ", "IDDEVICE no es un número ni un texto: ") + rule
	}
	return l.Say("IDDEVICE cannot be "+got(e)+": ", "IDDEVICE no puede ser "+got(e)+": ") + rule
}

func explainNoValues(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Reason {
	case reasonNull:
		return l.Say(
			"every measurement is null, so the sensor did not answer: ",
			"todas las medidas son null, así que el sensor no respondió: ") + sensorAdvice(l)
	case reasonAlias:
		want := measurementAlias(strings.ToUpper(e.Key))
		return l.Say(
			name(e)+` is not stored: write `+want+` and a number without quotes, "`+want+`":24.5`,
			name(e)+` no se guarda: escribe `+want+` y un número sin comillas, "`+want+`":24.5`)
	case reasonText:
		return l.Say(
			"there is no measurement: "+name(e)+" holds text, and only numbers are stored; send "+example,
			"no hay ninguna medida: "+name(e)+" contiene texto, y solo se guardan números; envía "+example)
	case reasonNested:
		return l.Say(
			"there is no measurement: "+name(e)+" holds "+held(e.Got, l)+"; put TEMP and HUM directly in the message, "+example,
			"no hay ninguna medida: "+name(e)+" contiene "+held(e.Got, l)+"; pon TEMP y HUM directamente en el mensaje, "+example)
	case reasonNamed:
		want := strings.ToUpper(strings.TrimSpace(e.Got))
		if alias := measurementAlias(want); alias != "" {
			want = alias
		}
		want = strconv.Quote(want)
		return l.Say(
			name(e)+" names the measurement, but the name has to be the key of the number: send "+want+":24.5",
			name(e)+" nombra la medida, pero el nombre tiene que ser la clave del número: envía "+want+":24.5")
	case reasonSeqReport:
		return l.Say(
			"there is no measurement, and SEQ counts readings: send a state without SEQ, or add a measurement",
			"no hay ninguna medida, y SEQ cuenta lecturas: envía el estado sin SEQ, o añade una medida")
	case reasonEmptyList:
		return l.Say(
			"the list [] holds no reading: send "+example,
			"la lista [] no contiene ninguna lectura: envía "+example)
	}
	return l.Say(
		"there is no measurement in the message: send "+example,
		"no hay ninguna medida en el mensaje: envía "+example)
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

// sensorAdvice is what to check when a sensor gives nothing.
func sensorAdvice(l vaiven.Lang) string {
	return l.Say(
		"check its wiring, the pin in the program and the 10 kΩ resistor from DATA to 3.3 V, and read a DHT at most every 2 s",
		"revisa el cableado, el pin en el programa y la resistencia de 10 kΩ entre DATA y 3,3 V, y lee un DHT como mucho cada 2 s")
}

func explainNotANumber(e *vaiven.Error, l vaiven.Lang) string {
	k := name(e)
	switch e.Reason {
	case reasonNaN:
		return l.Say(k+" is "+plain(e)+", not a number: the sensor did not answer; ", k+" es "+plain(e)+", no un número: el sensor no respondió; ") + sensorAdvice(l)
	case reasonQuoted:
		return l.Say(k+" is "+got(e)+" (text): send the number without quotes", k+" es "+got(e)+" (texto): envía el número sin comillas")
	case reasonComma:
		dot := strings.Replace(strings.TrimSpace(e.Got), ",", ".", 1)
		return l.Say(
			k+" is "+got(e)+" (text with a comma): send the number with a dot and without quotes, "+dot,
			k+" es "+got(e)+" (texto con coma): envía el número con punto y sin comillas, "+dot)
	case reasonUnit:
		return l.Say(
			k+" is "+got(e)+" (text): send the number alone, without unit and without quotes",
			k+" es "+got(e)+" (texto): envía solo el número, sin unidad y sin comillas")
	case reasonEmpty:
		return l.Say(
			k+` is "" (empty text): send a number, or null if nothing was measured`,
			k+` es "" (texto vacío): envía un número, o null si no se midió nada`)
	case reasonOnOff:
		return l.Say(
			k+" is "+got(e)+": a state is 1 (on) or 0 (off), without quotes",
			k+" es "+got(e)+": un estado es 1 (encendido) o 0 (apagado), sin comillas")
	case reasonNested:
		return l.Say(
			k+" holds "+held(e.Got, l)+": send one number",
			k+" contiene "+held(e.Got, l)+": envía un solo número")
	case reasonFW:
		return l.Say(
			k+` is the program's version: send text, "1.0.0"`,
			k+` es la versión del programa: envía texto, "1.0.0"`)
	case reasonStandIn:
		return k + ": " + explainStandIn(e, l)
	case reasonBool:
		return l.Say(k+" is "+plain(e)+": send a number", k+" es "+plain(e)+": envía un número")
	}
	if e.Got == "" {
		return l.Say(k+" is not a number", k+" no es un número")
	}
	text := l.Say(k+" is "+got(e)+" (text): send a number without quotes", k+" es "+got(e)+" (texto): envía un número sin comillas")
	if !vaiven.ProtocolKey(strings.ToUpper(e.Key)) {
		text += l.Say(", or null if nothing was measured", ", o null si no se midió nada")
	}
	return text
}

func explainOutOfRange(e *vaiven.Error, l vaiven.Lang) string {
	k := name(e)
	switch {
	case e.Reason == reasonBeyond:
		return k + beyond(e, l)
	case e.Reason == reasonHuge:
		return l.Say(k+" is "+plain(e)+", too large for a number", k+" es "+plain(e)+", demasiado grande para ser un número")
	case e.Reason == reasonFraction:
		return l.Say(k+" is "+plain(e)+": send a whole number", k+" es "+plain(e)+": envía un número entero")
	}
	if e.Hi == float64(maxExact) {
		lo := vaiven.FormatNumber(e.Lo)
		return l.Say(k+" is "+plain(e)+": send a whole number, "+lo+" or more", k+" es "+plain(e)+": envía un número entero, "+lo+" o más")
	}
	lo, hi := vaiven.FormatNumber(e.Lo), vaiven.FormatNumber(e.Hi)
	text := l.Say(k+" is "+plain(e)+", outside of "+lo+" to "+hi, k+" es "+plain(e)+", fuera de "+lo+" a "+hi)
	switch {
	case strings.EqualFold(e.Key, vaiven.KeyAge):
		return text + l.Say(" (ms since the reading was taken, at most 90 days)", " (ms desde que se tomó la lectura, como mucho 90 días)")
	case strings.EqualFold(e.Key, vaiven.KeyTime):
		return text + l.Say(" (milliseconds since 1970)", " (milisegundos desde 1970)")
	}
	return text + l.Say(": check the sensor and its unit", ": revisa el sensor y su unidad")
}

// beyond words a number that is larger than what counts are kept to.
func beyond(e *vaiven.Error, l vaiven.Lang) string {
	limit := strconv.FormatInt(maxExact, 10)
	return l.Say(" is "+plain(e)+": send "+limit+" at most", " es "+plain(e)+": envía "+limit+" como mucho")
}

func explainBadName(e *vaiven.Error, l vaiven.Lang) string {
	k := name(e)
	rule := l.Say("use A-Z, 0-9 and _, at most 16, not beginning with _", "usa A-Z, 0-9 y _, como mucho 16, sin empezar por _")
	switch e.Reason {
	case ReasonNoColumn:
		return explainNoColumn(e, l)
	case reasonDuplicate:
		return l.Say(
			k+" stands twice in the message (upper and lower case are the same): send it once",
			k+" está dos veces en el mensaje (mayúsculas y minúsculas son lo mismo): envíalo una vez")
	case reasonKeyType:
		return l.Say("a key of the CBOR map is not text: "+rule, "una clave del mapa CBOR no es texto: "+rule)
	case reasonReserved:
		return l.Say(
			k+" cannot be a state: it is a key of the protocol",
			k+" no puede ser un estado: es una clave del protocolo")
	case reasonText, reasonNested, reasonNumber:
		return l.Say(k+` lists state names in one text: "LED,RELAY"`, k+` es una lista de estados en un texto: "LED,RELAY"`)
	}
	if want := measurementAlias(strings.ToUpper(e.Key)); want != "" {
		return l.Say(k+" cannot be a name: write "+want, k+" no puede ser un nombre: escribe "+want)
	}
	return l.Say(k+" cannot be a name: "+rule, k+" no puede ser un nombre: "+rule)
}

// explainNoColumn is about a measurement that was stored, and has no column in the
// CSV file; Got are the file's.
func explainNoColumn(e *vaiven.Error, l vaiven.Lang) string {
	text := l.Say(
		name(e)+" has no column in the CSV, which has "+e.Got,
		name(e)+" no tiene columna en el CSV, que tiene "+e.Got)
	if want := measurementAlias(strings.ToUpper(e.Key)); want != "" && slices.Contains(strings.Split(e.Got, ", "), want) {
		return text + l.Say(": write "+want, ": escribe "+want)
	}
	return text
}

func explainBadSeq(e *vaiven.Error, l vaiven.Lang) string {
	k := name(e)
	switch e.Reason {
	case ReasonNoBoot:
		return l.Say(
			`SEQ needs a BOOT: send "BOOT" with 8 to 16 random hex digits, chosen once per power-up`,
			`SEQ necesita un BOOT: envía "BOOT" con 8 a 16 cifras hexadecimales al azar, elegidas una vez por arranque`)
	case reasonOrder:
		return l.Say(
			"NEXT is below OLDEST: they are the range of SEQ that the board still holds",
			"NEXT es menor que OLDEST: son el rango de SEQ que la placa conserva")
	case reasonDuplicate:
		return l.Say(k+" stands twice in the message: send it once", k+" está dos veces en el mensaje: envíalo una vez")
	case reasonBeyond:
		return k + beyond(e, l)
	case reasonQuoted:
		return l.Say(k+" is "+got(e)+" (text): send the number without quotes", k+" es "+got(e)+" (texto): envía el número sin comillas")
	}
	value := ""
	if e.Got != "" {
		value = l.Say(" is "+plain(e), " es "+plain(e))
	}
	return k + value + l.Say(
		": count whole numbers, 1, 2, 3 ..., one more for each reading",
		": cuenta con números enteros, 1, 2, 3 ..., uno más en cada lectura")
}

func explainBadBoot(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Reason {
	case ReasonReused, ReasonDifferent:
		what := l.Say(
			"this BOOT was used before with other readings",
			"este BOOT ya se usó antes con otras lecturas")
		return what + l.Say(
			": choose BOOT at random at every power-up (esp_random()), and keep it together with SEQ",
			": elige BOOT al azar en cada arranque (esp_random()) y guárdalo junto con SEQ")
	case reasonDuplicate:
		return l.Say("BOOT stands twice in the message: send it once", "BOOT está dos veces en el mensaje: envíalo una vez")
	}
	value := ""
	switch {
	case e.Reason == reasonNumber:
		value = l.Say(" is "+plain(e)+" without quotes", " es "+plain(e)+" sin comillas")
	case e.Got != "":
		value = l.Say(" is "+got(e), " es "+got(e))
	}
	return "BOOT" + value + l.Say(
		`: send 8 to 16 hex digits as text, "9f3c02aa"`,
		`: envía de 8 a 16 cifras hexadecimales como texto, "9f3c02aa"`)
}

func explainTooLarge(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Reason {
	case vaiven.ReasonManyValues:
		return tooMany(l, vaiven.MaxValues, "measurements in a reading", "medidas en una lectura")
	case reasonStates:
		return tooMany(l, MaxStates, "states", "estados")
	case reasonKeys:
		return tooMany(l, MaxKeys, "keys in an object", "claves en un objeto")
	case reasonDeep:
		return tooMany(l, MaxDepth, "levels of objects and lists", "niveles de objetos y listas") + l.Say(
			": put each measurement directly in the message",
			": pon cada medida directamente en el mensaje")
	case ReasonFlood:
		return tooMany(l, int(e.Hi), "readings of one board without SEQ in a message: send them in several, or number them with BOOT and SEQ",
			"lecturas de una placa sin SEQ en un mensaje: envíalas en varios, o numéralas con BOOT y SEQ")
	}
	return l.Say(
		"the message is too large: send fewer readings at once",
		"el mensaje es demasiado grande: envía menos lecturas a la vez")
}

func tooMany(l vaiven.Lang, n int, en, es string) string {
	limit := strconv.Itoa(n)
	return l.Say("there are more than "+limit+" "+en, "hay más de "+limit+" "+es)
}

// explainGap words that a HELLO gives up more readings than there can be. Lo are
// those, Hi what there can be.
func explainGap(e *vaiven.Error, l vaiven.Lang) string {
	lost, most := vaiven.FormatNumber(e.Lo), vaiven.FormatNumber(e.Hi)
	return l.Say(
		"OLDEST "+e.Got+" gives up "+lost+" readings, and since the last one this board can have taken "+most+
			" at most: say HELLO again with the oldest SEQ that it holds; if two boards have this IDDEVICE, give each its own",
		"OLDEST "+e.Got+" da por perdidas "+lost+" lecturas, y desde la última esta placa puede haber tomado "+most+
			" como mucho: repite HELLO con el SEQ más antiguo que conserva; si dos placas tienen este IDDEVICE, da a cada una el suyo")
}

// explainServer words what the gateway refuses.
func explainServer(e *vaiven.Error, l vaiven.Lang) string {
	text := string(e.Code)
	switch e.Code {
	case vaiven.CodeTooManyDevices:
		text = l.Say(
			"too many devices speak through this connection: open another one for the rest",
			"demasiadas placas hablan por esta conexión: abre otra para las demás")
	case vaiven.CodeDeviceInUse:
		text = l.Say(
			"another board is connected with this IDDEVICE: give each board a number of its own",
			"otra placa está conectada con este IDDEVICE: da a cada placa su propio número")
	case vaiven.CodeNotApproved:
		text = l.Say(
			"this board has not been approved yet: approve it on the server",
			"esta placa todavía no está aprobada: apruébala en el servidor")
	case vaiven.CodeTooFast:
		switch e.Reason {
		case ReasonGap:
			text = explainGap(e, l)
		case ReasonErrors:
			n := vaiven.FormatNumber(e.Hi)
			text = l.Say(
				n+" messages were refused: mend what the errors say; more of them are counted, and seldom answered",
				n+" mensajes fueron rechazados: corrige lo que dicen los errores; los demás se cuentan y rara vez se contestan")
		default:
			text = l.Say("readings come too fast: send fewer", "las lecturas llegan demasiado rápido: envía menos")
		}
	case vaiven.CodeBusy:
		text = l.Say(
			"the server cannot store readings now: keep them and send them again",
			"el servidor no puede guardar lecturas ahora: consérvalas y envíalas otra vez")
	}
	if e.Retry > 0 && e.Code.ForNow() {
		s := strconv.Itoa(int(math.Ceil(float64(e.Retry) / float64(time.Second))))
		text += l.Say(" (again in "+s+" s)", " (de nuevo en "+s+" s)")
	}
	return text
}
