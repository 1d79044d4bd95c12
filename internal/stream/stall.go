package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// LowDiskError says that the log's filesystem is below its reserve.
type LowDiskError struct {
	Free, Reserve int64 // bytes
}

func (e *LowDiskError) Error() string {
	return fmt.Sprintf("disk is full: %d MiB free, %d MiB are kept in reserve", e.Free>>20, e.Reserve>>20)
}

// DiskError says that a write to the log's folder fails, whatever the free space.
type DiskError struct {
	Dir string
	Err error // what the system said
}

func (e *DiskError) Error() string { return fmt.Sprintf("%s cannot be written: %v", e.Dir, e.Err) }

// Unwrap returns what the system said.
func (e *DiskError) Unwrap() error { return e.Err }

// disk watches the free space of the log's filesystem.
type disk struct {
	dir     string // "" for a log that is elsewhere
	reserve int64  // as in Options

	mu      sync.Mutex
	checked time.Time
	low     *LowDiskError
	askedAt time.Time // when MakeRoom freed nothing, since the disk is low
}

// diskEvery is how long an answer of the filesystem is used.
const diskEvery = 100 * time.Millisecond

// checkSpace returns a *LowDiskError while there is too little space. A filesystem
// that does not answer is not a reason to refuse: the write will tell.
func (d *disk) checkSpace() error {
	if d.dir == "" || d.reserve < 0 {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.checked) >= diskEvery {
		d.low = nil
		if free, size, err := diskSpace(d.dir); err == nil {
			if keep := d.kept(size); free < keep {
				d.low = &LowDiskError{Free: free, Reserve: keep}
			}
		}
		if d.low == nil {
			d.askedAt = time.Time{}
		}
		d.checked = time.Now()
	}
	if d.low != nil {
		return d.low
	}
	return nil
}

// roomEvery is how long it takes until MakeRoom is asked again after it freed nothing.
const roomEvery = 10 * time.Second

// lowDisk is why nothing is taken while there is too little space, and nobody may free
// any.
func (l *Log) lowDisk() error {
	if low := l.disk.checkSpace(); low != nil && !l.mayMakeRoom() {
		return low
	}
	return nil
}

// mayMakeRoom reports whether somebody is there who may free something, and has not
// failed to since the disk is low. What is appended then goes to the committer, who asks.
func (l *Log) mayMakeRoom() bool {
	l.disk.mu.Lock()
	defer l.disk.mu.Unlock()
	return l.o.MakeRoom != nil && l.disk.askedAt.IsZero()
}

// makeRoom asks for it, unless that was in vain a moment ago.
func (l *Log) makeRoom(ctx context.Context) bool {
	if l.o.MakeRoom == nil || l.disk.dir == "" {
		return false
	}
	d := &l.disk
	d.mu.Lock()
	again := d.askedAt.IsZero() || time.Since(d.askedAt) >= roomEvery
	d.mu.Unlock()
	if !again {
		return false
	}
	l.o.Logger.Info("disk is low: the log's oldest records are looked at")
	freed := l.o.MakeRoom(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checked = time.Time{}
	if d.askedAt = time.Now(); freed {
		d.askedAt = time.Time{}
	}
	return freed
}

// checkRoomFor returns a *LowDiskError when a snapshot of so many bytes would leave less
// than half of the reserve. The other half is for that: with it the log can be trimmed.
func (d *disk) checkRoomFor(bytes int64) error {
	if d.dir == "" || d.reserve < 0 {
		return nil
	}
	free, size, err := diskSpace(d.dir)
	if keep := d.kept(size); err == nil && free-bytes < keep/2 {
		return &LowDiskError{Free: free, Reserve: keep}
	}
	return nil
}

// kept is the reserve on a filesystem of that size.
func (d *disk) kept(size int64) int64 {
	if d.reserve != 0 {
		return d.reserve
	}
	return min(64<<20, size/50)
}

// tryWrite writes a byte through to the disk: the store only says that it failed. The
// error is a *DiskError.
func (d *disk) tryWrite() error {
	name := filepath.Join(d.dir, ".probe")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err == nil {
		_, err = f.Write([]byte{'\n'})
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(name))
	}
	if err == nil {
		return nil
	}
	var system syscall.Errno
	if errors.As(err, &system) {
		err = system
	}
	return &DiskError{d.dir, err}
}

// recordWatch is the time that one record takes: it makes the log refuse once that
// is too long, or while the disk is full, and prepares the next attempt.
type recordWatch struct {
	l     *Log
	start time.Time

	asking sync.Mutex // one write at a time: they share a file

	mu      sync.Mutex
	why     error     // what the disk said, nil: nothing
	failed  time.Time // when it last did
	stalled bool
	ended   bool
	timer   *time.Timer
}

const (
	// askTime is how long a stall waits for the disk's word, so that what people are
	// told first is the cause: a disk that hangs gives none.
	askTime = 500 * time.Millisecond
	// whyTime is how long that word counts after a write has gone well again: the
	// log needs a moment to go on, and nobody is to be told less meanwhile.
	whyTime = 10 * time.Second
)

