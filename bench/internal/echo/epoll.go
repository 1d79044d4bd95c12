package echo

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// Epoll serves ln from one thread with one epoll instance and bare system
// calls: no runtime poller, no goroutine. It is the least that a server in
// user space can do for these bytes.
func Epoll(ln *net.TCPListener, request int, answer []byte) error {
	file, err := ln.File()
	if err != nil {
		return fmt.Errorf("listener: %w", err)
	}
	defer file.Close()
	s := &epollServer{listener: int(file.Fd()), request: request, answer: answer, conns: map[int32]*counter{}}
	if err := syscall.SetNonblock(s.listener, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	if s.poll, err = syscall.EpollCreate1(0); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	return s.serve()
}

type epollServer struct {
	poll, listener int
	request        int
	answer         []byte
	conns          map[int32]*counter
	buf            [16 << 10]byte
}

func (s *epollServer) serve() error {
	if err := s.watch(s.listener); err != nil {
		return err
	}
	events := make([]syscall.EpollEvent, 512)
	for {
		n, err := syscall.EpollWait(s.poll, events, -1)
		if err != nil && err != syscall.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		for i := range max(n, 0) {
			if int(events[i].Fd) == s.listener {
				s.accept()
			} else {
				s.answerOn(events[i].Fd)
			}
		}
	}
}

func (s *epollServer) watch(fd int) error {
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(s.poll, syscall.EPOLL_CTL_ADD, fd, &ev))
}

func (s *epollServer) accept() {
	for {
		fd, _, err := syscall.Accept4(s.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if s.watch(fd) != nil {
			_ = syscall.Close(fd)
			continue
		}
		s.conns[int32(fd)] = &counter{request: s.request, answer: s.answer}
	}
}

func (s *epollServer) answerOn(fd int32) {
	n, err := syscall.Read(int(fd), s.buf[:])
	if err == nil && n > 0 {
		out := s.conns[fd].take(n)
		if len(out) == 0 {
			return
		}
		var w int
		if w, err = syscall.Write(int(fd), out); w == len(out) {
			return
		}
	}
	if err != syscall.EAGAIN || n > 0 {
		delete(s.conns, fd)
		_ = syscall.Close(int(fd))
	}
}
