// Package changes holds the proof that changes of state survive chaos. Boards
// are switched by several who ask at once over the HTTP API, while boards lose
// their network or their power, the network stalls, people press the boards' own
// switches, and the server is killed with kill -9 and started again.
//
// It owns a ledger, kept outside of the product: who asked for what under which
// key and what the API answered, and for each board what it applied and said,
// and when. At the end the ledger is held against the log, as GET
// /api/v1/events tells it and as the log's own records do: each change ended
// once, what is called confirmed was applied and reported before, nothing was
// applied after its deadline, and each board is what it ought to be. Boards that
// lie, and ledgers that were tampered with, show that the check can fail.
package changes
