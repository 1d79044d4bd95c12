package csvfile

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// finishedForm is the regular expression of the names that files of this CSV end with:
// what label says, and a number where that was taken.
func finishedForm(path string) *regexp.Regexp {
	name := filepath.Base(path)
	ext := filepath.Ext(name)
	return regexp.MustCompile("^" + regexp.QuoteMeta(strings.TrimSuffix(name, ext)) +
		`-([0-9]{6}|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{2})(-[1-9][0-9]*)?` + regexp.QuoteMeta(ext) + "$")
}

// NamedAsFinished are the paths of the files beside a CSV that are called as those are
// that ended before it, in the order of names, whoever wrote them.
func NamedAsFinished(path string) ([]string, error) {
	entries, err := os.ReadDir(folder(path))
	if errors.Is(err, fs.ErrNotExist) { // a stick that is not in
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	form := finishedForm(path)
	var paths []string
	for _, e := range entries {
		if e.Type().IsRegular() && form.MatchString(e.Name()) {
			paths = append(paths, filepath.Join(folder(path), e.Name()))
		}
	}
	return paths, nil
}

// findFinished takes up the files that ended before the current one, for a sidecar that
// was lost: those whose rows go on one from another up to the row that the current one
// begins with. Without a current file with its header nothing says that they are this
// log's. The others are named.
func (f *File) findFinished(side *Sidecar, asked string) error {
	paths, err := NamedAsFinished(f.path)
	if err != nil || len(paths) == 0 {
		return err
	}
	format, err := side.Format()
	if err != nil {
		return err
	}
	found := make(map[uint64]Finished) // by their last row
	for _, path := range paths {
		d, err := scanFile(path, format.Header())
		if err != nil {
			return err
		}
		if d.Name = filepath.Base(path); d.First > 0 {
			found[d.Last] = d
		}
	}
	next, err := f.nextOfFound(format.Header(), found)
	if err != nil {
		return err
	}
	for d, ok := found[next-1]; ok && next > 1; d, ok = found[next-1] {
		side.Finished = append(side.Finished, d)
		next = d.First
	}
	slices.Reverse(side.Finished)
	f.tellFound(side, paths, asked)
	return nil
}

// nextOfFound is the row behind the finished files: the current file's first one, or if
// it has none yet, the one behind all. It is 0 when that is not known.
func (f *File) nextOfFound(header []byte, found map[uint64]Finished) (uint64, error) {
	file, err := os.Open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer func() { _ = file.Close() }() // read only
	r := bufio.NewReaderSize(file, flushAt)
	line, err := r.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return 0, err
	}
	if !bytes.Equal(line, header) {
		return 0, nil
	}
	line, err = r.ReadSlice('\n')
	switch {
	case errors.Is(err, io.EOF) && len(line) == 0:
		last := uint64(0)
		for n := range found {
			last = max(last, n)
		}
		return last + 1, nil
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull):
		return 0, err
	}
	return rowID(line), nil
}

// tellFound says which of the files were found again and which are not known, and takes
// the rotation that their names tell, unless another one is asked for.
func (f *File) tellFound(side *Sidecar, paths []string, asked string) {
	var ours, others []string
	for _, path := range paths {
		name := filepath.Base(path)
		if slices.ContainsFunc(side.Finished, func(d Finished) bool { return d.Name == name }) {
			ours = append(ours, name)
		} else {
			others = append(others, name)
		}
	}
	if len(ours) > 0 {
		if asked == "" {
			side.Rotate = f.rotationOf(side.Finished[len(side.Finished)-1])
		}
		f.notify(Notice{Kind: FinishedFound, Path: f.path, Files: ours, Rotate: cmp.Or(side.Rotate, RotateOff), Missing: side.missing()})
	}
	if len(others) > 0 {
		f.notify(Notice{Kind: FinishedUnknown, Path: f.path, Files: others})
	}
}

// rotationOf is the rotation that the name of a finished file tells.
func (f *File) rotationOf(d Finished) string {
	switch label := finishedForm(f.path).FindStringSubmatch(d.Name)[1]; len(label) {
	case len("2026-11"):
		return RotateMonth
	case len("2026-11-22"):
		return RotateDay
	}
	return fmt.Sprintf("rows=%d", d.Last-d.First+1)
}

// scanFile reads a file that has ended, or might: the header and at least one row, whole
// lines, numbered one by one. First is 0 if it is none.
func scanFile(path string, header []byte) (d Finished, err error) {
	file, err := os.Open(path)
	if err != nil {
		return d, err
	}
	defer func() { _ = file.Close() }() // read only
	info, err := file.Stat()
	if err != nil {
		return d, err
	}
	r := bufio.NewReaderSize(io.LimitReader(file, info.Size()), flushAt)
	for n := 0; ; n++ {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			d.Modified = info.ModTime()
			return d, nil
		case errors.Is(err, io.EOF) || errors.Is(err, bufio.ErrBufferFull):
			return Finished{}, nil
		case err != nil:
			return Finished{}, err
		}
		id := rowID(line)
		if n == 0 && !bytes.Equal(line, header) || n > 0 && id == 0 || n > 1 && id != d.Last+1 {
			return Finished{}, nil
		}
		if n == 1 {
			d.First = id
		}
		d.Last, d.Bytes, d.Sum = id, d.Bytes+int64(len(line)), crc64.Update(d.Sum, crcTable, line)
	}
}
