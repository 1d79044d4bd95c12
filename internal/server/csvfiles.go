package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"vaiven"
	"vaiven/internal/csvfile"
)

// SummaryName is the file in a run's folder that says what the run was.
const SummaryName = "resumen.csv"

// csvFiles lends the CSV files to the API: those of the exact CSV and of the one for a
// spreadsheet, and the summary of a run.
type csvFiles struct{ *Server }

// keptCSV is what there is just now.
type keptCSV struct {
	names []string                 // in the order of the list
	of    map[string]*csvfile.Kept // by name; the summary has none
	data  string
}

// read finds out what there is. The error is the file system's: the exact CSV has a
// sidecar as long as its folder is there.
func (c csvFiles) read() (*keptCSV, error) {
	all := &keptCSV{of: map[string]*csvfile.Kept{}, data: c.o.Data}
	add := func(k *csvfile.Kept, names ...string) {
		for _, name := range names {
			if _, there := all.of[name]; !there {
				all.names = append(all.names, name)
				all.of[name] = k
			}
		}
	}
	var kept []*csvfile.Kept
	for _, path := range c.CSVPaths() {
		k, err := csvfile.ReadKept(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %v", path, err) // not an fs.ErrNotExist: the list has none of it
		}
		kept = append(kept, k)
		add(k, k.Current())
	}
	add(nil, SummaryName)
	for _, k := range kept {
		add(k, k.Finished()...)
	}
	return all, nil
}

// open opens a file of the list.
func (k *keptCSV) open(name string) (*os.File, vaiven.CSVFile, error) {
	of, listed := k.of[name]
	switch {
	case !listed:
		return nil, vaiven.CSVFile{}, fs.ErrNotExist
	case of == nil:
		return k.openSummary()
	}
	return of.Open(name)
}

// openSummary opens the summary of a run; a server that is no run has none.
func (k *keptCSV) openSummary() (*os.File, vaiven.CSVFile, error) {
	out := vaiven.CSVFile{Name: SummaryName, Private: true} // its roster says whose a board is
	path := filepath.Join(k.data, SummaryName)
	if info, err := os.Lstat(path); err != nil {
		return nil, out, err
	} else if !info.Mode().IsRegular() { // a link leads elsewhere
		return nil, out, fs.ErrNotExist
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, out, err
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close() // read only
		return nil, out, err
	}
	out.Bytes, out.Modified = info.Size(), info.ModTime().UnixMilli()
	out.Version = fmt.Sprintf("%x-%d", info.ModTime().UnixNano(), out.Bytes) // it is only ever replaced whole
	return file, out, nil
}

// List implements [web.CSVFiles].
func (c csvFiles) List(after string, limit int) (files []vaiven.CSVFile, more bool, err error) {
	all, err := c.read()
	if err != nil {
		return nil, false, err
	}
	from := 0
	if after != "" {
		if from = slices.Index(all.names, after) + 1; from == 0 {
			return nil, false, fs.ErrNotExist
		}
	}
	for _, name := range all.names[from:] {
		file, info, err := all.open(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a person has moved it, or it is getting another name
		}
		if err != nil {
			return nil, false, err
		}
		_ = file.Close() // read only
		if len(files) == limit {
			return files, true, nil
		}
		files = append(files, info)
	}
	return files, false, nil
}

// Open implements [web.CSVFiles].
func (c csvFiles) Open(name string) (*os.File, vaiven.CSVFile, error) {
	all, err := c.read()
	if err != nil {
		return nil, vaiven.CSVFile{}, err
	}
	if name == "" {
		name = all.names[0]
	}
	return all.open(name)
}
