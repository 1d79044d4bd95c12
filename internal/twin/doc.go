// Package twin is the view that knows what each device's states ought to be and
// what the device says they are: the desired and the reported state, the changes
// that were asked for, and how each of them ended.
//
// It owns the rules by which a change counts (the device's next REV, compare and
// set, toggles, overtaking, withdrawal), asking for one and waiting for its end,
// and the keeper, which writes the ends that nobody else can see: overtaken,
// refused, expired, and confirmations that another node left behind. It does not
// own connections: the gateway sends what Desired says, and writes down what was
// sent and confirmed. It does not own names of devices, nor presence.
//
// A change is written by [Twin.Ask] (change.go), decided when the log hands it to
// [Twin.Apply] (twin.go), which tells who asked, and ended by the gateway's or the
// keeper's record ([Twin.Run], keeper.go), of which Apply tells who is in [Twin.Wait].
//
// What the twin knows comes from the log's content alone, without a clock, so
// that the same log makes the same twin on every node, byte for byte in its
// Snapshot. Only the keeper and Ask look at a clock.
//
// Apply, Restore, Replayed and Snapshot are for one goroutine, the pump's, and
// Run for another. All other methods may be called from any goroutine; they
// return copies, and wait for at most one record being applied. No lock is held
// while anything else is called. A log that is slow or full makes Ask wait, or
// fail with vaiven.CodeBusy, and makes the keeper try again later; an end that
// waits for the log meanwhile is not lost, since it follows from the log.
package twin
