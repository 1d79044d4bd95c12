package vaiven

// CSVFile is one of the CSV files that a server keeps: one that it is writing, one that
// ended, or the summary of a run.
type CSVFile struct {
	Name     string
	Bytes    int64  // of its whole rows
	Rows     uint64 // readings; 0: none, or not known
	From, To int64  // the TIMEFLAGs of the first row and of the last, Unix ms UTC; 0: not known
	Growing  bool   // rows are still added at its end
	Private  bool   // it names people: only for whom the server trusts
	Modified int64  // Unix ms UTC

	// Version names the content: of a file that grows the part of it that stays, of
	// another all of it. What it begins with is of the log, the columns and the zone.
	Version string
}
