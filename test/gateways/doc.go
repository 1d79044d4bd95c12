// Package gateways holds the tests of several gateways on one external NATS
// server: boards that move while one of them hangs with a batch in flight or is
// killed, and publishes whose outcome is unknown because the way to NATS was cut.
//
// Nothing may be lost or be there twice, and every gateway has to tell the same:
// the same CSV, the same history in the same bytes, the same states, REVs and
// ends of changes wherever they were asked for. Who follows the log over one of
// the live feeds goes on at another gateway, behind the last id, without a gap or
// a repeat.
//
// The API and the feeds are spoken without the product's code, but for one
// follower that is the product's own client; what changes mean is held against a
// model of its own.
package gateways
