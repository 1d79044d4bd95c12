package transports

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the kernel kill the process if this one is killed: then nobody
// is left to end it.
func dieWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
