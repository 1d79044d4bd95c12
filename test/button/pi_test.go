//go:build suites && linux

package button

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
	pivm "vaiven/test/pi-vm"
)

// The pins of the machine's chip, and what the kernel calls them.
const (
	buttonPin    = 4 // GPIO17: a push button to ground
	indicatorPin = 5 // GPIO27: an LED
	takenPin     = 6 // GPIO22: another button, at first in use by somebody else
	sentPin      = 0 // GPIO5: an LED for a board that does not report
)

// debounce is vaiven's own.
const debounce = 15 * time.Millisecond

// pi is the emulated computer.
type pi struct {
	*pivm.VM
	t *testing.T
}

func bootPi(t *testing.T) *pi {
	t.Helper()
	pivm.Prepare(t)
	vm := pivm.Boot(t, pivm.Options{
		Disk: pivm.NewDisk(t, 256), Port: harness.Port(t),
		Files: map[string]string{
			"bin/vaiven":   harness.CrossBinary(t, "linux", "arm64"),
			"bin/vaiven6":  oldPiBinary(t),
			"bin/pressing": packageTests(t),
		},
		GPIO: map[int]string{buttonPin: "GPIO17", indicatorPin: "GPIO27", takenPin: "GPIO22", sentPin: "GPIO5"},
	})
	vm.Run("mkdir /etc; echo root:x:0:0::/:/bin/sh >/etc/passwd; echo student:x:1000:1000::/:/bin/sh >>/etc/passwd; echo gpio:x:997: >/etc/group")
	return &pi{VM: vm, t: t}
}

// oldPiBinary builds vaiven for the first Pi and the Zero. It does little here:
// optimizing it would take longer than all that it does.
func oldPiBinary(t *testing.T) string {
	t.Helper()
	t.Setenv("GOARM", "6")
	return harness.CrossBinary(t, "linux", "arm", "-gcflags=all=-N -l")
}

// packageTests builds the test program of internal/button, which can count
// presses without vaiven around it.
func packageTests(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "button.test")
	cmd := exec.Command("go", "test", "-c", "-o", path, "./internal/button")
	cmd.Dir = harness.Root()
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// start runs a program in the machine; what it says is in /tmp/out.
func (p *pi) start(command string) {
	p.t.Helper()
	p.Run("rm -f /tmp/out; " + command + " >/tmp/out 2>&1 & echo $! >/tmp/pid")
}

// stop ends the program in order, and returns what it said.
func (p *pi) stop() string {
	p.t.Helper()
	p.Try("kill $(cat /tmp/pid)") // it may be over
	p.waitEnd()
	return p.said()
}

func (p *pi) waitEnd() {
	p.t.Helper()
	p.Run("i=0; while kill -0 $(cat /tmp/pid) && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done 2>/dev/null; [ $i -lt 600 ]")
}

func (p *pi) said() string {
	p.t.Helper()
	return p.Run("cat /tmp/out")
}

// waitSaid waits until the program has said something.
func (p *pi) waitSaid(text string) {
	p.t.Helper()
	harness.Until(p.t, 4*time.Minute, "the program says "+text, func() bool {
		out, _ := p.Try("cat /tmp/out")
		return strings.Contains(out, text)
	})
}

// waitReady waits until vaiven takes boards.
func (p *pi) waitReady() {
	p.t.Helper()
	harness.Until(p.t, 4*time.Minute, "the server in the machine is ready", func() bool {
		if harness.Ready(p.Addr) {
			return true
		}
		if _, code := p.Try("kill -0 $(cat /tmp/pid)"); code != 0 {
			p.t.Fatalf("vaiven ended:\n%s", p.said())
		}
		return false
	})
}

// waitLit waits until an LED of the machine is on or off.
func (p *pi) waitLit(pin int, lit bool) {
	p.t.Helper()
	harness.Until(p.t, 4*time.Minute, "the indicator changes", func() bool { return p.Pins.High(pin) == lit })
}

// globalNumber is what the kernel's old interface calls a line.
func (p *pi) globalNumber(pin int) string {
	p.t.Helper()
	base, err := strconv.Atoi(strings.TrimSpace(p.Run("cat /sys/class/gpio/gpiochip*/base")))
	if err != nil {
		p.t.Fatal(err)
	}
	return strconv.Itoa(base + pin)
}

// hold presses the button and keeps it down; release lets it go.
func (p *pi) hold()    { p.Pins.Drive(buttonPin, false) }
func (p *pi) release() { p.Pins.Drive(buttonPin, true); p.rest() }

// rest is how long a finger or a contact stands still: more than the debounce
// time, by the machine's own clock and on the processor that hears of the pins.
// A busy computer may let the machine stand still for longer than a press takes.
func (p *pi) rest() { p.t.Helper(); p.Run("taskset 1 sleep 0.05") }

// chatter closes or opens the contact as a worn one does: the level comes and
// goes five times before it stays. Now and then this computer is too slow for a
// contact to bounce on it: then ok is false.
func (p *pi) chatter(high bool) (ok bool) {
	ok = true
	last := time.Now()
	for i := range 9 {
		p.Pins.Drive(buttonPin, high == (i%2 == 0))
		now := time.Now()
		ok = ok && now.Sub(last) < debounce/2
		last = now
		if i < 8 {
			time.Sleep(time.Millisecond) // the bounce itself
		}
	}
	return ok
}

// glitch is a spark, much shorter than a press.
func (p *pi) glitch() (ok bool) {
	began := time.Now()
	p.Pins.Drive(buttonPin, false)
	time.Sleep(time.Millisecond)
	p.Pins.Drive(buttonPin, true)
	ok = time.Since(began) < debounce/2
	p.rest()
	return ok
}
