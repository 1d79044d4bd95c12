// Package backup owns the form of a backup: one file that holds a server's log
// from its first record to a position, the snapshots that stand for what was
// trimmed in front of it, and files that cannot be made again from either.
//
// It is pure: a [Writer] writes to an io.Writer, a [Reader] reads from an
// io.Reader, in order, with a few MiB of memory whatever the backup's size. It
// does not own what is in a backup, nor where it comes from and goes to: that is
// internal/server's, which makes and restores one. Nothing here may be called by
// two goroutines at once; a peer that is slow or gone is the caller's business.
//
// # The form
//
//	"VAIVENB1"                  8 bytes, by which the file is known
//	frame, frame, ...           until the end frame, behind which there is nothing
//
// A frame is its kind (one letter), the length of its body (uint32, little-endian),
// the body, and a CRC-32C (uint32, little-endian) of the previous frame's CRC, kind,
// length and body: a frame that is missing, repeated, moved or changed does not fit
// to those around it. The kinds, in the order in which they stand:
//
//	H  the header: JSON, see [Header]
//	S  a piece of a snapshot, zstd; those of one snapshot after those of the one before
//	R  records, zstd: for each its length (uvarint) and its bytes as they are in the log
//	F  a file begins: JSON, see [File]
//	D  a piece of the file, zstd
//	T  the totals: JSON, see [Totals]; not in form 1
//	E  the end: SHA-256 of everything before this frame
//
// The records are those from Header.First to Header.Last, each once and in order. A
// backup without a whole end frame was cut off, and is none.
package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Format is the form that this program writes, and the latest it reads. Form 1 had no
// totals.
const Format = 2

const formatOfTotals = 2

// Magic is what every backup begins with.
const Magic = "VAIVENB1"

// Header says what a backup holds. It is known before anything is written.
type Header struct {
	Format  int       `json:"format"`  // of the frames that follow; set by NewWriter
	Version string    `json:"version"` // of the vaiven that wrote it
	At      time.Time `json:"at"`      // when it was begun
	Log     string    `json:"log"`     // the log's id, 32 hexadecimal digits
	Genesis uint64    `json:"genesis"` // sequence of the log's very first record
	First   uint64    `json:"first"`   // of the first that it still has
	Last    uint64    `json:"last"`    // and of the last: everything after it is not in the backup
	CSV     string    `json:"csv"`     // the name of the CSV file among the files, "": there was none
	// Snapshots are those that the backup holds, in the order of their positions. That of
	// a log that was trimmed has one for what it does not have any more.
	Snapshots []Snapshot `json:"snapshots,omitempty"`
}

// Snapshot is the state of all views at a position of the log.
type Snapshot struct {
	Pos  uint64 `json:"pos"`  // the last record that is in it
	At   int64  `json:"at"`   // the time of that record, Unix milliseconds
	Size int64  `json:"size"` // bytes
}

// Totals are what the records say, for a person. They are known at the end.
type Totals struct {
	Readings uint64 `json:"readings"`          // of the server, each once, those included that were trimmed from the log
	Trimmed  uint64 `json:"trimmed,omitempty"` // of these, in no record any more: the CSV and the history have them
	From     int64  `json:"from,omitempty"`    // the earliest reception of a reading in the records, Unix milliseconds; 0: there is none
	To       int64  `json:"to,omitempty"`      // and the latest
}

// File is a file of the data folder.
type File struct {
	Path     string    `json:"path"` // below the folder, with slashes
	Size     int64     `json:"size"` // bytes
	Modified time.Time `json:"modified,omitzero"`
}

// Kinds of frames.
const (
	frameHeader   = 'H'
	frameSnapshot = 'S'
	frameRecords  = 'R'
	frameFile     = 'F'
	frameData     = 'D'
	frameTotals   = 'T'
	frameEnd      = 'E'
)

