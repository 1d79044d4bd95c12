package history

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/oklog/ulid/v2"
)

// Folder is what a history's folder holds, whether somebody uses it or not.
type Folder struct {
	Log        string // id of the log that it is a view of; "": there is no history
	Blocks     int
	Bytes      int64
	Samples    uint64
	Oldest     int64 // Unix ms, of the samples; 0: there are none
	Newest     int64
	Unreadable []ulid.ULID // blocks
	Damaged    bool        // the manifest: the next start makes another
}

// Examine looks at a folder and changes nothing. A folder that is not there is an empty
// Folder. The error is the file system's.
func Examine(dir string) (Folder, error) {
	m, err := readManifest(dir)
	if errors.Is(err, errDamaged) {
		return Folder{Damaged: true}, nil
	}
	if err != nil {
		return Folder{}, fmt.Errorf("history: %w", err)
	}
	if m == nil {
		return Folder{}, nil
	}
	f := Folder{Log: m.Log}
	for _, id := range m.Blocks {
		b, err := openBlock(filepath.Join(dir, id.String()))
		if err != nil {
			f.Unreadable = append(f.Unreadable, id)
			continue
		}
		f.Blocks, f.Bytes, f.Samples = f.Blocks+1, f.Bytes+b.bytes, f.Samples+b.samples
		if f.Oldest == 0 || b.first < f.Oldest {
			f.Oldest = b.first
		}
		f.Newest = max(f.Newest, b.end-1)
		_ = b.close() // read only
	}
	return f, nil
}

// Adopt makes the folder, which nobody uses, a view of another log that goes on behind
// its own, so that what is known of the past is kept. It does nothing where there is no
// history.
func Adopt(dir, log string) error {
	m, err := readManifest(dir)
	if err == nil && m != nil {
		m.Log, m.Kept = log, 0
		for i := range m.Missed {
			m.Missed[i].First, m.Missed[i].Last = 0, 0
		}
		err = m.write(dir)
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}
