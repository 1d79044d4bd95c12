package stream

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"vaiven"
)

// part is what of the log is to end.
type part int32

// The parts, in the order in which Close ends them.
const (
	partNone part = iota
	partRun
	partConnection
	partServer
	partJournal
	partWitness
	partLock
)

// text names the part for a person.
func (p part) text(l vaiven.Lang) string {
	switch p {
	case partRun:
		return l.Say("what is being written", "lo que se está escribiendo")
	case partConnection:
		return l.Say("the connection to NATS", "la conexión con NATS")
	case partServer:
		return l.Say("the embedded NATS server", "el servidor NATS embebido")
	case partJournal:
		return l.Say("the log's files", "los archivos del registro")
	case partWitness:
		return fmt.Sprintf(l.Say("the file %s", "el archivo %s"), WitnessName)
	case partLock:
		return fmt.Sprintf(l.Say("the file %s", "el archivo %s"), lockName)
	}
	return l.Say("something", "algo")
}

// HungError says that something of the log did not end in time. It goes on ending while
// the process lives, and the folder stays locked until it has: two servers never have
// the same files.
type HungError struct {
	After time.Duration // how long was waited
	part  part
}

func (e *HungError) Error() string { return e.Text(vaiven.English) }

// Text is the fact for a person.
func (e *HungError) Text(l vaiven.Lang) string {
	return fmt.Sprintf(l.Say("%s does not end: after %s it is left behind", "%s no termina: tras %s no se espera más"), e.part.text(l), e.After)
}

// joined is err, and with it what else went wrong, nil for nothing.
func joined(err, also error) error {
	if also == nil {
		return err
	}
	return errors.Join(err, also)
}

// beginClose begins to end the connection, and the embedded server with it. The channel
// is closed when both are down.
func (s *store) beginClose() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == nil {
		s.down = make(chan struct{})
		s.closing.Store(int32(partConnection))
		go func() {
			defer close(s.down)
			if s.nc != nil {
				s.nc.Close()
			}
			if s.srv != nil {
				s.closing.Store(int32(partServer))
				s.srv.Shutdown()
				s.srv.WaitForShutdown()
			}
		}()
	}
	return s.down
}

// close ends a store that may be followed by another over the same files. The error is
// ctx's or a *HungError: then none may follow, and awaitDown says when one may.
func (l *Log) close(ctx context.Context, s *store) error {
	late := time.NewTimer(l.o.CloseTimeout)
	defer late.Stop()
	var err error
	select {
	case <-s.beginClose():
		return nil
	case <-late.C:
		err = &HungError{After: l.o.CloseTimeout, part: part(s.closing.Load())}
	case <-ctx.Done():
		err = ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hung = s
	return err
}

// awaitDown waits for the store that did not end in time, as close does.
func (l *Log) awaitDown(ctx context.Context) error {
	l.mu.Lock()
	s := l.hung
	l.hung = nil
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	return l.close(ctx, s)
}

// Close ends Run and every Read, waits for Run, and gives back the folder or the
// connection. The error is a *HungError when that takes longer than
// Options.CloseTimeout. It is safe to call twice.
func (l *Log) Close() error {
	l.once.Do(func() {
		l.beginClose()
		l.queue.setRefusal(ErrClosed)
		l.closed = l.giveBack(!l.running.CompareAndSwap(false, true)) // from now on Run does not begin
	})
	return l.closed
}

// giveBack returns what Open took, and waits for Run before, if that runs. What hangs is
// left behind with all that is to be given back after it: the folder's lock is the last.
func (l *Log) giveBack(runs bool) error {
	var now atomic.Int32 // what is being ended
	done := make(chan struct{})
	go func() {
		defer close(done)
		if runs {
			now.Store(int32(partRun))
			<-l.ran
		}
		l.release(&now)
	}()
	late := time.NewTimer(l.o.CloseTimeout)
	defer late.Stop()
	select {
	case <-done:
		return nil
	case <-late.C:
	}
	err := &HungError{After: l.o.CloseTimeout, part: part(now.Load())}
	if err.part == partServer {
		l.mu.Lock()
		err.part = part(l.hung.closing.Load())
		l.mu.Unlock()
	}
	l.o.Logger.Warn("log not closed", "err", err)
	return err
}

// release gives back what Open took, and says what it is at.
func (l *Log) release(now *atomic.Int32) {
	l.mu.Lock()
	stores := []*store{l.hung, l.store}
	l.store = nil
	clean := !errors.Is(l.fatal, ErrUncertain)
	l.mu.Unlock()
	for _, s := range stores {
		if s != nil {
			l.mu.Lock()
			l.hung = s
			l.mu.Unlock()
			now.Store(int32(partServer))
			<-s.beginClose()
		}
	}
	l.flusher.end()
	if l.journal != nil {
		now.Store(int32(partJournal))
		l.flusher.work.Wait()
		err := errors.Join(l.syncRest(), l.flush(), l.journal.f.Close())
		if err != nil {
			l.o.Logger.Warn("the log's files are not synced: the next start looks into the journal", "err", err)
			clean = false
		}
	}
	if l.witness != nil {
		now.Store(int32(partWitness))
		if err := l.witness.close(clean); err != nil {
			l.o.Logger.Warn("the log's end was not marked as clean", "err", err)
		}
	}
	if l.lock != nil {
		now.Store(int32(partLock))
		l.lock.Release()
	}
}
