package wire

import (
	"strconv"
	"strings"

	"vaiven"
)

// Reasons of what does not parse (not_json): of the message as a whole.
const (
	reasonBOM       = "bom"
	reasonUTF16     = "utf16"
	reasonUTF8      = "utf8"
	reasonHTML      = "html"
	reasonHTTP      = "http"
	reasonForm      = "form"
	reasonCSV       = "csv"
	reasonNoBraces  = "no_braces"
	reasonPlain     = "plain"
	reasonSeveral   = "several"  // another object behind the first
	reasonTrailing  = "trailing" // something else behind it
	reasonZeros     = "zeros"    // zero bytes behind it
	reasonBytes     = "bytes"    // Python's text of bytes
	reasonSocketIO  = "socket_io"
	reasonCBOR      = "cbor" // a binary message that is not CBOR
	reasonCBORText  = "cbor_text"
	reasonCBORTag   = "cbor_tag"
	reasonEmptyWire = "empty_message"
)

// Reasons of what does not parse: at one place.
const (
	reasonSingleQuote   = "single_quote"
	reasonCurlyQuote    = "curly_quote"
	reasonDecimalComma  = "decimal_comma"
	reasonTrailingComma = "trailing_comma"
	reasonDoubleComma   = "double_comma"
	reasonOpenKey       = "open_key"
	reasonNeedsQuotes   = "needs_quotes"
	reasonMissingComma  = "missing_comma"
	reasonMissingColon  = "missing_colon"
	reasonNoValue       = "no_value" // a key with neither colon nor value
	reasonMissingValue  = "missing_value"
	reasonUnclosed      = "unclosed"
	reasonSurplus       = "surplus"     // a closing bracket too many
	reasonBracket       = "bracket"     // ] where } belongs, or the other way round
	reasonOpenObject    = "open_object" // an object begins where a key belongs
	reasonInnerOpen     = "inner_open"  // } is missing before ], or the other way round
	reasonOpenString    = "open_string"
	reasonLineBreak     = "line_break"
	reasonEscape        = "escape"
	reasonSurrogate     = "surrogate"
	reasonControl       = "control"
	reasonLeadingZero   = "leading_zero"
	reasonPlus          = "plus"
	reasonDot           = "dot"
	reasonHex           = "hex"
	reasonBadNumber     = "bad_number"
	reasonPython        = "python"
	reasonComment       = "comment"
	reasonWord          = "word"
	reasonPlaceholder   = "placeholder"
	reasonBadKey        = "bad_key"
	reasonExtra         = "extra"
)

