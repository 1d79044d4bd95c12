// Package backup holds the test of backups: boards send while their server is copied,
// go on, and lose it with its folder. From the backup the same server comes back: what
// was acknowledged before the backup was begun is there once, what a board still held
// comes again, and what was acknowledged in between is lost and recorded as a gap.
// Nothing that was cut off, in the making or in the reading, is ever taken for whole.
package backup
