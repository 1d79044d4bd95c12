// Package csvimport reads the CSV files of the course as readings: IDdato, IDdevice,
// TIMEFLAG and a column for each measurement, as course/servidor.py and vaiven write
// them, and as a spreadsheet saves them (byte order mark, semicolons, decimal commas,
// quotes, CRLF).
//
// It owns what of such a file can be read, and why a row cannot. It does not own the
// log, nor what is done about a bad row: [Survey] reads a whole file and tells, and a
// [Reader] reads it again, row by row, in constant memory.
//
// Nothing is invented. A reading has the values that its row has, and the time that
// TIMEFLAG says, which is a minute; rows of one board in one minute are told apart by
// a millisecond each, in their order, so that none of them hides another. Its BOOT is
// the file's checksum and its SEQ counts the rows of its board, so that a file that
// comes twice is stored once.
//
// A Reader is for one goroutine. It waits for nothing but the file.
package csvimport
