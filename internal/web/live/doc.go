// Package live owns the live feeds: the log's one stream of events, followed
// over WebSocket, Server-Sent Events, long polling and newline-delimited JSON,
// because proxies and firewalls are not all alike. All four resume behind an
// event's id without a gap or a repeat, and have the same filters.
//
//	GET /api/v1/live/ws      each event one text message
//	GET /api/v1/live/sse     text/event-stream; Last-Event-ID resumes
//	GET /api/v1/live/ndjson  one JSON object per line
//	GET /api/v1/live/poll    {"events":[...],"next":"ID"}; wait=30s, limit=500
//
//	?after=ID                only what comes behind it; 0 or "begin": everything;
//	                         left out: from now on
//	?device=101,102          only these devices
//	?kind=reading,state      only these kinds; "state" and "session" are groups
//
// The first thing on a stream, and a sign of life when nothing happens, is the
// position: the id up to which the log was looked through, also when the filter
// let nothing of it pass. An id that this log has not reached is answered with
// 410: it is another log's, or one that was restored from an older copy. A node
// of a cluster that is itself behind the log answers 503 instead.
//
// Feed is a view of the log. It encodes each event once into a ring in memory,
// and knows nothing of who may follow: access is decided before its Handler is
// called. It does not own the log; what the ring no longer holds it asks for
// through History.
//
// Apply belongs to the pump; everything else may be called from any goroutine.
//
// # Slow and dead peers
//
// A follower is a place in the log and nothing more: it holds no queue of
// events, so one that is slow harms nobody. What it has missed comes from the
// ring, or from the log through one of a few readers, once it can take it. One
// that takes nothing for Options.WriteTimeout is dropped; what it holds until
// then is one batch, 32 KiB (256 KiB when it comes from the log) and its copy on
// the way out. A WebSocket is told why and where to resume (1013, "too slow:
// resume after ID"); an HTTP stream can only end, and resumes after the last id
// that it got.
//
// When the feed is closed, or cannot read the log, every follower is told where
// to resume: a WebSocket by its close frame's reason, a stream by a last message
// {"kind":"bye","reason":"shutdown","id":"ID"}.
package live
