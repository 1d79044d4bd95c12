package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"

	"vaiven/internal/atomicfile"
)

// manifestName is the manifest's file in the folder.
const manifestName = "manifest"

// manifest says which blocks count, and what they hold.
type manifest struct {
	Version int         `json:"version"`
	Log     string      `json:"log"`
	Kept    uint64      `json:"kept"`   // the blocks hold all of the log up to this record
	Newest  int64       `json:"newest"` // last reception until then under a clock that was right, Unix ms
	Blocks  []ulid.ULID `json:"blocks"`
	Counts  counts      `json:"counts"`
	// Removed is the time, Unix ms, before which samples may be missing by intention: they
	// were older than what is kept, or the oldest of too much.
	Removed int64 `json:"removed,omitempty"`
	// Missed is what the log did not have any more when it was needed.
	Missed []Missed `json:"missed,omitempty"`
}

// counts are what became of samples, up to manifest.Kept.
type counts struct {
	Samples    uint64 `json:"samples"`
	Late       uint64 `json:"late"`
	Collisions uint64 `json:"collisions"`
	Expired    uint64 `json:"expired"`
}

const manifestVersion = 1

// errDamaged says that there is a manifest, and that it is none.
var errDamaged = errors.New("damaged")

// The file is the JSON on one line, and its CRC-32C in hexadecimal on the next: not
// every file system keeps a replaced file whole in a power cut.
func (m *manifest) write(dir string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	b = fmt.Appendf(b, "\n%08x\n", crc32.Checksum(b, castagnoli))
	if err := atomicfile.Write(filepath.Join(dir, manifestName), b); err != nil {
		return fmt.Errorf("manifest: %w", err)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// readManifest returns nil without an error when there is none. The error is
// errDamaged, or the file system's.
func readManifest(dir string) (*manifest, error) {
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	text, sum, _ := strings.Cut(strings.TrimSuffix(string(b), "\n"), "\n")
	m := &manifest{}
	if fmt.Sprintf("%08x", crc32.Checksum([]byte(text), castagnoli)) != sum || json.Unmarshal([]byte(text), m) != nil {
		return nil, errDamaged
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("written by another version of vaiven (%d)", m.Version)
	}
	return m, nil
}
