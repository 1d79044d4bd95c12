package wire

import (
	"strconv"
	"strings"

	"vaiven"
)

// explainNotJSON words what does not parse: the whole message first, then one
// place in it.
func explainNotJSON(e *vaiven.Error, l vaiven.Lang) string {
	text := explainForm(e, l)
	if text == "" {
		text = explainValue(e, l)
	}
	if text == "" {
		text = explainPlace(e, l)
	}
	return text + near(e, l)
}

// near says which key stood last before the problem, and what the message calls
// its board.
func near(e *vaiven.Error, l vaiven.Lang) string {
	var where []string
	if e.Key != "" {
		where = append(where, l.Say("at ", "en ")+name(e))
	}
	if e.Claim != "" {
		where = append(where, l.Say("board ", "placa ")+string(e.Claim))
	}
	if len(where) == 0 {
		return ""
	}
	return " (" + strings.Join(where, ", ") + ")"
}

// explainForm words what is wrong with the message as a whole.
func explainForm(e *vaiven.Error, l vaiven.Lang) string {
	send := l.Say(": send "+example, ": envía "+example)
	switch e.Reason {
	case reasonEmptyWire:
		return l.Say("the message is empty", "el mensaje está vacío") + send
	case reasonBOM:
		return l.Say(
			"the message begins with a byte order mark (BOM): save or send it as UTF-8 without BOM",
			"el mensaje empieza con una marca de orden de bytes (BOM): guárdalo o envíalo como UTF-8 sin BOM")
	case reasonUTF16:
		return l.Say(
			"the message holds zero bytes (UTF-16, or a buffer sent whole): send UTF-8, and only the bytes of the text",
			"el mensaje contiene bytes cero (UTF-16, o un búfer enviado entero): envía UTF-8, y solo los bytes del texto")
	case reasonUTF8:
		return explainUTF8(e, l)
	case reasonZeros:
		return l.Say(
			"zero bytes follow the message: send only the bytes of the text (strlen), not the whole buffer",
			"al mensaje le siguen bytes cero: envía solo los bytes del texto (strlen), no el búfer entero")
	case reasonBytes:
		return l.Say(
			"this is how Python prints bytes (b'...'): send the text itself, json.dumps(...), not str() of its bytes",
			"así imprime Python los bytes (b'...'): envía el propio texto, json.dumps(...), no str() de sus bytes")
	case reasonSocketIO:
		return l.Say(
			"this is a Socket.IO packet: use a plain WebSocket library, and send ",
			"esto es un paquete de Socket.IO: usa una biblioteca de WebSocket sin más, y envía ") + example
	case reasonHTML:
		return l.Say("this is HTML, not JSON", "esto es HTML, no JSON") + send
	case reasonHTTP:
		return l.Say(
			"this is an HTTP request inside of the WebSocket: send only the JSON text, "+example,
			"esto es una petición HTTP dentro del WebSocket: envía solo el texto JSON, "+example)
	case reasonForm:
		return l.Say("this is a web form (KEY=VALUE), not JSON", "esto es un formulario web (CLAVE=VALOR), no JSON") + send
	case reasonCSV:
		return l.Say("this is a CSV line, not JSON", "esto es una línea CSV, no JSON") + send
	case reasonNoBraces:
		return l.Say("the braces { } around the message are missing", "faltan las llaves { } alrededor del mensaje") + send
	case reasonPlain:
		return l.Say(got(e)+" is plain text, not JSON", got(e)+" es texto, no JSON") + send
	case reasonCBOR:
		return l.Say(
			"this binary message is not CBOR: send JSON in a text message (sendTXT)",
			"este mensaje binario no es CBOR: envía JSON en un mensaje de texto (sendTXT)")
	case reasonCBORText:
		return l.Say(
			"this is text in a binary message: send JSON as a text message (sendTXT, not sendBIN)",
			"esto es texto en un mensaje binario: envía JSON como mensaje de texto (sendTXT, no sendBIN)")
	case reasonCBORTag:
		return l.Say("CBOR tags are not accepted: send plain numbers and text", "no se aceptan etiquetas CBOR: envía números y textos simples")
	}
	return ""
}

// explainUTF8 names the letter that the bad byte is in Latin-1, if it is one.
func explainUTF8(e *vaiven.Error, l vaiven.Lang) string {
	if e.Got == "" {
		return l.Say(
			"the message is not UTF-8: use plain letters without accents, and no °, in keys and text",
			"el mensaje no es UTF-8: usa letras sin tilde, y ningún °, en claves y textos")
	}
	return l.Say(
		"the message is not UTF-8 ("+got(e)+" of Latin-1?): save the program's file as UTF-8, or write plain letters without accents",
		"el mensaje no es UTF-8 (¿"+got(e)+" de Latin-1?): guarda el archivo del programa en UTF-8, o escribe letras sin tilde")
}