// notJSONSentences has the words for what does not parse.
var notJSONSentences = map[string]words{
	"": words{"this is not JSON", "esto no es JSON"}.then(sendExample),

	// The message as a whole.
	reasonEmptyWire: words{"the message is empty", "el mensaje está vacío"}.then(sendExample),
	reasonBOM: {"the message begins with a byte order mark (BOM): save or send it as UTF-8 without BOM",
		"el mensaje empieza con una marca de orden de bytes (BOM): guárdalo o envíalo como UTF-8 sin BOM"},
	reasonUTF16: {"the message holds zero bytes (UTF-16, or a buffer sent whole): send UTF-8, and only the bytes of the text",
		"el mensaje contiene bytes cero (UTF-16, o un búfer enviado entero): envía UTF-8, y solo los bytes del texto"},
	reasonUTF8: {"the message is not UTF-8 ({got} of Latin-1?): save the program's file as UTF-8, or write plain letters without accents",
		"el mensaje no es UTF-8 (¿{got} de Latin-1?): guarda el archivo del programa en UTF-8, o escribe letras sin tilde"},
	reasonUTF8 + noGot: {"the message is not UTF-8: use plain letters without accents, and no °, in keys and text",
		"el mensaje no es UTF-8: usa letras sin tilde, y ningún °, en claves y textos"},
	reasonZeros: {"zero bytes follow the message: send only the bytes of the text (strlen), not the whole buffer",
		"al mensaje le siguen bytes cero: envía solo los bytes del texto (strlen), no el búfer entero"},
	reasonBytes: {"this is how Python prints bytes (b'...'): send the text itself, json.dumps(...), not str() of its bytes",
		"así imprime Python los bytes (b'...'): envía el propio texto, json.dumps(...), no str() de sus bytes"},
	reasonSocketIO: {"this is a Socket.IO packet: use a plain WebSocket library, and send " + example,
		"esto es un paquete de Socket.IO: usa una biblioteca de WebSocket sin más, y envía " + example},
	reasonHTML: words{"this is HTML, not JSON", "esto es HTML, no JSON"}.then(sendExample),
	reasonHTTP: {"this is an HTTP request inside of the WebSocket: send only the JSON text, " + example,
		"esto es una petición HTTP dentro del WebSocket: envía solo el texto JSON, " + example},
	reasonForm:     words{"this is a web form (KEY=VALUE), not JSON", "esto es un formulario web (CLAVE=VALOR), no JSON"}.then(sendExample),
	reasonCSV:      words{"this is a CSV line, not JSON", "esto es una línea CSV, no JSON"}.then(sendExample),
	reasonNoBraces: words{"the braces { } around the message are missing", "faltan las llaves { } alrededor del mensaje"}.then(sendExample),
	reasonPlain:    words{"{got} is plain text, not JSON", "{got} es texto, no JSON"}.then(sendExample),
	reasonCBOR: {"this binary message is not CBOR: send JSON in a text message (sendTXT)",
		"este mensaje binario no es CBOR: envía JSON en un mensaje de texto (sendTXT)"},
	reasonCBORText: {"this is text in a binary message: send JSON as a text message (sendTXT, not sendBIN)",
		"esto es texto en un mensaje binario: envía JSON como mensaje de texto (sendTXT, no sendBIN)"},
	reasonCBORTag: {"CBOR tags are not accepted: send plain numbers and text", "no se aceptan etiquetas CBOR: envía números y textos simples"},

	// One value.
	reasonDecimalComma: {"{raw} has a decimal comma: write a dot, {dotted}", "{raw} lleva coma decimal: escribe un punto, {dotted}"},
	reasonLeadingZero:  {"{plain} begins with a zero: write {unpadded}", "{plain} empieza por cero: escribe {unpadded}"},
	reasonPlus:         {"{plain} begins with a plus: leave it out", "{plain} empieza por un signo más: quítalo"},
	reasonDot:          {"{raw} needs a digit on both sides of the dot: 0.5 or 24.0", "{raw} necesita una cifra a cada lado del punto: 0.5 o 24.0"},
	reasonHex:          {"{raw} is hexadecimal: send the number in decimal{decimal}", "{raw} es hexadecimal: envía el número en decimal{decimal}"},
	reasonBadNumber: {"{got} is not a number: send digits and one dot, without unit, 24.5",
		"{got} no es un número: envía cifras y un punto, sin unidad, 24.5"},
	reasonPython: {"{got} is not JSON: write true, false or null", "{got} no es JSON: escribe true, false o null"},
	reasonWord: {`{got} is a word: send the number itself (the value of a variable, not its name), or text between quotes "..."`,
		`{got} es una palabra: envía el número mismo (el valor de una variable, no su nombre), o un texto entre comillas "..."`},
	reasonWord + isSwitch: {"{got} is a word: send 1 for on, 0 for off", "{got} es una palabra: envía 1 para encendido, 0 para apagado"},
	reasonStandIn:         isStandIn,
	reasonPlaceholder: {"{got} is a printf placeholder: send the number itself (snprintf fills it in)",
		"{got} es un formato de printf: envía el número mismo (snprintf lo sustituye)"},
	reasonMissingValue: {"a value is missing: send a number, or null if nothing was measured", "falta un valor: envía un número, o null si no se midió nada"},
	reasonOpenString: {`a text does not end: close it with ", or make the buffer larger if the message was cut off`,
		`un texto no termina: ciérralo con ", o agranda el búfer si el mensaje está cortado`},
	reasonLineBreak: {`a text does not end before its line does: close it with ", or write \n for a line break`,
		`un texto no termina antes que su línea: ciérralo con ", o escribe \n para un salto de línea`},
	reasonNeedsQuotes: {"{plain} needs quotes here: write {got}", "{plain} necesita comillas aquí: escribe {got}"},
	reasonNeedsQuotes + isDevice: {"{plain} needs quotes here: write {got}, or the board's number",
		"{plain} necesita comillas aquí: escribe {got}, o el número de la placa"},
	reasonSurrogate: {"{escape} is half of a character: send both halves, or the character itself in UTF-8",
		"{escape} es medio carácter: envía las dos mitades, o el propio carácter en UTF-8"},
	reasonEscape: {`{escape} is no escape of JSON: write \\ for a backslash`, `{escape} no es un escape de JSON: escribe \\ para una barra invertida`},
	reasonEscape + isEscapeU: {`{escape} is no escape of JSON: \u needs four hex digits, \u00e9; write \\ for a backslash`,
		`{escape} no es un escape de JSON: \u necesita cuatro cifras hexadecimales, \u00e9; escribe \\ para una barra invertida`},
	reasonEscape + isQuote: {`{escape} is no escape of JSON: write ' alone`, `{escape} no es un escape de JSON: escribe ' sin más`},
	reasonControl:          {"a text holds a control character (a tab?): leave it out", "un texto contiene un carácter de control (¿un tabulador?): quítalo"},

	// What stands between values.
	reasonSingleQuote: {`JSON has double quotes: write " instead of ' (in Python, json.dumps)`,
		`JSON lleva comillas dobles: escribe " en vez de ' (en Python, json.dumps)`},
	reasonCurlyQuote: {`these are the curly quotes of a word processor: write " instead`,
		`estas son comillas tipográficas de un procesador de textos: escribe " en su lugar`},
	reasonTrailingComma:              {"there is a comma behind the last value: remove it", "sobra una coma detrás del último valor: quítala"},
	reasonDoubleComma:                {"there are two commas in a row: remove one", "hay dos comas seguidas: quita una"},
	reasonOpenKey:                    {`the key {got} lacks its closing quote: write "TEMP":24.5`, `a la clave {got} le falta la comilla final: escribe "TEMP":24.5`},
	reasonMissingComma:               {"a comma is missing between two values: add it", "falta una coma entre dos valores: añádela"},
	reasonMissingComma + isSemicolon: {"a ; separates values: write a comma", "un ; separa los valores: escribe una coma"},
	reasonMissingColon: {"the colon behind the key is missing: write : between key and value",
		"faltan los dos puntos detrás de la clave: escribe : entre clave y valor"},
	reasonMissingColon + isEquals: {"a = stands between key and value: write :", "hay un = entre clave y valor: escribe :"},
	reasonNoValue:                 {"a key has no value: write KEY, a colon, and the value", "una clave no tiene valor: escribe la clave, dos puntos y el valor"},
	reasonUnclosed: {"the message was cut off, or {got} is missing: make the buffer larger, or add it",
		"el mensaje está cortado, o falta {got}: agranda el búfer, o añádelo"},
	reasonUnclosed + noGot: {"the message was cut off: make the buffer larger", "el mensaje está cortado: agranda el búfer"},
	reasonSurplus:          {"there is one {raw} too many: remove it", "sobra un {raw}: quítalo"},
	reasonBracket:          {"{raw} stands where {other} belongs: change it", "hay un {raw} donde va un {other}: cámbialo"},
	reasonOpenObject: {"an object begins inside of another: close that one with } before it",
		"un objeto empieza dentro de otro: cierra ese con } antes"},
	reasonInnerOpen: {"a {raw} is missing before {other}: add it", "falta un {raw} antes de {other}: añádelo"},
	reasonComment:   {"JSON has no comments: remove it", "JSON no tiene comentarios: quítalo"},
	reasonBadKey: {`the key {got} is not possible: write letters A-Z, digits and _ between quotes, "TEMP":24.5`,
		`la clave {got} no es posible: escribe letras A-Z, cifras y _ entre comillas, "TEMP":24.5`},
	reasonSeveral: {"there are several objects in one message: send each in a message of its own, or all as a list, [{...},{...}]",
		"hay varios objetos en un mensaje: envía cada uno en su mensaje, o todos como lista, [{...},{...}]"},
	reasonTrailing: {"there is something behind the end of the message, {got}: send nothing behind it",
		"hay algo detrás del final del mensaje, {got}: no envíes nada detrás"},
	reasonTrailing + noGot: {"there is something behind the end of the message: send its own bytes only",
		"hay algo detrás del final del mensaje: envía solo sus bytes"},
	reasonDeep:  levels,
	reasonExtra: words{"{got} does not belong here", "{got} no va aquí"}.then(sendExample),
}

