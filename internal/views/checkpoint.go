package views

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// CheckpointName is the checkpoint's file in Options.Dir.
const CheckpointName = "checkpoint"

// A checkpoint file is this magic, the format's version, the length of what
// follows, its CRC-32C, and the body: log id, position, decider, and each
// view's name and snapshot.
const (
	checkpointMagic   = "vaiven-checkpoint\n"
	checkpointVersion = 3
	versionOfGaps     = 3 // from this one on gaps are told from refusals; earlier ones are read too
	oldestVersion     = 2 // earlier ones are written over
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Why a checkpoint is not used.
var (
	errDamaged = errors.New("damaged")
	errNewer   = errors.New("written by a later vaiven")
	errOlder   = errors.New("written by an earlier vaiven")
)

// checkpoint is a consistent cut: everything as it was exactly behind the
// record pos.
type checkpoint struct {
	log     string
	pos     uint64
	decider *Decider
	views   map[string][]byte
}

// viewSnapshot is what a checkpoint holds of one view.
type viewSnapshot struct {
	name string
	data []byte
}

// appendCheckpoint writes the file's content. decider is what appendState wrote.
func appendCheckpoint(b []byte, log string, pos uint64, decider []byte, views []viewSnapshot) []byte {
	body := appendText(nil, log)
	body = binary.AppendUvarint(body, pos)
	body = append(body, decider...)
	body = binary.AppendUvarint(body, uint64(len(views)))
	for _, v := range views {
		body = appendText(appendText(body, v.name), v.data)
	}
	b = append(b, checkpointMagic...)
	b = binary.LittleEndian.AppendUint32(b, checkpointVersion)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(body)))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(body, castagnoli))
	return append(b, body...)
}

// parseCheckpoint reads a file's content; the errors are errDamaged, errNewer
// and errOlder.
func parseCheckpoint(b []byte) (*checkpoint, error) {
	r := &reader{b: b}
	if string(r.bytes(uint64(len(checkpointMagic)))) != checkpointMagic {
		return nil, errDamaged
	}
	version, size, sum := r.uint32(), r.uint64(), r.uint32()
	switch {
	case r.bad || version == 0 || version >= 1<<16:
		return nil, errDamaged
	case version > checkpointVersion:
		return nil, errNewer
	case version < oldestVersion:
		return nil, errOlder
	}
	if uint64(len(r.b)) != size || crc32.Checksum(r.b, castagnoli) != sum {
		return nil, errDamaged
	}
	c := &checkpoint{log: r.text(), pos: r.uvarint(), views: make(map[string][]byte)}
	if r.bad {
		return nil, errDamaged
	}
	d, rest, err := parseState(r.b, version)
	if err != nil {
		return nil, errDamaged
	}
	c.decider, r.b = d, rest
	for range r.count(2) {
		name := r.text()
		c.views[name] = r.bytes(r.uvarint())
	}
	if r.bad || len(r.b) != 0 {
		return nil, errDamaged
	}
	return c, nil
}

// loadCheckpoint reads the folder's checkpoint. One that cannot be used is set
// aside under a telling name, and told as a notice; so is one of another log.
// All of that means (nil, notice, nil), as no checkpoint means (nil, nil, nil).
func loadCheckpoint(dir, log string, now time.Time) (*checkpoint, *AsideNotice, error) {
	path := filepath.Join(dir, CheckpointName)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint(b)
	why := AsideDamaged
	switch {
	case errors.Is(err, errOlder): // it will be written over: the log has it all
		return nil, nil, nil
	case errors.Is(err, errNewer):
		why = AsideNewer
	case err != nil:
	case c.log != log:
		why = AsideOtherLog
	default:
		return c, nil, nil
	}
	aside, err := setAside(path, string(why), now)
	if err != nil {
		return nil, nil, fmt.Errorf("checkpoint: set aside: %w", err)
	}
	return nil, &AsideNotice{Path: path, Aside: aside, Why: why}, nil
}

// setAside renames a file to path.WHY-AAAAMMDD-HHMMSS, never over another one.
func setAside(path, why string, now time.Time) (string, error) {
	base := path + "." + why + "-" + now.Format("20060102-150405")
	aside := base
	for i := 2; ; i++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", err
		}
		aside = fmt.Sprintf("%s-%d", base, i)
	}
	return aside, os.Rename(path, aside)
}

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
