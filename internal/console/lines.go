package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/muesli/cancelreader"
)

// lineReader reads lines in a goroutine of its own, so that whoever takes them
// can wait for something else too. A line that nobody takes holds up the next.
type lineReader struct {
	lines chan string // closed at the end of the input, after err is set
	err   error       // nil at the end of the input

	r      io.Reader
	cancel cancelreader.CancelReader // nil when a read cannot be interrupted
	done   chan struct{}
	ended  chan struct{}
}

func readLines(in io.Reader) *lineReader {
	r := &lineReader{lines: make(chan string), done: make(chan struct{}), ended: make(chan struct{}), r: in}
	// On Windows the library takes the console out of its line mode.
	if f, ok := in.(*os.File); ok && runtime.GOOS != "windows" {
		// What cannot be polled (a regular file) does not block either.
		if c, err := cancelreader.NewReader(polite{f}); err == nil {
			r.r, r.cancel = c, c
		}
	}
	go r.run()
	return r
}

// close ends the goroutine, or leaves it to its read when that cannot be
// interrupted.
func (r *lineReader) close() {
	close(r.done)
	if r.cancel == nil || !r.cancel.Cancel() {
		return
	}
	late := time.NewTimer(leaveWithin)
	defer late.Stop()
	select {
	case <-r.ended:
		_ = r.cancel.Close()
	case <-late.C: // somebody else took what there was to read
	}
}

func (r *lineReader) run() {
	defer close(r.ended)
	defer close(r.lines)
	var held []byte
	buf := make([]byte, 256)
	for {
		n, err := r.r.Read(buf)
		for _, c := range buf[:max(n, 0)] {
			switch {
			case c == '\n':
				if !r.give(held) {
					return
				}
				held = held[:0]
			case len(held) <= maxTyped: // one more byte tells that it is too long
				held = append(held, c)
			}
		}
		switch {
		case errors.Is(err, errBackground):
			if !r.pause() {
				return
			}
		case errors.Is(err, io.EOF), errors.Is(err, cancelreader.ErrCanceled):
			return
		case err != nil:
			r.err = fmt.Errorf("read keys: %w", err)
			return
		}
	}
}

// give hands a line on; false when nobody wants any more.
func (r *lineReader) give(line []byte) bool {
	select {
	case r.lines <- string(bytes.TrimRight(line, "\r")):
		return true
	case <-r.done:
		return false
	}
}

// lookAgain is how soon a program in the background looks whether it is in
// front again.
const lookAgain = time.Second

// pause waits a while; false when nobody wants lines any more.
func (r *lineReader) pause() bool {
	t := time.NewTimer(lookAgain)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.done:
		return false
	}
}

// errBackground: what is typed is for somebody else.
var errBackground = errors.New("in the background")

// polite reads a terminal only while the program is in front: the system stops
// one that reads from the background (POSIX, SIGTTIN).
type polite struct{ *os.File }

func (p polite) Read(b []byte) (int, error) {
	if !foreground(p.File) {
		return 0, errBackground
	}
	return p.File.Read(b)
}
