// Package registry is the view that knows every device: when it was heard, its
// latest values and reported states, what was refused, whether it is connected,
// and its session with the statistics of the lab's summary.
//
// It owns that table, in memory, and its Snapshot in a checkpoint. It does not
// own readings (the log has them) nor what a state ought to be (the twin does);
// it asks no clock, so that the same log gives the same table.
//
// Apply, Restore and Snapshot are for one goroutine, the pump's. All other
// methods may be called from any goroutine, return copies, and wait for at most
// one record being applied. There is no peer to be slow or dead: nothing here
// waits for anything else.
//
// A device takes about 1020 bytes, with two measurements, its address and a session; lists
// that a board could make long are bounded, and say how.
package registry
