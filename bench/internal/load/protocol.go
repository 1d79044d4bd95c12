package load

// Protocol is what one board says, and how it reads the answers. Each method
// appends to out what the board sends, and returns it.
type Protocol interface {
	// Open is sent as soon as TCP is up; nothing means that the connection
	// is open with it.
	Open(out []byte) []byte
	// Greet is sent once before the first reading; nothing means that the
	// board needs no greeting.
	Greet(out []byte) []byte
	// Reading is the reading number seq, from 1.
	Reading(out []byte, seq uint64) []byte
	// Receive reads one message from the beginning of in. used is 0 while
	// the message is not complete. What must be answered at once (a ping) is
	// appended to out.
	Receive(in, out []byte) (used int, reply []byte, news News, err error)
}

// News is what one message from the server meant.
type News struct {
	Opened  bool
	Greeted bool
	Acked   uint64 // every reading up to this one is acknowledged; 0: says nothing of it
}
