//go:build !linux

package transports

import "os/exec"

// dieWithUs can do nothing here.
func dieWithUs(*exec.Cmd) {}
