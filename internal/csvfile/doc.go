// Package csvfile is the view that keeps the CSV file which was asked for:
// IDdato,IDdevice,TIMEFLAG and the measurements, one row per reading, as
// PROTOCOL.md words it.
//
// It owns the file, its sidecar (FILE.vaiven.json: which log it belongs to, its
// columns and zone, fixed when it was created), the comparison of what the file
// holds with what the log says, and the check that vaiven verify makes. It does
// not own the log nor the order of readings, and IDdato is nothing but its own
// row number.
//
// The file is a view: it can be built again from the log at any time. So rows
// are written with one write per batch and no fsync; Snapshot brings them to
// the disk before their number goes into a checkpoint. Rows that the file
// already has are compared, never rewritten. What a person has changed is kept
// aside under a telling name, and told. A file that ends with a whole row, behind
// what the last Snapshot vouches for, is only behind the log: a kill leaves it at
// any moment, and it is completed without a word.
//
// Apply, Flush, Restore, Replayed and Snapshot are for one goroutine, the
// pump's; Rows, Path, Zone and Columns may be called from any. A folder that
// is gone (a memory stick pulled) or a full disk is an error of Apply or Flush;
// called again, they open the file anew and go on where it ended. No call waits
// longer than the file system does.
package csvfile
