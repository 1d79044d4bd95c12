package vaiven

// Reasons of an Error that says what was refused below messages, while no board
// was known.
const (
	FaultUpgrade = "upgrade" // bad_handshake: Upgrade or Connection is missing
	FaultVersion = "version" // bad_handshake: Sec-WebSocket-Version is not 13
	FaultKey     = "key"     // bad_handshake: Sec-WebSocket-Key
	FaultMethod  = "method"  // bad_handshake: not GET
	FaultBody    = "body"    // bad_handshake: a request with a body
	FaultHTTP10  = "http10"  // bad_handshake: HTTP/1.0
	FaultRequest = "request" // bad_handshake: no HTTP request that can be read
	FaultHost    = "host"    // bad_handshake: Host is missing

	FaultSocketIO = "socket_io" // wrong_path: another library's protocol

	FaultTLS   = "tls"   // wrong_protocol: TLS on the port without
	FaultPlain = "plain" // wrong_protocol: no TLS on the port with
	FaultMQTT  = "mqtt"  // wrong_protocol
	FaultHTTP2 = "http2" // wrong_protocol: HTTP/2 without TLS
	FaultBytes = "bytes" // wrong_protocol: none that is known

	FaultMessage = "message" // too_large: a message of too many bytes; Hi is how many are taken
)
