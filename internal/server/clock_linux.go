package server

import "golang.org/x/sys/unix"

// clockSynced reports whether the kernel's clock is disciplined (adjtimex(2)).
func clockSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
