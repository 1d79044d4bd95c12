package stream

import (
	"context"
	"errors"
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
	// doubt says that the disk failed, and that the system may take for written what it
	// could not write: the blocks are written over with what they hold.
	doubt bool

	ctx  context.Context // ends when nothing is committed any more
	end  context.CancelFunc
	work sync.WaitGroup
}

func (f *flusher) init() {
	f.asked = make(chan struct{}, 1)
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
	files, err := listBlocks(l.o.Dir, l.o.Stream)
	if err != nil {
		return err
	}
	for _, b := range files {
		if b.index < f.from {
			continue
		}
		if err := f.sync(b.name); err != nil && !errors.Is(err, os.ErrNotExist) { // trimmed meanwhile
			f.doubt = true
			return err
		}
	}
	if err := atomicfile.SyncFolder(filepath.Join(streamDir(l.o.Dir, l.o.Stream), "msgs")); err != nil {
		return err
	}
	if n := len(files); n > 0 {
		f.from = files[n-1].index
	}
	f.doubt = false
	l.journal.release(upTo)
	return nil
}

func (f *flusher) sync(name string) error {
	if !f.doubt {
		return atomicfile.SyncFile(name)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return rewrite(name, b)
}

// syncRest brings what JetStream has in the folder besides the log's blocks to the
// disk: what it knows of its streams, and the snapshots.
func (l *Log) syncRest() error {
	if l.journal == nil {
		return nil
	}
	blocks := filepath.Join(streamDir(l.o.Dir, l.o.Stream), "msgs")
	return atomicfile.SyncTree(filepath.Join(l.o.Dir, "jetstream"), func(path string) bool { return filepath.Dir(path) == blocks })
}

// ackedMark is the last record that is durable, and waits for the ones behind it.
type ackedMark struct {
	atomic.Uint64
	mu    sync.Mutex
	moved chan struct{} // closed when it moves; nil: nobody waits
}

// Store moves the mark.
func (a *ackedMark) Store(seq uint64) {
	a.Uint64.Store(seq)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.moved != nil {
		close(a.moved)
		a.moved = nil
	}
}

// await waits until the mark has come to seq, or ctx ends.
func (a *ackedMark) await(ctx context.Context, seq uint64) error {
	for {
		a.mu.Lock()
		if a.Load() >= seq {
			a.mu.Unlock()
			return nil
		}
		if a.moved == nil {
			a.moved = make(chan struct{})
		}
		moved := a.moved
		a.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// awaitDurable waits until a record is on the disk: JetStream shows it before that, and
// nobody is to see what a power cut may take away.
func (l *Log) awaitDurable(ctx context.Context, seq uint64) error {
	if l.journal == nil || l.acked.Load() >= seq {
		return nil
	}
	return l.acked.await(ctx, seq)
}
