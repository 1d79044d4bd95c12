package stream

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"vaiven/internal/atomicfile"
)

// flushEvery is how long a record is in the journal alone, at most, before the blocks
// are synced: the less often, the fewer bytes are written.
const flushEvery = 5 * time.Minute

// flusher syncs what JetStream has only handed to the system. Its fields are its
// goroutine's and, before that is there, Open's.
type flusher struct {
	mu    sync.Mutex    // one at a time
	asked chan struct{} // holds a token when a flush is wanted now
	from  uint32        // the first block that may not be synced
	// failed counts the disk's failures, behind which the system may take for written what
	// it could not write: the files are then written over with what they hold. blocks and
	// rest are how many of them that was done for.
	failed       atomic.Int64
	blocks, rest int64
	restMu       sync.Mutex // of rest: one at a time
	// lost is closed when the blocks lack what was acknowledged, why says it: no flush
	// can bring that to the disk, and the next start has it from the journal.
	lost chan struct{}
	why  error

	ctx  context.Context // ends when nothing is committed any more
	end  context.CancelFunc
	work sync.WaitGroup
}

func (f *flusher) init() {
	f.asked, f.lost = make(chan struct{}, 1), make(chan struct{})
	f.ctx, f.end = context.WithCancel(context.Background())
}

// askFlush has the blocks synced soon.
func (l *Log) askFlush() {
	select {
	case l.flusher.asked <- struct{}{}:
	default:
	}
}

// keepFlushing flushes now and then until the log is closed.
func (l *Log) keepFlushing() {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.flusher.ctx.Done():
			return
		case <-tick.C:
		case <-l.flusher.asked:
		}
		for try := 0; ; try++ {
			err := l.flush()
			if err == nil {
				break
			}
			var lost *LostRecordsError
			if errors.As(err, &lost) || errors.Is(err, ErrCorrupt) {
				l.flusher.why = err
				close(l.flusher.lost)
				return
			}
			l.o.Logger.Log(context.Background(), levelOf(try), "the log's files are synced again", "try", try+1, "err", err)
			if pause(l.flusher.ctx, retryPause(try)) != nil {
				return
			}
		}
	}
}

// flush brings the blocks to the disk, and gives the journal's room of what they hold
// away.
func (l *Log) flush() error {
	if l.journal == nil {
		return nil
	}
	f := &l.flusher
	f.mu.Lock()
	defer f.mu.Unlock()
	upTo := l.acked.Load() // JetStream has handed all of these to the system
	failed := f.failed.Load()
	again := failed != f.blocks && f.from > 0 // the first one is Open's, and has seen no failure
	files, err := listBlocks(l.o.Dir, l.o.Stream)
	if err != nil {
		return err
	}
	scan := newScan(l.o.Stream, l.First())
	for _, b := range files {
		if b.index < f.from {
			continue
		}
		if again {
			err = writeAgain(b.name, func(data []byte) error { _, err := scan.scanBlock(b, data); return err })
		} else {
			err = atomicfile.SyncFile(b.name)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) { // trimmed meanwhile
			f.failed.Add(1)
			return err
		}
	}
	if again && scan.last < upTo { // the system has forgotten it: the journal has not
		return &LostRecordsError{Have: scan.last, Want: upTo}
	}
	if err := atomicfile.SyncFolder(blocksDir(l.o.Dir, l.o.Stream)); err != nil {
		f.failed.Add(1)
		return err
	}
	if n := len(files); n > 0 {
		f.from = files[n-1].index
	}
	f.blocks = failed
	l.journal.release(upTo)
	return nil
}

// writeAgain writes over a file with what it holds, when check has nothing against that,
// and brings it to the disk. JetStream may append to the file meanwhile, or put another
// one in its place, which it has synced.
func writeAgain(name string, check func([]byte) error) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(f)
	if err == nil {
		err = check(b)
	}
	if err == nil {
		_, err = f.WriteAt(b, 0)
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// syncRest brings what JetStream has in the folder besides the log's blocks to the
// disk: what it knows of its streams, and the snapshots.
func (l *Log) syncRest() error {
	if l.journal == nil {
		return nil
	}
	f := &l.flusher
	f.restMu.Lock()
	defer f.restMu.Unlock()
	failed := f.failed.Load()
	blocks := blocksDir(l.o.Dir, l.o.Stream)
	var again error
	err := atomicfile.SyncTree(filepath.Join(l.o.Dir, "jetstream"), func(path string) bool {
		if filepath.Dir(path) == blocks {
			return true
		}
		if failed == f.rest {
			return false
		}
		if err := writeAgain(path, func([]byte) error { return nil }); err != nil && !errors.Is(err, os.ErrNotExist) {
			again = errors.Join(again, err)
		}
		return true
	})
	if err = errors.Join(err, again); err != nil {
		f.failed.Add(1)
		return err
	}
	f.rest = failed
	return nil
}
