// Package gateways holds the tests of several gateways on one external NATS
// server: a board that moves while one of them hangs with a batch in flight,
// and a publish whose outcome is unknown because the way to NATS was cut.
// Nothing may be lost or be there twice, and every gateway's CSV must hold the
// same bytes, for a view depends on the log alone.
package gateways
