// Package views is the pump: it reads the log in order, decides once what is
// new and what is a repeat, and hands every record on to each view.
//
// It owns the decisions (Decider: repeated and missing records, readings that
// are already stored, the gaps that settle a SEQ), the position and the queue
// of each view, the checkpoint file, and the check at the start that compares
// log and checkpoint. It does not own the log, nor what a view does with its
// entries; it knows both through interfaces of its own, and nothing here
// depends on a clock but the pauses between attempts and the names of files
// that are set aside.
//
// A record is read by [Pump.Run] (pump.go), decided by [Decider.Decide] (decider.go,
// and boot.go for the SEQs of a board), pushed to the runner of each view, and
// applied there (runner.go); save.go asks all views for a snapshot behind one record,
// and checkpoint.go has the format. [Open] (start.go) does the same with the log up
// to its end, before there is a goroutine.
//
// Pump.Settled, Repeat, Status, Stats, Follow and Wait may be called from any
// goroutine while Run runs. A view's methods are never called from two
// goroutines at once.
//
// A view that is slow or fails harms nobody: its queue fills, and from there it
// reads the log by itself, with a copy of the decider taken where its queue
// ended, until it has caught up. A view that returns an error is tried again
// with the same record, with growing pauses, and is reported in Status
// meanwhile. A log that cannot be read, or that lacks a record, stops the pump:
// Run returns the error, and the process must end.
package views
