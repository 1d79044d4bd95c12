// Package export makes files of a part of the log: the readings of any devices, of
// any stretch of time, as the course's CSV, for a spreadsheet in Spanish, as JSON
// lines, as a workbook (XLSX) or as Parquet.
//
// It owns the formats and what may be asked (Exporter.Prepare). It does not own the
// log, which it reads in order through an interface of its own, nor what in it is a
// repeat (it is handed what views are handed), nor the bytes of a CSV row (csvform),
// nor where a file goes: it writes to an io.Writer, and whoever gave it decides what
// becomes of a file that was begun and failed.
//
// Memory does not grow with the export: what is written is on its way at once, but
// for a few MiB: a row group of Parquet, and what the end of the file says of the
// groups before. It keeps no files of its own.
//
// A table's columns must be known before its first row. They are those of the CSV
// file, unless others are asked for; "all" reads the part of the log twice, first for
// the names of what was measured in it. What a table leaves out is counted
// (vaiven.Exported).
//
// An Exporter may be used from any goroutine, an Export by one. A writer that is slow
// holds up its own export only; it ends with its context.
package export
