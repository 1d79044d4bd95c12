// Package console is everything that the terminal shows: the line per reading
// that the course asks for (Plain), one JSON object per event (JSON), the
// full-screen view (TUI), the banner at the start, notices and errors with
// their hint, the progress bar of long work, and the summary at the end
// together with resumen.csv and the roster of names. It is also what a person
// types there: the keys of the full screen, and lines (Keys).
//
// It owns words, alignment and colour. It does not own numbers: what happened
// comes as events of the log, statistics come ready made, and nothing here
// decides anything: a key asks (Ask), and what becomes of it comes back as
// events like everything else. Data goes to stdout, all else to stderr; escape
// codes are written only to a terminal that a person looks at, and never with
// NO_COLOR or TERM=dumb. Whatever a board, a person or a roster says is cleaned
// of control characters before it reaches a terminal.
//
// Plain, JSON, TUI and Keys are views of the log. Each is fed by one goroutine
// (Apply is not for several at once); TUI's Run and log writer and Keys' Run may
// be used beside it. A blocked stdout (a full pipe, a paused terminal) blocks
// Apply of Plain and JSON, and so stops that view alone: the log and the other
// views go on, and the view catches up. Apply of TUI and Keys never waits for
// the terminal. Progress may be fed from several goroutines.
package console