// notJSONVariant is variant for what does not parse.
func notJSONVariant(e *vaiven.Error) string {
	switch e.Reason {
	case reasonUTF8, reasonUnclosed, reasonTrailing:
		if e.Got == "" {
			return e.Reason + noGot
		}
	case reasonExtra:
		if e.Got == "" {
			return ""
		}
	case reasonMissingComma:
		if e.Got == ";" {
			return e.Reason + isSemicolon
		}
	case reasonMissingColon:
		if e.Got == "=" {
			return e.Reason + isEquals
		}
	case reasonNeedsQuotes:
		if strings.EqualFold(e.Key, vaiven.KeyDevice) {
			return e.Reason + isDevice
		}
	case reasonWord:
		switch strings.ToUpper(e.Got) {
		case "ON", "OFF", "HIGH", "LOW", "YES", "NO", "SI", "ENCENDIDO", "APAGADO", "OPEN", "CLOSED", "ABIERTO", "CERRADO":
			return e.Reason + isSwitch
		}
	case reasonEscape:
		if strings.HasPrefix(e.Got, `\u`) {
			return e.Reason + isEscapeU
		}
		if e.Got == `\'` {
			return e.Reason + isQuote
		}
	}
	return e.Reason
}

// decimal returns ", 101" for 0x65, "" for what is no such number.
func decimal(s string) string {
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil {
		return ""
	}
	return ", " + strconv.FormatInt(n, 10)
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

// otherBracket is the other closing bracket.
func otherBracket(bracket string) string {
	if bracket == "]" {
		return "}"
	}
	return "]"
}

// handshakeSentences, pathSentences and protocolSentences have the words for
// what was refused below messages.
var handshakeSentences = map[string]words{
	"": {"the HTTP request cannot be read: end each header line with CR LF, and the last with an empty line",
		"no se puede leer la petición HTTP: termina cada cabecera con CR LF, y la última con una línea vacía"},
	vaiven.FaultUpgrade: {"the request asks for no WebSocket: send Upgrade: websocket and Connection: Upgrade; a proxy in between must hand them on",
		"la petición no pide un WebSocket: envía Upgrade: websocket y Connection: Upgrade; un proxy intermedio debe dejarlas pasar"},
	vaiven.FaultVersion: {"the handshake lacks Sec-WebSocket-Version: 13: send it, or update the WebSocket library",
		"al saludo le falta Sec-WebSocket-Version: 13: envíala, o actualiza la biblioteca de WebSocket"},
	vaiven.FaultKey: {"Sec-WebSocket-Key must be 16 bytes in base64, 24 characters, once: send dGhlIHNhbXBsZSBub25jZQ==",
		"Sec-WebSocket-Key debe ser 16 bytes en base64, 24 caracteres, una vez: envía dGhlIHNhbXBsZSBub25jZQ=="},
	vaiven.FaultMethod: {"a {plain} came to the WebSocket's address: open a WebSocket there, or POST to /api/v1/readings",
		"llegó un {plain} a la dirección del WebSocket: abre ahí un WebSocket, o haz POST a /api/v1/readings"},
	vaiven.FaultBody: {"the handshake has a body: send the message after it, through the WebSocket",
		"el saludo lleva un cuerpo: envía el mensaje después, por el WebSocket"},
	vaiven.FaultHTTP10: {"the handshake is HTTP/1.0: write HTTP/1.1; nginx needs proxy_http_version 1.1",
		"el saludo es HTTP/1.0: escribe HTTP/1.1; nginx necesita proxy_http_version 1.1"},
	vaiven.FaultHost: {"the request has no Host header: send Host: and the server's address",
		"la petición no lleva la cabecera Host: envía Host: y la dirección del servidor"},
}

var pathSentences = map[string]words{
	"": {"a board asks for the path {got}: boards connect to \"/\", write webSocket.begin(host, port, \"/\")",
		"una placa pide la ruta {got}: las placas se conectan a \"/\", escribe webSocket.begin(host, puerto, \"/\")"},
	vaiven.FaultSocketIO: {"this is Socket.IO, which is no plain WebSocket: use a WebSocket library, webSocket.begin(host, port, \"/\")",
		"esto es Socket.IO, que no es un WebSocket simple: usa una biblioteca de WebSocket, webSocket.begin(host, puerto, \"/\")"},
}

var protocolSentences = map[string]words{
	"": {"what came is not HTTP: open a WebSocket with a library, webSocket.begin(host, port, \"/\")",
		"lo que llegó no es HTTP: abre un WebSocket con una biblioteca, webSocket.begin(host, puerto, \"/\")"},
	vaiven.FaultTLS: {"TLS (wss:// or https://) came to the port without TLS: use ws://, or the port of --tls-listen",
		"llegó TLS (wss:// o https://) al puerto sin TLS: usa ws://, o el puerto de --tls-listen"},
	vaiven.FaultPlain: {"a connection without TLS came to the TLS port: use wss:// (beginSSL), or the port of --listen",
		"llegó una conexión sin TLS al puerto TLS: usa wss:// (beginSSL), o el puerto de --listen"},
	vaiven.FaultMQTT: {"this is MQTT, and vaiven speaks WebSocket: use a WebSocket library, webSocket.begin(host, port, \"/\")",
		"esto es MQTT, y vaiven habla WebSocket: usa una biblioteca de WebSocket, webSocket.begin(host, puerto, \"/\")"},
	vaiven.FaultHTTP2: {"this is HTTP/2 without TLS: use HTTP/1.1, also between a proxy and vaiven",
		"esto es HTTP/2 sin TLS: usa HTTP/1.1, también entre un proxy y vaiven"},
}
