package peer

import (
	"bytes"
	"fmt"
	"io"
	"os"
)

// countRows returns the number of complete lines behind the header.
func countRows(path string) (uint64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("count rows: %w", err)
	}
	defer f.Close()
	var lines uint64
	buf := make([]byte, 256<<10)
	for {
		n, err := f.Read(buf)
		lines += uint64(bytes.Count(buf[:n], []byte{'\n'}))
		if err == io.EOF {
			return max(lines, 1) - 1, nil
		}
		if err != nil {
			return 0, fmt.Errorf("count rows: %w", err)
		}
	}
}
