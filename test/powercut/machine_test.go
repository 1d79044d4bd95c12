//go:build suites && linux

package powercut

import (
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
	pivm "vaiven/test/pi-vm"
)

// machine is an emulated computer with a vaiven on it. Its disk and its port
// outlive it.
type machine struct {
	*pivm.VM
	t    *testing.T
	disk string
	port int
	bin  string
	env  string // before the command
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	pivm.Prepare(t)
	return &machine{
		t: t, disk: pivm.NewDisk(t, 256), port: harness.Port(t),
		bin: harness.CrossBinary(t, "linux", "arm64"), env: "TZ=Europe/Madrid",
	}
}

// boot starts the computer, on the disk as the last one left it.
func (m *machine) boot() {
	m.t.Helper()
	m.VM = pivm.Boot(m.t, pivm.Options{Disk: m.disk, Files: map[string]string{"bin/vaiven": m.bin}, Port: m.port})
}

// serve starts the server inside and waits until it is ready.
func (m *machine) serve() {
	m.t.Helper()
	if !m.tryServe() {
		m.t.Fatalf("vaiven ended:\n%s", m.Run("cat /tmp/err"))
	}
}

// tryServe starts the server and waits until it is ready (true) or over.
func (m *machine) tryServe() bool {
	m.t.Helper()
	m.Run(m.env + " vaiven serve --open --listen :8080 --data /disk/data --lang en >/dev/null 2>/tmp/err & echo $! >/tmp/pid")
	ready, over := false, false
	harness.Until(m.t, 4*time.Minute, "the server in the machine is ready", func() bool {
		if ready = harness.Ready(m.Addr); ready {
			return true
		}
		_, code := m.Try("kill -0 $(cat /tmp/pid)")
		over = code != 0
		return over
	})
	return ready
}

// stop ends the server in order and waits for it.
func (m *machine) stop() { m.t.Helper(); m.end("TERM") }

// kill ends it at once, and waits until it holds neither port nor folder.
func (m *machine) kill() { m.t.Helper(); m.end("KILL") }

func (m *machine) end(signal string) {
	m.t.Helper()
	out := m.Run("kill -" + signal + " $(cat /tmp/pid); i=0; while kill -0 $(cat /tmp/pid) && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done 2>/dev/null; [ $i -lt 600 ]")
	if strings.Contains(out, "panic") {
		m.t.Fatal(out)
	}
}

// check stops the server, runs `vaiven verify` inside, and returns the CSV's rows.
func (m *machine) check() []harness.Row {
	m.t.Helper()
	m.stop()
	out := m.Run(m.env + " vaiven verify --data /disk/data --lang en")
	if !strings.Contains(out, "ok") {
		m.t.Fatalf("vaiven verify: %s", out)
	}
	rows, err := harness.ParseCSV(m.ReadFile("/disk/data/readings.csv"))
	if err != nil {
		m.t.Fatal(err)
	}
	return rows
}
