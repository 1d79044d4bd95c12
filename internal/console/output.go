package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"vaiven"
)

// Output is one stream that a person or another program reads: stdout, stderr.
// It alone writes there, in a goroutine that lives while there is something to
// write and that is left behind when the stream takes nothing, so that a reader
// who has stopped (| less, Ctrl-S, an SSH connection that hangs) holds up those
// who agreed to wait for it and nobody else, and not the program's end.
//
// Write waits for the reader, for as long as it takes, until Leave; a write behind
// Leave, or under way then, has leaveWithin, up to twice that. Notes are for those
// who must never wait. A stream that breaks (its pipe was closed, its terminal hung
// up) or that takes nothing after Leave is gone: every write returns a *GoneError
// from then on. A full disk behind a stream passes, and is the writer's error.
//
// All methods may be used from several goroutines.
type Output struct {
	w    io.Writer
	name string

	mu      sync.Mutex
	idle    sync.Cond // of mu: busy has ended
	lang    vaiven.Lang
	queue   []*chunk
	current *chunk // being written
	busy    bool   // run is there
	noted   int    // bytes of notes that wait
	dropped int    // notes that found no room
	leaving bool
	watched bool // a timer looks whether the reader reads
	writes  int  // that returned: whether a reader reads
	gone    *GoneError
	onGone  []func(*GoneError)
}

// chunk is what goes out with one write.
type chunk struct {
	b    []byte
	done chan writeResult // holds one; nil: a note
}

type writeResult struct {
	n   int
	err error
}

// answer tells the writer, who may have been told already. A note has nobody to tell.
func (c *chunk) answer(n int, err error) {
	select {
	case c.done <- writeResult{n, err}:
	default:
	}
}

const (
	// maxNotes is how many bytes of notes wait for a reader.
	maxNotes = 256 << 10
	// retryPause is the pause before a stream is tried again that somebody else
	// has made non-blocking (a terminal is shared by all that run in it).
	retryPause = 20 * time.Millisecond
)

// GoneError says that a stream is not written any more.
type GoneError struct {
	Name string // stdout, stderr
	Err  error
}

func (e *GoneError) Error() string { return fmt.Sprintf("write %s: %v", e.Name, e.Err) }

// Text says it to a person who looks at another stream.
func (e *GoneError) Text(l vaiven.Lang) string {
	if errors.Is(e.Err, ErrNotRead) {
		return fmt.Sprintf(l.Say("nobody reads %s: what was left for it is left out", "nadie lee %s: lo que le quedaba se omite"), e.Name)
	}
	why := e.Err
	var system syscall.Errno
	if errors.As(why, &system) {
		why = system // without the name of a file that nobody gave it
	}
	return fmt.Sprintf(l.Say("%s cannot be written any more (%v): nothing more is shown there",
		"ya no se puede escribir en %s (%v): ahí no se muestra nada más"), e.Name, why)
}

// Unwrap returns what the system said.
func (e *GoneError) Unwrap() error { return e.Err }

// Gone tells whoever drives a view that nobody looks at it any more.
func (e *GoneError) Gone() bool { return true }

// ErrNotRead is why a stream is gone that took nothing at the end.
var ErrNotRead = errors.New("it is not read")

// NewOutput returns the owner of w.
func NewOutput(w io.Writer, name string) *Output {
	o := &Output{w: w, name: name}
	o.idle.L = &o.mu
	return o
}

// Outputs returns the owners of stdout and stderr: one and the same when both
// are one file, so that what goes to either stays in its order.
func Outputs(stdout, stderr io.Writer) (out, err *Output) {
	out = NewOutput(stdout, "stdout")
	a, isFile := stdout.(*os.File)
	b, too := stderr.(*os.File)
	if isFile && too {
		one, failed := a.Stat()
		other, failedToo := b.Stat()
		if failed == nil && failedToo == nil && os.SameFile(one, other) {
			return out, out
		}
	}
	return out, NewOutput(stderr, "stderr")
}

// SetLang sets the language of what the Output itself says.
func (o *Output) SetLang(l vaiven.Lang) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lang = l
}

// Terminal describes the stream; its W waits for the reader.
func (o *Output) Terminal(getenv func(string) string) Terminal {
	t := Terminal{}
	if f := o.File(); f != nil {
		t = Detect(f, getenv)
	}
	t.W = o
	return t
}

// File is the file behind the stream, nil when it is none. It is for asking what
// it is, and for a library that draws on a terminal.
func (o *Output) File() *os.File {
	f, _ := o.w.(*os.File)
	return f
}

// Write hands p to the reader, and returns when it has gone out.
func (o *Output) Write(p []byte) (int, error) {
	c := &chunk{bytes.Clone(p), make(chan writeResult, 1)}
	if err := o.add(c); err != nil {
		return 0, err
	}
	r := <-c.done
	return r.n, r.err
}

