// Package screen holds the tests of what a person holds in their hands: stdout,
// stderr and the terminal of a running server, each read, blocked, closed and
// hung up, under every signal. Whatever becomes of a screen, the server serves and
// is ready, ends in order when it is told to, with its goodbyes, its CSV and its
// summary, and at once when it is told twice.
package screen
