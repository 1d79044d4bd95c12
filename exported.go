package vaiven

// Exported is what became of an export: how many readings it holds, and what of the
// log it does not.
type Exported struct {
	Rows    uint64   // readings in the file, or events
	Without uint64   // readings asked for that have no row, since they have none of its columns
	LeftOut []string // measurements of the readings asked for without a column, in order; a few. None where the columns were named
	Begins  int64    // the log's oldest moment, Unix ms UTC, when the part asked for begins before it; 0: it does not
}
