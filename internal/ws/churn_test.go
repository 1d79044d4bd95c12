package ws_test

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"vaiven/internal/ws"
)

// descriptors counts the process's open files, -1 where it cannot be known.
func descriptors() int {
	d, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(d)
}

// 10,000 connections come and go, in every way in which one can, and leave
// nothing behind.
func TestChurn(t *testing.T) {
	s := start(t, mode{start: true}, ws.Options{}, echoing)
	wave(s, 200)
	goroutines, files := runtime.NumGoroutine(), descriptors()
	for range 50 {
		wave(s, 200)
	}
	eventually(t, "goroutines are back", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors are back", func() bool { return descriptors() <= files })
}

// wave opens n connections, uses them, and ends each in one of four ways.
func wave(s *server, n int) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			c := s.dial()
			defer c.Close()
			c.write(masked(fin|opText, "x"))
			_ = c.frame()
			switch i % 4 {
			case 0:
				c.write(closing(1000, ""))
				_ = c.frames()
			case 1:
				c.write([]byte{0xFF, 0xFF})
				_ = c.frames()
			case 2:
				c.write(masked(opText, "never finished"))
			}
		})
	}
	wg.Wait()
	for range n {
		_ = s.end()
		<-s.live
	}
}
