//go:build linux

package pivm

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Lines is how many lines the machine's GPIO chip has: an ARM PL061, whose pins
// lead out of the machine.
const Lines = 8

// wireTimeout bounds one step at a pin.
const wireTimeout = 4 * time.Minute

// Pins are what is wired to the machine's GPIO chip from outside. The levels are
// electrical, as far as the kernel inside knows: QEMU drives and reads the pins
// of the chip. Its methods may be called from any goroutine.
type Pins struct {
	t    testing.TB
	path string // of the chip among QEMU's objects
	done chan struct{}

	turn  sync.Mutex // one command at a time
	conn  net.Conn
	reply chan string

	mu     sync.Mutex
	levels [Lines]bool // driven by the machine
}

// Drive puts a level on a pin, as a switch would, and returns when it is there.
func (p *Pins) Drive(line int, high bool) {
	p.t.Helper()
	level := 0
	if high {
		level = 1
	}
	p.command(fmt.Sprintf("set_irq_in %s unnamed-gpio-in %d %d", p.path, line, level))
}

// High reports the level that the machine puts on a pin.
func (p *Pins) High(line int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.levels[line]
}

// command sends a line of QEMU's test protocol and waits for its OK.
func (p *Pins) command(line string) {
	p.t.Helper()
	p.turn.Lock()
	defer p.turn.Unlock()
	_ = p.conn.SetWriteDeadline(time.Now().Add(wireTimeout))
	if _, err := fmt.Fprintln(p.conn, line); err != nil {
		p.t.Fatalf("QEMU takes no level: %v", err)
	}
	timer := time.NewTimer(wireTimeout)
	defer timer.Stop()
	select {
	case got := <-p.reply:
		if got != "OK" {
			p.t.Fatalf("QEMU: %s: %s", line, got)
		}
	case <-p.done:
		p.t.Fatalf("QEMU: %s: it is gone", line)
	case <-timer.C:
		p.t.Fatalf("QEMU: %s: no answer", line)
	}
}

// read hands on answers, and notes what the machine does to its pins, which
// comes in between.
func (p *Pins) read() {
	defer close(p.done)
	for lines := bufio.NewScanner(p.conn); lines.Scan(); {
		var verb string
		var line int
		if n, _ := fmt.Sscanf(lines.Text(), "IRQ %s %d", &verb, &line); n == 2 && line < Lines {
			p.mu.Lock()
			p.levels[line] = verb == "raise"
			p.mu.Unlock()
			continue
		}
		p.reply <- lines.Text()
	}
}

// wire connects to the pins. Inputs are pulled up, as a Pi does it inside: this
// chip has no resistors, so the levels come from outside.
func (v *VM) wire() {
	v.t.Helper()
	p := &Pins{t: v.t, done: make(chan struct{}), reply: make(chan string, 1)}
	p.path = v.findChip()
	p.conn = v.dial("qtest")
	go p.read()
	v.t.Cleanup(func() { _ = p.conn.Close(); <-p.done })
	p.command("irq_intercept_out " + p.path)
	for i := range Lines {
		p.Drive(i, true)
	}
	v.Pins = p
}

// findChip asks QEMU's monitor where the chip is.
func (v *VM) findChip() string {
	conn := v.dial("qmp")
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(wireTimeout))
	const parent = "/machine/unattached"
	if _, err := fmt.Fprintf(conn, `{"execute":"qmp_capabilities"}{"execute":"qom-list","arguments":{"path":%q}}`, parent); err != nil {
		v.t.Fatalf("QEMU's monitor: %v", err)
	}
	for d := json.NewDecoder(conn); ; {
		var answer struct {
			Return json.RawMessage `json:"return"`
		}
		if err := d.Decode(&answer); err != nil {
			v.t.Fatalf("QEMU's monitor names no GPIO chip: %v", err)
		}
		var children []struct{ Name, Type string }
		if json.Unmarshal(answer.Return, &children) != nil {
			continue // the greeting, and the answer to the first command
		}
		for _, c := range children {
			if c.Type == "child<pl061>" {
				return parent + "/" + c.Name
			}
		}
	}
}

// deviceTree is QEMU's own description of the machine, with names for the lines
// of its GPIO chip, and without the power button that has one of them.
func (v *VM) deviceTree(names map[int]string) string {
	v.t.Helper()
	path := filepath.Join(v.dir, "pi.dtb")
	board := hardware()
	board[1] += ",dumpdtb=" + path
	tree := [][]string{
		append([]string{"qemu-system-aarch64"}, board...),
		{"fdtput", "-r", path, "/gpio-keys"},
		{"fdtput", "-t", "s", path, "/pl061@9030000", "gpio-line-names"},
	}
	for i := range Lines {
		tree[2] = append(tree[2], names[i])
	}
	for _, c := range tree {
		if out, err := exec.Command(c[0], c[1:]...).CombinedOutput(); err != nil {
			v.t.Fatalf("device tree: %s: %v\n%s", strings.Join(c, " "), err, out)
		}
	}
	return path
}

// dial connects to one of QEMU's sockets.
func (v *VM) dial(name string) net.Conn {
	v.t.Helper()
	v.t.Cleanup(func() { _ = os.Remove(v.socket(name)) })
	for deadline := time.Now().Add(bootTimeout); ; {
		c, err := net.Dial("unix", v.socket(name))
		if err == nil {
			return c
		}
		select {
		case <-v.gone:
			v.t.Fatalf("QEMU ended before it had a %s", name)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			v.t.Fatalf("QEMU's %s: %v", name, err)
		}
	}
}
