// Package stream is the log: every record that vaiven keeps, in one order, on
// NATS JetStream. It is the only package that knows NATS.
//
// It owns the record's encoding (docs/LOG.md), the embedded NATS server or the
// connection to an external one, the committer that joins what is appended
// into records (group commit), the disk reserve, and the witness file that
// tells after a restart whether the log still has all that was acknowledged.
// It does not own what events mean: repeats, order within a device and the
// acknowledgement to a board are decided by its users.
//
// A Log's methods may be called from several goroutines; Run is called once.
// Options.OnCommit is called from Run's goroutine.
//
// When the store is slow or gone, Append waits while its bounded queue is
// full, and refuses with CodeBusy once nothing has been committed for two
// seconds or the disk is below its reserve; memory does not grow. A record
// whose outcome is unknown is published again, with identical bytes, until it
// is known; nothing is ever handed to OnCommit before the store has confirmed
// it. A log that contradicts itself (fewer records than were acknowledged, a
// sequence used twice) ends Run with an error: the process must stop, and the
// next start says what is wrong.
package stream
