package leaks

import (
	"testing"
	"time"
)

type tests func() int

func (t tests) Run() int { return t() }

// A goroutine that was told to end and takes longer than goleak waits is no leak.
func TestASlowEndIsNoLeak(t *testing.T) {
	ended := make(chan struct{})
	code := patient{tests(func() int {
		go func() {
			time.Sleep(2 * time.Second)
			close(ended)
		}()
		return 0
	})}.Run()
	select {
	case <-ended:
	default:
		t.Error("did not wait for a goroutine that was about to end")
	}
	if code != 0 {
		t.Errorf("code %d", code)
	}
}

// What failed is told at once.
func TestAFailureIsNotWaitedFor(t *testing.T) {
	end := make(chan struct{})
	defer close(end)
	go func() { <-end }()
	if code := (patient{tests(func() int { return 3 })}).Run(); code != 3 {
		t.Errorf("code %d, want 3", code)
	}
}
