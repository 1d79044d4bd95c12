package views

import (
	"os"
	"path/filepath"
)

// CheckpointPosition returns how far the checkpoint in dir has seen its log, 0
// when there is none that can be read. It is for a log that does not open.
func CheckpointPosition(dir string) uint64 {
	b, err := os.ReadFile(filepath.Join(dir, CheckpointName))
	if err != nil {
		return 0
	}
	c, err := parseCheckpoint(b)
	if err != nil {
		return 0
	}
	return c.pos
}
