// Package remotewrite sends what devices measure on to a store that speaks
// Prometheus's remote-write protocol, version 1.0
// (https://prometheus.io/docs/specs/prw/remote_write_spec/).
//
// It owns the position up to which the store has everything, in a file of the data
// folder. It does not own what waits: that is the log, so that the queue is bounded by
// the log alone and survives whatever the log survives. It is a view with a pace of
// its own that no other waits for: no part of a checkpoint, and not asked before the
// log is trimmed. What was trimmed before it was sent is missing in the store, which
// is said.
//
// A [Sender] reads the log in batches behind its position (sender.go), makes samples
// of them as the history does ([vaiven.AppendSamples]), encodes them (encode.go) and
// posts them (post.go):
//
//	2xx                    the position moves on
//	400, 413, 422          the store refuses a sample, or so much at once: the batch is
//	                       halved, until only what is refused by itself is dropped,
//	                       counted and said
//	401, 403, 404, other   a person has to put something right: the same batch again, a
//	4xx                    minute later, for ever
//	429, 5xx, anything     the same batch again, after pauses that grow up to a minute,
//	else, no answer        for ever
//
// If we die between the store's answer and the writing of the position, some batches
// are sent again: the same samples at the same times with the same values, which are in
// the store once. A store that refuses repeats answers 400 and is sent what is new.
//
// Memory holds one batch. Run is called once; Stats and Trouble by any goroutine.
package remotewrite
