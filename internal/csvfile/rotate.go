package csvfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"vaiven/internal/atomicfile"
	"vaiven/internal/csvform"
)

// What Options.Rotate may be, beside rows=N.
const (
	RotateOff   = "off"
	RotateMonth = "month"
	RotateDay   = "day"
)

// errRotation says that a rotation is none of those.
var errRotation = errors.New("want month, day, rows=N or off")

// rotation says when a file ends. It depends on the rows alone: a file that has rows
// ends in front of one that is of a later period than all of them, or that would be
// one too many. A row that comes late, of an earlier period, joins the file that is
// current, so that no clock which was set back makes files change places.
type rotation struct {
	digits int    // of TIMEFLAG, which name a period: 6 a month, 8 a day; 0: not by time
	rows   uint64 // in a file; 0: not by rows
}

// parseRotation reads "", off, month, day or rows=N.
func parseRotation(s string) (rotation, error) {
	switch s {
	case "", RotateOff:
		return rotation{}, nil
	case RotateMonth:
		return rotation{digits: 6}, nil
	case RotateDay:
		return rotation{digits: 8}, nil
	}
	count, ok := strings.CutPrefix(s, "rows=")
	n, err := strconv.ParseUint(count, 10, 63)
	if !ok || err != nil || n == 0 {
		return rotation{}, fmt.Errorf("rotation %q: %w", s, errRotation)
	}
	return rotation{rows: n}, nil
}

// CheckRotation reports whether s may be Options.Rotate, and of rows=N the N.
func CheckRotation(s string) (rows uint64, ok bool) {
	r, err := parseRotation(s)
	return r.rows, err == nil
}

// place is where the next row goes: into a file that begins with the row first.
type place struct {
	first  uint64
	latest timeflag // of the file's rows
}

// timeflag is a TIMEFLAG; the zero value is none, and earlier than all others.
type timeflag [len(csvform.TimeLayout)]byte

// note takes in that the file has a row of this TIMEFLAG.
func (p *place) note(when []byte) {
	if len(when) == len(p.latest) && bytes.Compare(when, p.latest[:]) > 0 {
		copy(p.latest[:], when)
	}
}

// endsBefore reports whether the file at p ends in front of row n.
func (r rotation) endsBefore(p place, n uint64, when []byte) bool {
	switch {
	case n <= p.first:
		return false
	case r.rows > 0:
		return n-p.first >= r.rows
	case r.digits > 0 && p.latest != timeflag{} && len(when) == len(p.latest):
		return bytes.Compare(when[:r.digits], p.latest[:r.digits]) > 0
	}
	return false
}

// label is what the name of a finished file says of it: its period, or else its number.
func (r rotation) label(latest timeflag, number int) string {
	s := string(latest[:])
	switch {
	case r.digits == 6 && latest != timeflag{}:
		return s[:4] + "-" + s[4:6]
	case r.digits == 8 && latest != timeflag{}:
		return s[:4] + "-" + s[4:6] + "-" + s[6:8]
	}
	return fmt.Sprintf("%06d", number)
}

// cut is where in the rows that wait a file ends; the header of the next one follows.
type cut struct {
	at     int    // in File.buf
	last   uint64 // IDdato of its last row
	latest timeflag
}

// Finished is a file that has ended. It is the person's: it is looked at, never
// written again.
type Finished struct {
	Name     string    `json:"name"` // in the current file's folder
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"` // IDdato
	Bytes    int64     `json:"bytes"`
	Sum      uint64    `json:"crc64,string"`
	Modified time.Time `json:"modified"` // when the file still was as the checksum says
}

// First is the IDdato of the current file's first row.
func (s *Sidecar) First() uint64 {
	if len(s.Finished) == 0 {
		return max(s.From, 1)
	}
	return max(s.From, s.Finished[len(s.Finished)-1].Last+1)
}

// segment is how much of buf belongs to the file that is open.
func (f *File) segment() int {
	if len(f.cuts) > 0 {
		return f.cuts[0].at
	}
	return len(f.buf)
}

