package wire

import "vaiven"

// explainFault words what was refused below messages.
func explainFault(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Code {
	case vaiven.CodeBadHandshake:
		return explainHandshake(e, l)
	case vaiven.CodeWrongPath:
		return explainPath(e, l)
	case vaiven.CodeBadFrame:
		return l.Say(
			"a WebSocket frame breaks the rules ("+e.Got+"): use a WebSocket library, which masks its frames, and switch compression off",
			"una trama WebSocket rompe las reglas ("+e.Got+"): usa una biblioteca de WebSocket, que enmascara sus tramas, y desactiva la compresión")
	}
	return explainProtocol(e, l)
}

func explainHandshake(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Reason {
	case vaiven.FaultUpgrade:
		return l.Say(
			"the request asks for no WebSocket: send Upgrade: websocket and Connection: Upgrade; a proxy in between must hand them on",
			"la petición no pide un WebSocket: envía Upgrade: websocket y Connection: Upgrade; un proxy intermedio debe dejarlas pasar")
	case vaiven.FaultVersion:
		return l.Say(
			"the handshake lacks Sec-WebSocket-Version: 13: send it, or update the WebSocket library",
			"al saludo le falta Sec-WebSocket-Version: 13: envíala, o actualiza la biblioteca de WebSocket")
	case vaiven.FaultKey:
		return l.Say(
			"Sec-WebSocket-Key must be 16 bytes in base64, 24 characters, once: send dGhlIHNhbXBsZSBub25jZQ==",
			"Sec-WebSocket-Key debe ser 16 bytes en base64, 24 caracteres, una vez: envía dGhlIHNhbXBsZSBub25jZQ==")
	case vaiven.FaultMethod:
		return l.Say(
			"a "+plain(e)+" came to the WebSocket's address: open a WebSocket there, or POST to /api/v1/readings",
			"llegó un "+plain(e)+" a la dirección del WebSocket: abre ahí un WebSocket, o haz POST a /api/v1/readings")
	case vaiven.FaultBody:
		return l.Say(
			"the handshake has a body: send the message after it, through the WebSocket",
			"el saludo lleva un cuerpo: envía el mensaje después, por el WebSocket")
	case vaiven.FaultHTTP10:
		return l.Say(
			"the handshake is HTTP/1.0: write HTTP/1.1; nginx needs proxy_http_version 1.1",
			"el saludo es HTTP/1.0: escribe HTTP/1.1; nginx necesita proxy_http_version 1.1")
	case vaiven.FaultHost:
		return l.Say(
			"the request has no Host header: send Host: and the server's address",
			"la petición no lleva la cabecera Host: envía Host: y la dirección del servidor")
	}
	return l.Say(
		"the HTTP request cannot be read: end each header line with CR LF, and the last with an empty line",
		"no se puede leer la petición HTTP: termina cada cabecera con CR LF, y la última con una línea vacía")
}

func explainPath(e *vaiven.Error, l vaiven.Lang) string {
	if e.Reason == vaiven.FaultSocketIO {
		return l.Say(
			"this is Socket.IO, which is no plain WebSocket: use a WebSocket library, webSocket.begin(host, port, \"/\")",
			"esto es Socket.IO, que no es un WebSocket simple: usa una biblioteca de WebSocket, webSocket.begin(host, puerto, \"/\")")
	}
	return l.Say(
		"a board asks for the path "+got(e)+": boards connect to \"/\", write webSocket.begin(host, port, \"/\")",
		"una placa pide la ruta "+got(e)+": las placas se conectan a \"/\", escribe webSocket.begin(host, puerto, \"/\")")
}

func explainProtocol(e *vaiven.Error, l vaiven.Lang) string {
	switch e.Reason {
	case vaiven.FaultTLS:
		return l.Say(
			"TLS (wss:// or https://) came to the port without TLS: use ws://, or the port of --tls-listen",
			"llegó TLS (wss:// o https://) al puerto sin TLS: usa ws://, o el puerto de --tls-listen")
	case vaiven.FaultPlain:
		return l.Say(
			"a connection without TLS came to the TLS port: use wss:// (beginSSL), or the port of --listen",
			"llegó una conexión sin TLS al puerto TLS: usa wss:// (beginSSL), o el puerto de --listen")
	case vaiven.FaultMQTT:
		return l.Say(
			"this is MQTT, and vaiven speaks WebSocket: use a WebSocket library, webSocket.begin(host, port, \"/\")",
			"esto es MQTT, y vaiven habla WebSocket: usa una biblioteca de WebSocket, webSocket.begin(host, puerto, \"/\")")
	case vaiven.FaultHTTP2:
		return l.Say(
			"this is HTTP/2 without TLS: use HTTP/1.1, also between a proxy and vaiven",
			"esto es HTTP/2 sin TLS: usa HTTP/1.1, también entre un proxy y vaiven")
	}
	return l.Say(
		"what came is not HTTP: open a WebSocket with a library, webSocket.begin(host, port, \"/\")",
		"lo que llegó no es HTTP: abre un WebSocket con una biblioteca, webSocket.begin(host, puerto, \"/\")")
}