// Notes writes to the stream without waiting: what finds no room because the
// reader has stopped is left out, and how much that was is said when it reads
// again. Each write should be whole lines.
func (o *Output) Notes() io.Writer { return (*notes)(o) }

type notes Output

func (n *notes) Write(p []byte) (int, error) {
	if err := (*Output)(n).add(&chunk{b: bytes.Clone(p)}); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (o *Output) add(c *chunk) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone != nil {
		return o.gone
	}
	if c.done == nil {
		if o.noted+len(c.b) > maxNotes {
			o.dropped++
			return nil
		}
		o.noted += len(c.b)
	}
	o.queue = append(o.queue, c)
	if !o.busy {
		o.busy = true
		o.watchReader()
		go o.run()
	}
	return nil
}

// run writes what waits, and ends when that is all, or when the stream is gone.
func (o *Output) run() {
	for c := o.next(); c != nil; c = o.next() {
		n, err := o.write(c.b)
		passes := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
		if err != nil && !passes {
			o.giveUp(err)
		}
		o.mu.Lock()
		if c.done == nil {
			o.noted -= len(c.b)
		}
		c.answer(n, err)
		o.writes++
		o.watchReader()
		o.mu.Unlock()
	}
}

func (o *Output) next() *chunk {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 && o.dropped > 0 && o.gone == nil {
		text := fmt.Sprintf(o.lang.Say("(%d messages left out: nobody was reading)\n", "(%d mensajes omitidos: nadie leía)\n"), o.dropped)
		o.queue, o.dropped, o.noted = append(o.queue, &chunk{b: []byte(text)}), 0, o.noted+len(text)
	}
	if len(o.queue) == 0 || o.gone != nil {
		o.queue, o.busy, o.current = nil, false, nil
		o.idle.Broadcast()
		return nil
	}
	o.current, o.queue[0] = o.queue[0], nil
	o.queue = o.queue[1:]
	return o.current
}

// write makes the write, which may never return.
func (o *Output) write(b []byte) (n int, err error) {
	for {
		m, err := o.w.Write(b[n:])
		n += max(m, 0)
		if !errors.Is(err, syscall.EAGAIN) || o.Gone() != nil {
			return n, err
		}
		time.Sleep(retryPause)
	}
}

// Leave says that the program ends: from now on a write that is not taken in time
// is the last one.
func (o *Output) Leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.leaving {
		o.leaving = true
		o.watchReader()
	}
}

// watchReader looks, when leaving, whether what is being written now moves; mu is
// held.
func (o *Output) watchReader() {
	if !o.leaving || !o.busy || o.watched {
		return
	}
	o.watched = true
	writes := o.writes
	time.AfterFunc(leaveWithin, func() {
		o.mu.Lock()
		o.watched = false
		stuck := o.busy && o.writes == writes
		if !stuck {
			o.watchReader()
		}
		o.mu.Unlock()
		if stuck {
			o.giveUp(ErrNotRead)
		}
	})
}

// giveUp makes the stream gone, and answers all who wait for it.
func (o *Output) giveUp(why error) {
	o.mu.Lock()
	if o.gone != nil {
		o.mu.Unlock()
		return
	}
	o.gone = &GoneError{o.name, why}
	if o.current != nil {
		o.queue = append(o.queue, o.current)
	}
	for _, c := range o.queue {
		c.answer(0, o.gone)
	}
	o.queue = nil
	o.idle.Broadcast()
	listeners, gone := o.onGone, o.gone
	o.mu.Unlock()
	for _, fn := range listeners {
		fn(gone)
	}
}

// OnGone has fn told, once, when the stream is gone; at once if it is already.
func (o *Output) OnGone(fn func(*GoneError)) {
	o.mu.Lock()
	gone := o.gone
	if gone == nil {
		o.onGone = append(o.onGone, fn)
	}
	o.mu.Unlock()
	if gone != nil {
		fn(gone)
	}
}

// Gone is why the stream is not written any more, nil while it is.
func (o *Output) Gone() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.gone == nil {
		return nil
	}
	return o.gone
}

// Flush waits until everything has gone out, or the stream is gone.
func (o *Output) Flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.busy && o.gone == nil {
		o.idle.Wait()
	}
}

// Readable is where to write lines that others have written: on a terminal they draw
// nothing, and to a pipe or a file they go as they are.
func (t Terminal) Readable() io.Writer {
	if !t.TTY {
		return t.W
	}
	return readable{t.W}
}

// readable cleans what it hands on. A character that was cut in two shows as broken.
type readable struct{ w io.Writer }

// Write implements io.Writer.
func (r readable) Write(p []byte) (int, error) {
	clean := bytes.Map(func(c rune) rune {
		switch c {
		case '\n', '\t':
			return c
		case '\r':
			return -1
		}
		return vaiven.PrintableRune(c)
	}, p)
	if _, err := r.w.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}
