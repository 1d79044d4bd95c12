package wire

import "vaiven"

// Explain puts a refusal into words for the person who wrote the board's
// program: what was wrong, and what to send instead.
func Explain(e *vaiven.Error, l vaiven.Lang) string { return e.Error() }
