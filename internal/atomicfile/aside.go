package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// AsideName returns what a file is called once it is set aside: PATH with WHY-DATE
// before its extension, readings.edited-20261122-091500.csv, and a number behind that
// when there is such a file, or one with one of the suffixes: -2, -3 and so on. It
// renames nothing. The error is the file system's, when it cannot say what is there.
func AsideName(path, why string, now time.Time, suffixes ...string) (string, error) {
	ext := filepath.Ext(path)
	base := strings.TrimSuffix(path, ext) + "." + why + "-" + now.Format("20060102-150405")
	name := base + ext
next:
	for i := 2; ; i++ {
		for _, suffix := range append([]string{""}, suffixes...) {
			_, err := os.Lstat(name + suffix)
			if err == nil {
				name = fmt.Sprintf("%s-%d%s", base, i, ext)
				continue next
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
		return name, nil
	}
}