// dropBuf takes n bytes from the beginning of buf.
func (f *File) dropBuf(n int) {
	f.buf = append(f.buf[:0], f.buf[n:]...)
	for i := range f.cuts {
		f.cuts[i].at -= n
	}
}

// holdsRow reports whether the file already has the last row of buf, which begins
// at from, or the beginning of it: then that is where the row stays.
func (f *File) holdsRow(from int) (bool, error) {
	if f.tail == nil || len(f.cuts) > 0 {
		return false, nil
	}
	have, err := f.tail.peek(f.size, len(f.buf))
	if err != nil {
		return false, fmt.Errorf("csv: %w", err)
	}
	n := common(have, f.buf)
	return n > from && (n == len(f.buf) || n == len(have)), nil
}

// finish ends the current file behind the cut, which all of its rows have reached,
// and begins the next one. After an error it is called again, and goes on.
//
// The sidecar names the finished file before that has its name. If we die in front of
// the sidecar, the next start finds a file that is whole, and ends it again. Behind it,
// the start gives the file its name (nameFinished). Behind that, it finds no current
// file, and makes one.
func (f *File) finish(c cut) error {
	if f.side.First() <= c.last {
		if err := f.ensureOpen(); err != nil {
			return err
		}
		if err := f.recordFinished(c, 0); err != nil {
			f.closeHandle()
			return fmt.Errorf("csv: %w", err)
		}
	}
	f.closeHandle() // some systems do not rename open files
	if err := f.nameFinished(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	if err := f.openFile(); err != nil {
		return fmt.Errorf("csv: %w", err)
	}
	f.size, f.sum, f.cuts = 0, 0, f.cuts[1:]
	return nil
}

// recordFinished brings the current file to the disk, and then its end into the sidecar.
// The next one begins with the row from, 0: with the one behind it.
func (f *File) recordFinished(c cut, from uint64) error {
	if err := f.file.Sync(); err != nil {
		return err
	}
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	done := Finished{First: f.side.First(), Last: c.last, Bytes: f.size, Sum: f.sum, Modified: info.ModTime()}
	if done.Name, err = f.finishedName(c, &done); err != nil {
		return err
	}
	side := f.side
	side.Finished, side.From = append(slices.Clone(side.Finished), done), max(side.From, from)
	if err := side.write(f.path); err != nil {
		return err
	}
	f.side.Finished, f.side.From = side.Finished, side.From // alone: whoever asks for name and shape reads beside us
	return nil
}

// finishedName is a name under which nothing lies but what the file holds: that was
// there if the sidecar was lost.
func (f *File) finishedName(c cut, done *Finished) (string, error) {
	ext := filepath.Ext(f.path)
	base := strings.TrimSuffix(filepath.Base(f.path), ext) + "-" + f.rotation.label(c.latest, len(f.side.Finished)+1)
	for i := 1; ; i++ {
		name := base + ext
		if i > 1 {
			name = fmt.Sprintf("%s-%d%s", base, i, ext)
		}
		if slices.ContainsFunc(f.side.Finished, func(d Finished) bool { return d.Name == name }) {
			continue
		}
		state, err := done.compare(filepath.Join(folder(f.path), name))
		if err != nil {
			return "", err
		}
		if state != changed {
			return name, nil
		}
	}
}

// nameFinished gives the file that ended last its name, if it is still under the
// current file's.
func (f *File) nameFinished() error {
	if len(f.side.Finished) == 0 {
		return nil
	}
	last := &f.side.Finished[len(f.side.Finished)-1]
	from, to := target(f.path), filepath.Join(folder(f.path), last.Name)
	state, err := last.examine(from)
	if err != nil || state != intact {
		return err
	}
	if state, err = last.compare(to); err != nil || state == changed {
		return err // a person's: what is current is compared, and kept aside
	}
	return atomicfile.Rename(from, to)
}

// folder is where the finished files of a CSV are: beside the file itself, whichever
// link leads to it.
func folder(path string) string { return filepath.Dir(target(path)) }

// state is what became of a finished file.
type state int

const (
	intact state = iota
	gone
	changed
)

// examine looks whether the file at path is still what was finished. One of which
// neither length nor date have changed is not read.
func (d *Finished) examine(path string) (state, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() == d.Bytes && info.Mode().IsRegular() && info.ModTime().Equal(d.Modified) {
		return intact, nil
	}
	return d.compare(path)
}

// compare reads the file at path, if it has the length of what was finished.
func (d *Finished) compare(path string) (state, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return gone, nil
	case err != nil:
		return gone, err
	case info.Size() != d.Bytes || !info.Mode().IsRegular():
		return changed, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return changed, err
	}
	defer func() { _ = file.Close() }() // read only
	sum, err := sumFile(file, d.Bytes)
	if err != nil {
		return changed, err
	}
	if sum != d.Sum {
		return changed, nil
	}
	d.Modified = info.ModTime()
	return intact, nil
}

