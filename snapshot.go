package vaiven

// SnapshotInfo is what is known of a snapshot without reading it.
type SnapshotInfo struct {
	Pos  uint64 // the last record that it covers
	At   int64  // time of that record, Unix ms UTC
	Size int64  // bytes
}
