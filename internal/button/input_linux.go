package button

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/warthog618/go-gpiocdev/uapi"
)

// kernelInput is a button's line. It is read here and not by the library's
// watcher, which would spin when the chip goes away: the file is in Go's poller,
// so a Wait costs nothing until an edge comes, and ends when it is closed.
type kernelInput struct {
	f         *os.File
	raw       syscall.RawConn
	second    bool // version of the interface
	debounced bool
}

func newKernelInput(fd int32, second, debounced bool) (input, error) {
	if err := syscall.SetNonblock(int(fd), true); err != nil { // only a file that does not block gets into the poller
		_ = syscall.Close(int(fd))
		return nil, err
	}
	l := &kernelInput{f: os.NewFile(uintptr(fd), "gpio line"), second: second, debounced: debounced}
	var err error
	if l.raw, err = l.f.SyscallConn(); err != nil {
		_ = l.f.Close()
		return nil, err
	}
	return l, nil
}

// Wait waits for an edge.
func (l *kernelInput) Wait(d time.Duration) (e edge, at time.Duration, err error) {
	if err := l.f.SetReadDeadline(time.Now().Add(d)); err != nil {
		return none, 0, err
	}
	var failed error
	err = l.raw.Read(func(fd uintptr) bool {
		e, at, failed = l.readEdge(fd)
		return !errors.Is(failed, syscall.EAGAIN)
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(failed, syscall.EINTR):
		return none, 0, nil
	case err != nil:
		return none, 0, err
	}
	return e, at, lineGone(failed)
}

func (l *kernelInput) readEdge(fd uintptr) (edge, time.Duration, error) {
	if l.second {
		e, err := uapi.ReadLineEvent(fd)
		if err != nil {
			return none, 0, err
		}
		return edgeOf(e.ID == uapi.LineEventRisingEdge), time.Duration(e.Timestamp), nil
	}
	e, err := uapi.ReadEvent(fd)
	if err != nil {
		return none, 0, err
	}
	return edgeOf(e.ID == uapi.EventRequestRisingEdge), time.Duration(e.Timestamp), nil
}

// edgeOf: rising is from inactive to active, whatever the voltage.
func edgeOf(rising bool) edge {
	if rising {
		return down
	}
	return up
}

// Pressed reads the line.
func (l *kernelInput) Pressed() (on bool, err error) {
	ctl := l.raw.Control(func(fd uintptr) {
		if l.second {
			v := uapi.LineValues{Mask: 1}
			err = uapi.GetLineValuesV2(fd, &v)
			on = v.Get(0) != 0
			return
		}
		var v uapi.HandleData
		err = uapi.GetLineValues(fd, &v)
		on = v[0] != 0
	})
	return on, errors.Join(ctl, lineGone(err))
}

// Debounced reports whether the kernel does it.
func (l *kernelInput) Debounced() bool { return l.debounced }

// Close gives the line back. Safe twice.
func (l *kernelInput) Close() error {
	if err := l.f.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// lineGone names the error of a line whose chip is no more there.
func lineGone(err error) error {
	if errors.Is(err, syscall.ENODEV) {
		return errGone
	}
	return err
}