// setRotation takes the rotation that is asked for, if one is: it applies to the rows
// that the file does not have yet.
func (f *File) setRotation(asked string) error {
	if asked == RotateOff {
		asked = ""
	} else {
		asked = cmp.Or(asked, f.side.Rotate)
	}
	rotation, err := parseRotation(asked)
	if err != nil {
		return err
	}
	f.rotation = rotation
	if asked == f.side.Rotate {
		return nil
	}
	f.side.Rotate = asked
	return f.side.write(f.path)
}

// checkFinished tells which finished files a person has moved away or changed. They
// are left alone: the log says what was in them.
func (f *File) checkFinished() error {
	var missing, edited []string
	dates := false
	for i := range f.side.Finished {
		d := &f.side.Finished[i]
		before := d.Modified
		state, err := d.examine(filepath.Join(folder(f.path), d.Name))
		switch {
		case err != nil || state == changed:
			edited = append(edited, d.Name) // one that cannot be read is not what it was
		case state == gone:
			missing = append(missing, d.Name)
		}
		dates = dates || !before.Equal(d.Modified)
	}
	if len(missing) > 0 {
		f.notify(Notice{Kind: FinishedGone, Path: f.path, Files: missing})
	}
	if len(edited) > 0 {
		f.notify(Notice{Kind: FinishedChanged, Path: f.path, Files: edited})
	}
	if !dates {
		return nil
	}
	return f.side.write(f.path) // else each start would read them
}

// setFinishedAside sets the finished files of a sidecar aside, and returns how many.
// Those that are gone were moved by a start that died, or by a person.
func (f *File) setFinishedAside(side *Sidecar, why string) (int, error) {
	n := 0
	for _, d := range side.Finished {
		path := filepath.Join(folder(f.path), d.Name)
		there, err := exists(path)
		if err != nil {
			return n, err
		}
		if !there {
			continue
		}
		aside, err := f.asideName(path, why)
		if err == nil {
			err = os.Rename(path, aside)
		}
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// scanLatest finds the latest TIMEFLAG among the first size bytes of the file, for a
// checkpoint from when that did not matter.
func (f *File) scanLatest(size int64) (timeflag, error) {
	var p place
	var carry []byte
	sep := []byte{f.format.Separator()}
	err := eachPiece(f.file, 0, size, func(b []byte) bool {
		lines := bytes.Split(append(carry, b...), []byte("\n"))
		carry = bytes.Clone(lines[len(lines)-1])
		for _, line := range lines[:len(lines)-1] {
			if fields := bytes.SplitN(line, sep, 4); len(fields) > 2 && csvform.IsTimeflag(string(fields[2])) {
				p.note(fields[2])
			}
		}
		return true
	})
	return p.latest, err
}

// Files are the paths of a CSV file, of those that ended before it, and last of its
// sidecar, for whoever moves them all; what lies there may be nothing.
func Files(path string) []string {
	all := []string{}
	if side, err := ReadSidecar(path); err == nil {
		for _, d := range side.Finished {
			all = append(all, filepath.Join(folder(path), d.Name))
		}
	}
	return append(all, path, path+SidecarSuffix)
}
