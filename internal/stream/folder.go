package stream

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"

	"vaiven/internal/lock"
)

// lockName holds the process id of whoever has the folder, for people.
const lockName = "LOCK"

// lockFolder makes the log's folder if need be, and locks it against every other
// process.
func lockFolder(dir string) (*lock.Lock, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	l, err := lock.Take(filepath.Join(dir, lockName), "")
	var held *lock.HeldError
	var path *os.PathError
	switch {
	case errors.As(err, &held):
		return nil, fmt.Errorf("%w: %s (process %s)", ErrLocked, dir, held.Process)
	case errors.As(err, &path):
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return l, err
}

// streamDir is where the embedded server keeps the stream.
func streamDir(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", stream)
}

// blocksDir is where the stream's blocks are.
func blocksDir(dir, stream string) string { return filepath.Join(streamDir(dir, stream), "msgs") }

// mark is what the witness remembers of a log.
type mark struct {
	log   string // its id
	first uint64 // sequence of its first record
	acked uint64 // last sequence that was acknowledged
	clean bool   // the log was closed after it
	// journaled: since then records were durable in the journal first. A vaiven that has
	// none says so by not saying it: what a journal has then is older than the blocks.
	journaled bool
}

// witness is the file that knows what was acknowledged, apart from the log: a
// flipped bit can make JetStream drop the end of the log without an error
// (nats-server #7549), and its sequences would then be used twice.
//
// It is written after each commit and before anyone is told of it, to two
// slots in turn, so that a torn write spoils one and leaves the other. It is
// not synced: the log is on disk before the witness is written, so after a
// power cut the witness knows the same or less than the log, and less only
// makes it a weaker witness, never a false one. After a killed process the
// page cache still has it.
type witness struct {
	log     [16]byte
	started bool // this process has written to it

	// One write at a time: a commit and a Trim share the slots.
	mu   sync.Mutex
	f    witnessFile
	mark mark
	turn uint64
}

// witnessFile is what is needed of the file.
type witnessFile interface {
	io.WriterAt
	Sync() error
	Close() error
}

// WitnessedLog returns the id of the log in a folder, whose server may run; "" when
// the witness there does not know it.
func WitnessedLog(dir string) string {
	w, m, err := openWitness(dir)
	if err != nil {
		return ""
	}
	_ = w.f.Close() // nothing was written
	return m.log
}

// Acknowledged returns the last sequence that the witness in a log's folder
// knows to have been acknowledged, 0 when there is no witness. It is for a
// folder whose log does not open.
func Acknowledged(dir string) (uint64, error) {
	w, m, err := openWitness(dir)
	if err != nil {
		return 0, err
	}
	return m.acked, w.f.Close()
}

const (
	// WitnessName is the file in a log's folder that says how far it was acknowledged.
	WitnessName = "acked"
	slotSize    = 512
	slotMagic   = "VWA1"
	slotLength  = 4 + 8 + 8 + 8 + 16 + 4 + 4
	slotClean   = 1
	slotJournal = 2
)

// openWitness opens or creates the file; a new one gives the zero mark.
func openWitness(dir string) (*witness, mark, error) {
	f, err := os.OpenFile(filepath.Join(dir, WitnessName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, mark{}, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	w := &witness{f: f}
	buf := make([]byte, 2*slotSize+1)
	n, err := f.ReadAt(buf, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		f.Close()
		return nil, mark{}, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	if n == 0 {
		return w, mark{}, nil
	}
	for i := range 2 {
		if at := i * slotSize; at+slotLength <= n {
			w.readSlot(buf[at : at+slotLength])
		}
	}
	if w.turn == 0 && !bytes.Equal(buf[:n], make([]byte, n)) {
		f.Close()
		return nil, mark{}, fmt.Errorf("%w: %s: neither slot is whole", ErrCorrupt, f.Name())
	}
	return w, w.mark, nil
}

// readSlot takes a slot that is whole and newer than what was read before.
func (w *witness) readSlot(b []byte) {
	le := binary.LittleEndian
	sum := crc32.Checksum(b[:slotLength-4], castagnoli)
	if string(b[:4]) != slotMagic || le.Uint32(b[slotLength-4:]) != sum || le.Uint64(b[4:]) <= w.turn {
		return
	}
	w.turn = le.Uint64(b[4:])
	copy(w.log[:], b[28:44])
	w.mark = mark{log: hex.EncodeToString(w.log[:]), first: le.Uint64(b[12:]), acked: le.Uint64(b[20:]),
		clean: le.Uint32(b[44:]) == slotClean, journaled: le.Uint32(b[44:]) == slotJournal}
}

// start writes the first mark of this process to both slots, durably: from
// here on the file has one whole slot at any moment.
func (w *witness) start(m mark) error {
	if _, err := hex.Decode(w.log[:], []byte(m.log)); err != nil || len(m.log) != 32 {
		return fmt.Errorf("%w: log id %q", ErrNotALog, m.log)
	}
	w.mark, w.started = m, true
	for range 2 {
		if err := w.set(m.acked); err != nil {
			return err
		}
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

// set writes down, in the older slot, that acked was acknowledged, and what else the
// mark says; 0 leaves what was acknowledged as it is.
func (w *witness) set(acked uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mark.acked = max(w.mark.acked, acked)
	w.turn++
	var b [slotSize]byte
	le := binary.LittleEndian
	copy(b[:], slotMagic)
	le.PutUint64(b[4:], w.turn)
	le.PutUint64(b[12:], w.mark.first)
	le.PutUint64(b[20:], w.mark.acked)
	copy(b[28:], w.log[:])
	switch {
	case w.mark.clean:
		le.PutUint32(b[44:], slotClean)
	case w.mark.journaled:
		le.PutUint32(b[44:], slotJournal)
	}
	le.PutUint32(b[slotLength-4:], crc32.Checksum(b[:slotLength-4], castagnoli))
	if _, err := w.f.WriteAt(b[:], int64(w.turn%2)*slotSize); err != nil {
		w.turn-- // again into this slot, which may be torn: the other is whole
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

// moveFirst writes down, durably, that the log begins at first.
func (w *witness) moveFirst(first uint64) error {
	w.mu.Lock()
	w.mark.first = max(w.mark.first, first)
	w.mu.Unlock()
	if err := w.set(0); err != nil {
		return err
	}
	if err := w.f.Sync(); err != nil {
		return fmt.Errorf("witness: %w", err)
	}
	return nil
}

// close marks the log as closed, if all went well until the end.
func (w *witness) close(clean bool) error {
	var err error
	if w.started && clean {
		w.mu.Lock()
		w.mark.clean = true
		w.mu.Unlock()
		if err = w.set(0); err == nil {
			err = w.f.Sync()
		}
	}
	return errors.Join(err, w.f.Close())
}

// clearUnborn removes what remains of a stream whose creation was cut short
// and that holds nothing: JetStream would never load it, nor make it anew.
func clearUnborn(dir, stream string) error {
	files, err := listBlocks(dir, stream)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	for _, f := range files {
		if f.size > 0 {
			return nil
		}
	}
	if err := os.RemoveAll(streamDir(dir, stream)); err != nil {
		return fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	return nil
}
