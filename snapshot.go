package vaiven

// SnapshotInfo says where a snapshot of the views stands in the log. Who has it needs
// no record before Pos+1.
type SnapshotInfo struct {
	Pos  uint64 // last record that it covers
	At   int64  // ms UTC: time of that record, by its stamp
	Size int64  // bytes
}
