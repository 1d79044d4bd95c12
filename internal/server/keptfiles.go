package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"vaiven/internal/backup"
	"vaiven/internal/csvfile"
	"vaiven/internal/history"
)

// keptFiles are the files that go into a backup: what cannot be made again of the log
// alone once that was trimmed.
type keptFiles struct {
	list []keptFile
	csv  bool // the CSV is among them
}

// keptFile is a file on its way into a backup.
type keptFile struct {
	backup.File
	path string
	open *os.File // nil: it is opened when it is written, since nobody changes it
}

// findTries is how often the files may change under those who look at them.
const findTries = 10

var errRestless = errors.New("the files change all the time")

// findKeptFiles finds and measures the CSV files with their sidecars, which fix their
// columns and zone, and the history. Each of them has a file that is replaced whole and
// says which others count: it is held open, and the others are looked for again should
// it have been replaced meanwhile.
func findKeptFiles(o *Options, log string) (*keptFiles, error) {
	all := &keptFiles{}
	for i, csv := range []string{o.CSVPath(), o.SheetPath()} {
		n := len(all.list)
		name := func(path string) (string, error) { return filepath.Base(path), nil }
		if err := all.find(func() ([]string, error) { return csvPaths(csv) }, name); err != nil {
			all.close()
			return nil, err
		}
		all.csv = all.csv || i == 0 && len(all.list) > n
	}
	dir := HistoryDir(o.Data)
	name := func(path string) (string, error) { return filepath.Rel(filepath.Dir(dir), path) }
	if err := all.find(func() ([]string, error) { return historyPaths(dir, log) }, name); err != nil {
		all.close()
		return nil, err
	}
	return all, nil
}

// csvPaths lists the files of a CSV, the sidecar first and the current file second;
// none when there is no sidecar: then the file is nobody's. Those that ended are beside
// the file itself, should csv be a link to it.
func csvPaths(csv string) ([]string, error) {
	paths := []string{csv + csvfile.SidecarSuffix, csv}
	if _, err := csvfile.ReadSidecar(csv); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	more, err := csvfile.NamedAsFinished(csv) // a sidecar that was lost or is damaged does not know them
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Concat(csvfile.Files(csv), more) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// historyPaths lists the files of the history, the manifest first.
func historyPaths(dir, log string) ([]string, error) {
	paths, err := history.Files(dir, log)
	for i, name := range paths {
		paths[i] = filepath.Join(dir, filepath.FromSlash(name))
	}
	return paths, err
}

// find adds the files that paths lists, under the names that they have in the backup.
// The first two are opened, the others may be thousands.
func (k *keptFiles) find(paths func() ([]string, error), name func(path string) (string, error)) error {
	first := ""
	for range findTries {
		wanted, err := paths()
		if err != nil || len(wanted) == 0 {
			return err
		}
		first = wanted[0]
		found := &keptFiles{}
		absent := []string(nil)
		for i, path := range wanted {
			as, err := name(path)
			there := false
			if err == nil {
				there, err = found.add(path, filepath.ToSlash(as), i < 2)
			}
			if err != nil {
				found.close()
				return err
			}
			if !there {
				absent = append(absent, path)
			}
		}
		if len(found.list) > 0 && found.list[0].path == first && found.stands(absent) {
			k.list = append(k.list, found.list...)
			return nil
		}
		found.close()
	}
	return fmt.Errorf("%s: %w", filepath.Dir(first), errRestless)
}

// add adds a file, if it is there.
func (k *keptFiles) add(path, name string, open bool) (there bool, err error) {
	f := keptFile{File: backup.File{Path: name}, path: path}
	var info fs.FileInfo
	if open {
		if f.open, err = os.Open(path); err == nil {
			info, err = f.open.Stat()
		}
	} else {
		info, err = os.Stat(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		if f.open != nil {
			_ = f.open.Close() // read only
		}
		return false, err
	}
	f.Size, f.Modified = info.Size(), info.ModTime().UTC()
	k.list = append(k.list, f)
	return true, nil
}

// stands reports whether the first file is still the one that was opened, and what was
// absent is so still: a file may have got another name meanwhile.
func (k *keptFiles) stands(absent []string) bool {
	for _, path := range absent {
		if _, err := os.Stat(path); err == nil {
			return false
		}
	}
	opened, err := k.list[0].open.Stat()
	if err != nil {
		return false
	}
	now, err := os.Stat(k.list[0].path)
	return err == nil && os.SameFile(opened, now)
}

func (k *keptFiles) close() {
	for _, f := range k.list {
		if f.open != nil {
			_ = f.open.Close() // read only
		}
	}
}

// write writes them all. A finished CSV file that a person has moved away meanwhile is
// not missed: nothing depends on it. A block of the history is: it may be all that there
// is of its time.
func (k *keptFiles) write(ctx context.Context, w *backup.Writer) error {
	for _, f := range k.list {
		content := f.open
		if content == nil {
			var err error
			if content, err = os.Open(f.path); errors.Is(err, fs.ErrNotExist) && !strings.Contains(f.Path, "/") {
				continue
			} else if err != nil {
				return err
			}
		}
		err := w.File(f.File, &contextReader{ctx, content})
		if f.open == nil {
			_ = content.Close() // read only
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	in  io.Reader
}

func (r *contextReader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.in.Read(b)
}
