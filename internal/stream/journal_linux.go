package stream

import (
	"os"
	"syscall"
)

// openDurable opens a file whose every write is on the disk when it returns. What only
// says when it was written is not waited for.
func openDurable(path string) (journalFile, error) {
	return os.OpenFile(path, os.O_RDWR|syscall.O_DSYNC, 0)
}
