package remotewrite

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"vaiven"
	"vaiven/internal/atomicfile"
)

// FileName is the file in the data folder that holds the position: a line with the
// format's name, and behind it the log's id, the store and the position.
const FileName = "remote-write"

const magic = "vaiven-remote-write 1"

// store names the store in the file. Of the URL nothing is in it that may be secret, so
// that it cannot be guessed from the file: neither name and password nor the query,
// which change without its being another store.
func (s *Sender) store() string {
	sum := sha256.Sum256([]byte(s.url.Scheme + "://" + s.url.Host + s.url.EscapedPath()))
	return fmt.Sprintf("%x", sum[:8])
}

// load reads the position. It is the beginning for another store or another log, and
// where the file cannot be read as one: everything is sent again then.
func (s *Sender) load() (vaiven.ID, error) {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return vaiven.ID{}, nil
	}
	if err != nil {
		return vaiven.ID{}, fmt.Errorf("remote-write's position: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 4 || lines[0] != magic || lines[1] != s.o.Log || lines[2] != s.store() {
		return vaiven.ID{}, nil
	}
	pos, err := vaiven.ParseID(lines[3])
	if err != nil {
		return vaiven.ID{}, nil
	}
	return pos, nil
}

// save writes the position, if it has moved. What cannot be written is said, and tried
// with the next batch.
func (s *Sender) save() {
	pos := s.position()
	if pos == s.saved {
		return
	}
	s.savedAt, s.unsaved = time.Now(), 0
	text := strings.Join([]string{magic, s.o.Log, s.store(), pos.String(), ""}, "\n")
	if err := atomicfile.WritePrivate(s.path, []byte(text)); err != nil {
		s.o.Logger.Warn("remote-write's position not written", "err", err)
		return
	}
	s.saved = pos
}