// watchRecord begins the time of a record; the caller ends it.
func (l *Log) watchRecord() *recordWatch {
	w := &recordWatch{l: l, start: time.Now()}
	w.timer = time.AfterFunc(l.o.StallAfter, func() {
		if l.o.URL == "" && l.o.Dir != "" { // else the disk is another machine's
			asked := make(chan struct{})
			go func() { defer close(asked); w.askDisk() }()
			select {
			case <-asked:
			case <-time.After(askTime): // a disk that hangs is not waited for
			}
		}
		w.refuse(w.busy())
	})
	return w
}

// end takes the refusal back. None comes after it.
func (w *recordWatch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.timer.Stop()
	if w.stalled {
		w.l.queue.setRefusal(nil)
		w.l.o.Logger.Info("log moves again", "after", time.Since(w.start).Round(time.Millisecond).String())
	}
}

// refuse makes the log refuse with err until the record is written.
func (w *recordWatch) refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if !w.stalled {
		w.stalled = true
		w.l.o.Logger.Info("log does not move", "err", err) // people ask Health
	}
	w.l.queue.setRefusal(err)
}

func (w *recordWatch) busy() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &BusyError{For: w.l.o.StallAfter, Why: w.why}
}

// askDisk asks the disk why the store fails, so that people are told that and not
// only that nothing moves.
func (w *recordWatch) askDisk() {
	w.asking.Lock()
	defer w.asking.Unlock()
	w.mu.Lock()
	ended := w.ended
	w.mu.Unlock()
	if ended {
		return
	}
	why := w.l.disk.tryWrite()
	w.mu.Lock()
	if why == nil && time.Since(w.failed) < whyTime {
		why = w.why
	} else if why != nil {
		w.failed = time.Now()
	}
	news := w.stalled && fmt.Sprint(w.why) != fmt.Sprint(why)
	w.why = why
	w.mu.Unlock()
	if news {
		w.refuse(w.busy())
	}
}

// awaitSpace waits until the disk is above its reserve.
func (w *recordWatch) awaitSpace(ctx context.Context) error {
	for {
		low := w.l.disk.checkSpace()
		if low == nil {
			return nil
		}
		if w.l.makeRoom(ctx) && pause(ctx, diskEvery) == nil {
			continue
		}
		w.refuse(low)
		if err := pause(ctx, diskEvery); err != nil {
			return fmt.Errorf("%w: %w", low, err)
		}
	}
}

// prepareRetry makes the next attempt worthwhile: it waits for the external server,
// or restarts the embedded one, whose write error would otherwise stay. The more
// attempts there were, the longer it waits. The error says that the log is damaged,
// or is the last one when ctx ended.
func (w *recordWatch) prepareRetry(ctx context.Context, s *store, try int, why error) error {
	l := w.l
	level := levelOf(try)
	l.o.Logger.Log(ctx, level, "commit is repeated", "try", try+1, "err", why)
	if try > 0 {
		_ = pause(ctx, retryPause(try)) // the caller looks at ctx
	}
	if l.o.URL != "" {
		if errors.Is(why, context.DeadlineExceeded) {
			_ = s.nc.ForceReconnect() // half-open: silence without a disconnection
		}
		return nil
	}
	w.askDisk()
	l.mu.Lock()
	old := l.store
	l.store = closedStore
	l.mu.Unlock()
	if err := l.close(ctx, old); err != nil && ctx.Err() == nil {
		l.o.Logger.Warn("embedded nats is waited for: another over the same files must not start", "err", err)
	}
	for try := 0; ; try++ {
		if !l.mayMakeRoom() { // it needs the server, on a full disk, too
			if err := w.awaitSpace(ctx); err != nil {
				return err
			}
		}
		err := l.reopen(ctx)
		var lost *LostRecordsError
		var missing *MissingError
		damaged := errors.As(err, &lost) || errors.As(err, &missing) || errors.Is(err, ErrCorrupt)
		if err == nil || damaged || ctx.Err() != nil { // another attempt cures no damage
			return err
		}
		w.askDisk()
		l.o.Logger.Log(ctx, level, "embedded nats does not start", "try", try+1, "err", err)
		level = slog.LevelDebug
		_ = pause(ctx, retryPause(try))
	}
}

// levelOf is how loud an attempt is that is made again: the first is told, the others
// only to who looks for it.
func levelOf(try int) slog.Level {
	if try == 0 {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// retryPause is how long to wait after that many failures.
func retryPause(try int) time.Duration {
	return min(50*time.Millisecond<<min(try, 5), time.Second)
}

// reopen starts the embedded server anew over the same files, once the one before is
// down.
func (l *Log) reopen(ctx context.Context) error {
	if err := l.awaitDown(ctx); err != nil {
		return err
	}
	known := mark{log: l.id, first: l.First(), acked: l.acked.Load(), clean: true}
	if _, err := readyFiles(ctx, l.o.Dir, l.o.Stream, known); err != nil {
		return err
	}
	s, err := l.connect(ctx)
	if err != nil {
		return err
	}
	st, err := s.state(ctx)
	if err == nil && st.last < known.acked {
		err = &LostRecordsError{Have: st.last, Want: known.acked}
	}
	if err != nil {
		return joined(err, l.close(ctx, s))
	}
	l.flusher.failed.Add(1) // whatever was wrong: JetStream may have been told alone
	l.mu.Lock()
	l.store = s
	close(l.moved)
	l.moved = make(chan struct{})
	l.mu.Unlock()
	return nil
}
