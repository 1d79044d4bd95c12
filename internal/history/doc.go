// Package history is the view that keeps years of readings as time series: the
// blocks of the Prometheus TSDB on disk, one series per device and measurement or
// state, and in memory what has come since the last block.
//
// It owns its folder, where a sample lands, and
// the queries. It does not own readings: the log has them, and is also the journal of
// what is not in a block yet. So the TSDB's own head and its write-ahead log are not
// used. What is in memory is read from the log again after a start (Kept says from
// where on), nothing is written twice, and a disk that fails costs an error of Apply,
// which succeeds once the disk does.
//
// The folder:
//
//	manifest   which blocks count, the record of the log up to which they hold
//	           everything, and the counts. It is replaced whole; a block that it does
//	           not name is a crash's leftover, and removed
//	ULID/      a block, as Prometheus has it, and in it
//	rollup     count, minimum, maximum and sum of each series for each five minutes
//
// A sample lands at the time of measuring, however late it comes: no two blocks hold
// the same sample, but their times may overlap. A sample that meets another value of
// its series in the same millisecond is dropped and counted, and so is one that is
// older than what is kept; both stay in the log. The same sample again is nothing new.
//
// Like every view it has no clock: blocks are cut, and old ones removed, by the times
// in the log.
//
// Apply, Restore and Snapshot are for one goroutine, the pump's. Blocks are
// joined on a goroutine of the package's own, which Close ends and waits for. All other
// methods may be called from any goroutine. Memory is bounded: Apply writes a block
// when the samples in memory take 16 MiB, and fails, so that the pump waits and reads
// the log later, while that block cannot be written. A query that takes long holds up
// nothing but the removal of blocks that it reads.
package history