const (
	pieceSize = 1 << 20   // bytes that are compressed together, unless one record more is begun
	maxRecord = 512 << 10 // bytes; those of the log are half as long at most
	maxPiece  = pieceSize + maxRecord + 16
	maxBody   = maxPiece + maxPiece/64 + 1024 // what does not compress grows a little
	frameHead = 5
	frameTail = 4

	maxSnapshots = 64
	maxSnapshot  = 256 << 20 // bytes
	maxPath      = 1024
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why a backup cannot be read, for errors.Is.
var (
	// ErrNotABackup means that the file is something else.
	ErrNotABackup = errors.New("not a backup of vaiven")
	// ErrLater means that a later vaiven wrote it, in a form that is not known here.
	ErrLater = errors.New("backup was written by a later vaiven")
	// ErrCut means that the backup ends before its end.
	ErrCut = errors.New("backup was cut off")
	// ErrDamaged means that the backup is not what was written.
	ErrDamaged = errors.New("backup is damaged")
	// ErrName means that a file has a name that no backup takes: see checkPath.
	ErrName = errors.New("no name for a file in a backup")
)

// PlaceError says where a backup is cut off or damaged.
type PlaceError struct {
	Kind error // ErrCut or ErrDamaged
	Byte int64 // from where on it could not be read; what is damaged may stand before it
	What string
}

func (e *PlaceError) Error() string { return fmt.Sprintf("%v: byte %d: %s", e.Kind, e.Byte, e.What) }
func (e *PlaceError) Unwrap() error { return e.Kind }

// check returns what is wrong with a header, nil for nothing.
func (h *Header) check() error {
	if id, err := hex.DecodeString(h.Log); err != nil || len(id) != 16 {
		return fmt.Errorf("log id %q", h.Log)
	}
	if h.Genesis == 0 || h.First < h.Genesis || h.Last < h.First {
		return fmt.Errorf("records %d to %d of a log that begins with %d", h.First, h.Last, h.Genesis)
	}
	if n := len(h.Snapshots); h.First > h.Genesis && (n == 0 || h.Snapshots[n-1].Pos+1 < h.First) {
		return fmt.Errorf("no snapshot for the records before %d", h.First)
	}
	if len(h.Snapshots) > maxSnapshots {
		return fmt.Errorf("%d snapshots", len(h.Snapshots))
	}
	before := uint64(0)
	for _, s := range h.Snapshots {
		if s.Pos <= before || s.Pos > h.Last || s.Size < 0 || s.Size > maxSnapshot {
			return fmt.Errorf("snapshot at %d of %d bytes", s.Pos, s.Size)
		}
		before = s.Pos
	}
	if h.CSV != "" && (checkPath(h.CSV) != nil || strings.Contains(h.CSV, "/")) {
		return fmt.Errorf("csv: %w: %q", ErrName, h.CSV)
	}
	return nil
}

// check returns what is wrong with the totals, nil for nothing.
func (t *Totals) check() error {
	if t.Trimmed > t.Readings || t.From > t.To {
		return fmt.Errorf("totals %+v", *t)
	}
	return nil
}

// check returns what is wrong with a file's head, nil for nothing.
func (f *File) check() error {
	if f.Size < 0 {
		return fmt.Errorf("file %q of %d bytes", f.Path, f.Size)
	}
	return checkPath(f.Path)
}

// oddInNames are characters that a name in a backup does not have: some systems take
// none of them, and a shell takes the others for more than a name.
const oddInNames = `\:"<>|*?;&$` + "`"

// checkPath refuses what could be a path outside of the folder, on any system, and what
// could do anything where a person reads it or copies it.
func checkPath(p string) error {
	odd := func(r rune) bool {
		return !unicode.IsPrint(r) || r == utf8.RuneError || strings.ContainsRune(oddInNames, r)
	}
	if len(p) > maxPath || p != path.Clean(p) || p == "." || p[0] == '-' || !filepath.IsLocal(filepath.FromSlash(p)) || strings.IndexFunc(p, odd) >= 0 {
		return fmt.Errorf("%w: %q", ErrName, p)
	}
	return nil
}
