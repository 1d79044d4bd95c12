package web

import (
	"cmp"
	"fmt"
	"hash/crc64"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/internal/csvfile"
)

// writeCSV has a file that is being written, and one that has ended.
func (w *world) writeCSV(t testing.TB) {
	t.Helper()
	ended := "IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,202611211958,24.1,60\n2,102,202611211959,21,\n"
	name := "readings-2026-11-21.csv"
	side := fmt.Sprintf(`{"version":3,"log":%q,"columns":["TEMP","HUM"],"zone":"UTC","rows":"with-columns","created":"2026-11-21T16:30:00Z","rotate":"day",`+
		`"finished":[{"name":%q,"first":1,"last":2,"bytes":%d,"crc64":"%d","modified":%q}]}`,
		strings.Repeat("0f", 16), name, len(ended), crc64.Checksum([]byte(ended), crc64.MakeTable(crc64.ECMA)), noon.Add(-14*time.Hour).Format(time.RFC3339))
	for path, c := range map[string]struct {
		text string
		at   time.Time
	}{
		w.csv:                                    {"IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n3,101,202611220958,24.4,60\n4,101,202611220959,24.5,61\n5,102,2026", noon.Add(-time.Minute)},
		w.csv + csvfile.SidecarSuffix:            {side, noon},
		filepath.Join(filepath.Dir(w.csv), name): {ended, noon.Add(-14 * time.Hour)},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, c.at); err != nil {
			t.Fatal(err)
		}
	}
}

// worldCSV lends the world's CSV files, and a private one, as a server does.
type worldCSV struct{ *world }

// privateCSV is the name of a file that is not for everybody.
const privateCSV = "private.csv"

func (w worldCSV) List(after string, limit int) (files []vaiven.CSVFile, more bool, err error) {
	k, err := csvfile.ReadKept(w.csv)
	if err != nil {
		return nil, false, err
	}
	names := append([]string{k.Current()}, k.Finished()...)
	if w.private {
		names = append(names, privateCSV)
	}
	if after != "" {
		i := slices.Index(names, after)
		if i < 0 {
			return nil, false, fs.ErrNotExist
		}
		names = names[i+1:]
	}
	for _, name := range names[:min(limit, len(names))] {
		file, info, err := w.Open(name)
		if err != nil {
			return nil, false, err
		}
		_ = file.Close() // read only
		files = append(files, info)
	}
	return files, len(names) > limit, nil
}

func (w worldCSV) Open(name string) (*os.File, vaiven.CSVFile, error) {
	k, err := csvfile.ReadKept(w.csv)
	if err != nil {
		return nil, vaiven.CSVFile{}, err
	}
	if name == privateCSV && w.private {
		file, info, err := k.Open(k.Current())
		info.Name, info.Growing, info.Private = privateCSV, false, true
		return file, info, err
	}
	return k.Open(cmp.Or(name, k.Current()))
}
