package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// spool is the folder in which the sheets of one workbook wait until they are packed.
// The library keeps a file open for each. Where the system lets an open file lose its
// name it does so soon after it was made, so that a kill gives its space back;
// elsewhere the next New removes what is left.
type spool struct {
	dir   string
	files int // seen so far
}

// clearSpool removes what a kill has left.
func clearSpool(dir string) error {
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "book-")
	return &spool{dir: own}, err
}

// unname takes the names of the files that there are by now.
func (s *spool) unname() error {
	list, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, f := range list {
		if os.Remove(filepath.Join(s.dir, f.Name())) == nil {
			s.files++
		}
	}
	return nil
}

// remove gives the folder back, and the one above when nobody else has one in it.
func (s *spool) remove() error {
	err := os.RemoveAll(s.dir)
	_ = os.Remove(filepath.Dir(s.dir)) // not while another export uses it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}
