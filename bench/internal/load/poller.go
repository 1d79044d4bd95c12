package load

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"
)

// sysEpollPwait2 is the same number on every architecture (Linux 5.11). Unlike
// epoll_wait it takes a timeout in nanoseconds, without which a paced fleet
// would send in bursts, one a millisecond.
const sysEpollPwait2 = 441

// poller is an epoll instance whose events carry the index of a board.
type poller struct {
	fd     int
	events [128]syscall.EpollEvent // small, so that pacing is looked at often
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &poller{fd: fd}, nil
}

func (p *poller) add(fd, index int, events uint32) error {
	ev := syscall.EpollEvent{Events: events, Fd: int32(index)}
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &ev)
}

func (p *poller) change(fd, index int, events uint32) error {
	ev := syscall.EpollEvent{Events: events, Fd: int32(index)}
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_MOD, fd, &ev)
}

// wait returns what is ready, after at most d.
func (p *poller) wait(d time.Duration) ([]syscall.EpollEvent, error) {
	ts := syscall.NsecToTimespec(int64(max(d, 0)))
	n, _, errno := syscall.Syscall6(sysEpollPwait2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events)),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&ts)), 0, 0)
	switch errno {
	case 0:
		return p.events[:n], nil
	case syscall.EINTR:
		return nil, nil
	}
	return nil, fmt.Errorf("epoll_pwait2 (needs Linux 5.11): %w", errno)
}

func (p *poller) close() { _ = syscall.Close(p.fd) }
