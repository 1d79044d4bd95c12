// Package event owns the public JSON of events, in both directions: [Append] writes
// what the terminal prints with --json, what the API answers and what the live feeds
// send, and [Parse] reads it for a program that follows a server from elsewhere.
//
// An event is one object. The fields are stable: later versions may add fields and
// kinds, and change none. Fields without content are left out.
//
// Every object has
//
//	id      place in the log; opaque, ordered, unique
//	kind    reading, refusal, gap, rejected, session_start, session_end,
//	        presence, report, hello, conflict, log_start, change, sent,
//	        change_end, described or forgotten
//	at      when the server received it: RFC 3339 with ms, in its zone then
//	synced  true when the server's clock was known to be right
//	device  IDDEVICE; left out when it is not known
//	name    the owner's name, when there is a roster
//
// and, by kind:
//
//	reading        values {NAME: number}; states {NAME: number}; boot, seq and
//	               rev when the board sent them; measured (RFC 3339 with ms)
//	               when it is known; uncounted (true: its session does not
//	               count it); fills (true) when it had been recorded as a gap
//	refusal        boot, seq, code
//	gap            boot, from, to (both included)
//	rejected       code, count, text (what the board was told), remote
//	session_start  readings, deadline (RFC 3339 with ms), interval_ms
//	session_end    reason (readings, elapsed, renewed), count
//	presence       connected (true or false); silent (true: connected, but no
//	               reading comes); remote, reason, sleep_ms
//	report         boot, rev, states
//	hello          boot, oldest, next, lost, up_ms, fw, states, rev; names
//	               [NAME, ...] of states that it declares
//	conflict       remotes [address, ...]
//	log_start      log
//	change         key; states {NAME: number} and toggle [NAME, ...] that are
//	               asked for; by (who asks); deadline (RFC 3339 with ms);
//	               if_rev (only if the device's revision is this one)
//	sent           key, rev
//	change_end     key, rev; outcome (confirmed, expired, refused, overtaken);
//	               reason (of a refusal: rev, no_up, states); states, toggles
//	               resolved; by; asked (RFC 3339 with ms); took_ms
//	described      title, note, groups [name, ...]; they replace the earlier ones
//	forgotten      through (the server's doing, since nothing had come of the
//	               device for long: the record up to which it had looked)
//
// A new kind of event is written in [Append] and read in [Parse]; a test walks
// [vaiven.KindNames] and fails where one of them does not know it.
//
// Everything here is a pure function: any goroutine may call it, and nothing waits.
package event