// explainValue words what is wrong with one value.
func explainValue(e *vaiven.Error, l vaiven.Lang) string {
	g := got(e)
	switch e.Reason {
	case reasonDecimalComma:
		return l.Say(
			e.Got+" has a decimal comma: write a dot, "+strings.Replace(e.Got, ",", ".", 1),
			e.Got+" lleva coma decimal: escribe un punto, "+strings.Replace(e.Got, ",", ".", 1))
	case reasonLeadingZero:
		return l.Say(
			plain(e)+" begins with a zero: write "+unpadded(e.Got),
			plain(e)+" empieza por cero: escribe "+unpadded(e.Got))
	case reasonPlus:
		return l.Say(plain(e)+" begins with a plus: leave it out", plain(e)+" empieza por un signo más: quítalo")
	case reasonDot:
		return l.Say(
			e.Got+" needs a digit on both sides of the dot: 0.5 or 24.0",
			e.Got+" necesita una cifra a cada lado del punto: 0.5 o 24.0")
	case reasonHex:
		return explainHex(e, l)
	case reasonBadNumber:
		return l.Say(g+" is not a number: send digits and one dot, without unit, 24.5", g+" no es un número: envía cifras y un punto, sin unidad, 24.5")
	case reasonPython:
		return l.Say(g+" is not JSON: write true, false or null", g+" no es JSON: escribe true, false o null")
	case reasonWord:
		return explainWord(e, l)
	case reasonStandIn:
		return explainStandIn(e, l)
	case reasonPlaceholder:
		return l.Say(
			g+" is a printf placeholder: send the number itself (snprintf fills it in)",
			g+" es un formato de printf: envía el número mismo (snprintf lo sustituye)")
	case reasonMissingValue:
		return l.Say("a value is missing: send a number, or null if nothing was measured", "falta un valor: envía un número, o null si no se midió nada")
	case reasonOpenString:
		return l.Say(
			`a text does not end: close it with ", or make the buffer larger if the message was cut off`,
			`un texto no termina: ciérralo con ", o agranda el búfer si el mensaje está cortado`)
	case reasonLineBreak:
		return l.Say(
			`a text does not end before its line does: close it with ", or write \n for a line break`,
			`un texto no termina antes que su línea: ciérralo con ", o escribe \n para un salto de línea`)
	case reasonNeedsQuotes:
		return explainNeedsQuotes(e, l)
	case reasonSurrogate:
		return l.Say(
			strings.ReplaceAll(g, `\\`, `\`)+" is half of a character: send both halves, or the character itself in UTF-8",
			strings.ReplaceAll(g, `\\`, `\`)+" es medio carácter: envía las dos mitades, o el propio carácter en UTF-8")
	case reasonEscape:
		return explainEscape(e, l)
	case reasonControl:
		return l.Say("a text holds a control character (a tab?): leave it out", "un texto contiene un carácter de control (¿un tabulador?): quítalo")
	}
	return ""
}

// explainHex says which number was meant, if it is one.
func explainHex(e *vaiven.Error, l vaiven.Lang) string {
	text := l.Say(e.Got+" is hexadecimal: send the number in decimal", e.Got+" es hexadecimal: envía el número en decimal")
	if n, err := strconv.ParseInt(e.Got, 0, 64); err == nil {
		text += ", " + strconv.FormatInt(n, 10)
	}
	return text
}

// explainNeedsQuotes says how to write a text that stood there bare.
func explainNeedsQuotes(e *vaiven.Error, l vaiven.Lang) string {
	text := l.Say(plain(e)+" needs quotes here: write "+got(e), plain(e)+" necesita comillas aquí: escribe "+got(e))
	if strings.EqualFold(e.Key, vaiven.KeyDevice) {
		text += l.Say(", or the board's number", ", o el número de la placa")
	}
	return text
}

// explainStandIn says that the X of the slide stand for a number.
func explainStandIn(e *vaiven.Error, l vaiven.Lang) string {
	return l.Say(
		got(e)+" only stands for a number: write the number itself in its place, "+example,
		got(e)+" solo está en lugar de un número: escribe ahí el número, "+example)
}

// explainWord says what to write instead of a bare word.
func explainWord(e *vaiven.Error, l vaiven.Lang) string {
	switch strings.ToUpper(e.Got) {
	case "ON", "OFF", "HIGH", "LOW", "YES", "NO", "SI", "ENCENDIDO", "APAGADO", "OPEN", "CLOSED", "ABIERTO", "CERRADO":
		return l.Say(got(e)+" is a word: send 1 for on, 0 for off", got(e)+" es una palabra: envía 1 para encendido, 0 para apagado")
	}
	return l.Say(
		got(e)+` is a word: send the number itself (the value of a variable, not its name), or text between quotes "..."`,
		got(e)+` es una palabra: envía el número mismo (el valor de una variable, no su nombre), o un texto entre comillas "..."`)
}

// explainEscape says how to write what a bad escape was meant for.
func explainEscape(e *vaiven.Error, l vaiven.Lang) string {
	g := strings.ReplaceAll(got(e), `\\`, `\`)
	switch {
	case strings.HasPrefix(e.Got, `\u`):
		return l.Say(
			g+` is no escape of JSON: \u needs four hex digits, \u00e9; write \\ for a backslash`,
			g+` no es un escape de JSON: \u necesita cuatro cifras hexadecimales, \u00e9; escribe \\ para una barra invertida`)
	case e.Got == `\'`:
		return l.Say(g+" is no escape of JSON: write ' alone", g+" no es un escape de JSON: escribe ' sin más")
	}
	return l.Say(
		g+` is no escape of JSON: write \\ for a backslash`,
		g+` no es un escape de JSON: escribe \\ para una barra invertida`)
}

// unpadded removes leading zeros as a person would.
func unpadded(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	s = strings.TrimLeft(s, "0")
	if s == "" || class[s[0]] != digit {
		s = "0" + s
	}
	return sign + s
}

// other is the other closing bracket.
func other(bracket string) string {
	if bracket == "]" {
		return "}"
	}
	return "]"
}

// explainPlace words what is wrong between values.
func explainPlace(e *vaiven.Error, l vaiven.Lang) string {
	g := got(e)
	switch e.Reason {
	case reasonSingleQuote:
		return l.Say(
			`JSON has double quotes: write " instead of ' (in Python, json.dumps)`,
			`JSON lleva comillas dobles: escribe " en vez de ' (en Python, json.dumps)`)
	case reasonCurlyQuote:
		return l.Say(
			`these are the curly quotes of a word processor: write " instead`,
			`estas son comillas tipográficas de un procesador de textos: escribe " en su lugar`)
	case reasonTrailingComma:
		return l.Say("there is a comma behind the last value: remove it", "sobra una coma detrás del último valor: quítala")
	case reasonDoubleComma:
		return l.Say("there are two commas in a row: remove one", "hay dos comas seguidas: quita una")
	case reasonOpenKey:
		return l.Say(
			"the key "+g+` lacks its closing quote: write "TEMP":24.5`,
			"a la clave "+g+` le falta la comilla final: escribe "TEMP":24.5`)
	case reasonMissingComma:
		if e.Got == ";" {
			return l.Say("a ; separates values: write a comma", "un ; separa los valores: escribe una coma")
		}
		return l.Say("a comma is missing between two values: add it", "falta una coma entre dos valores: añádela")
	case reasonMissingColon:
		if e.Got == "=" {
			return l.Say("a = stands between key and value: write :", "hay un = entre clave y valor: escribe :")
		}
		return l.Say("the colon behind the key is missing: write : between key and value", "faltan los dos puntos detrás de la clave: escribe : entre clave y valor")
	case reasonNoValue:
		return l.Say("a key has no value: write KEY, a colon, and the value", "una clave no tiene valor: escribe la clave, dos puntos y el valor")
	case reasonUnclosed:
		if e.Got == "" {
			return l.Say("the message was cut off: make the buffer larger", "el mensaje está cortado: agranda el búfer")
		}
		return l.Say(
			"the message was cut off, or "+g+" is missing: make the buffer larger, or add it",
			"el mensaje está cortado, o falta "+g+": agranda el búfer, o añádelo")
	case reasonSurplus:
		return l.Say("there is one "+e.Got+" too many: remove it", "sobra un "+e.Got+": quítalo")
	case reasonBracket:
		return l.Say(e.Got+" stands where "+other(e.Got)+" belongs: change it", "hay un "+e.Got+" donde va un "+other(e.Got)+": cámbialo")
	case reasonOpenObject:
		return l.Say("an object begins inside of another: close that one with } before it", "un objeto empieza dentro de otro: cierra ese con } antes")
	case reasonInnerOpen:
		return l.Say("a "+e.Got+" is missing before "+other(e.Got)+": add it", "falta un "+e.Got+" antes de "+other(e.Got)+": añádelo")
	case reasonComment:
		return l.Say("JSON has no comments: remove it", "JSON no tiene comentarios: quítalo")
	case reasonBadKey:
		return l.Say(
			`the key `+g+` is not possible: write letters A-Z, digits and _ between quotes, "TEMP":24.5`,
			`la clave `+g+` no es posible: escribe letras A-Z, cifras y _ entre comillas, "TEMP":24.5`)
	case reasonSeveral:
		return l.Say(
			"there are several objects in one message: send each in a message of its own, or all as a list, [{...},{...}]",
			"hay varios objetos en un mensaje: envía cada uno en su mensaje, o todos como lista, [{...},{...}]")
	case reasonTrailing:
		if e.Got == "" {
			return l.Say("there is something behind the end of the message: send its own bytes only", "hay algo detrás del final del mensaje: envía solo sus bytes")
		}
		return l.Say(
			"there is something behind the end of the message, "+g+": send nothing behind it",
			"hay algo detrás del final del mensaje, "+g+": no envíes nada detrás")
	case reasonDeep:
		return explainTooLarge(e, l)
	case reasonExtra:
		if e.Got != "" {
			return l.Say(g+" does not belong here: send "+example, g+" no va aquí: envía "+example)
		}
	}
	return l.Say("this is not JSON: send "+example, "esto no es JSON: envía "+example)
}
