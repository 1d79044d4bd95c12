//go:build suites && linux

package boardtest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// quitTime is how long a board may take to end after `quit`: it does nothing
// then but end.
const quitTime = 2 * time.Minute

// Event is one line of a board's output; firmware/host/board.h says which fields
// an event has.
type Event struct {
	At    int64  `json:"at"`   // simulated ms since power-on
	Wall  int64  `json:"wall"` // Unix ms
	Event string `json:"event"`

	Text, Reason, State, SSID, Host, To, Line, What, By, Address         string
	TLS, OK, On                                                          bool
	Pin, Level, Port, Code, Status, MS, N, Millis, Before, Begun, Waited int64
	Temp, Hum                                                            float64
}

// Board is one board: its program, its environment, and the process that runs at
// the moment.
type Board struct {
	Env []string // as BOARD_SPEED=50; set before Start
	// Keep chooses the events that Events returns, for long runs; nil keeps all.
	// It is called by one goroutine at a time, in order, for each event.
	Keep func(Event) bool

	t       testing.TB
	program string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stderr  *harness.Output
	done    chan struct{} // closed when the process is over and its output read

	mu     sync.Mutex
	events []Event
	pins   map[int64]int64
	asked  bool // to end
}

// New prepares a board that runs program (see Build) with the server at addr,
// "" for none, and starts nothing. Flash lives in a folder of the test's.
func New(t testing.TB, program, addr string, env ...string) *Board {
	t.Helper()
	b := &Board{t: t, program: program, pins: map[int64]int64{}}
	b.Env = append([]string{"BOARD_SERVER=" + addr, "BOARD_FLASH=" + t.TempDir()}, env...)
	return b
}

// Start is power-on. The test's end ends the process.
func (b *Board) Start() {
	b.t.Helper()
	b.mu.Lock()
	b.asked = false
	b.mu.Unlock()
	cmd := exec.Command(b.program)
	cmd.Env = append(os.Environ(), b.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	b.stderr = &harness.Output{}
	cmd.Stderr = b.stderr
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		b.t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	b.cmd, b.stdin, b.done = cmd, stdin, make(chan struct{})
	go b.watch(cmd, stdout, b.stderr, b.done)
	b.t.Cleanup(b.Kill)
}

// watch reads the board's output to its end and then judges how it ended.
func (b *Board) watch(cmd *exec.Cmd, stdout io.Reader, stderr *harness.Output, done chan struct{}) {
	defer close(done)
	in := bufio.NewScanner(stdout)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		b.take(in.Bytes())
	}
	err := cmd.Wait()
	b.mu.Lock()
	asked := b.asked
	b.mu.Unlock()
	if said := stderr.String(); said != "" || !asked {
		b.t.Errorf("the board ended (%v) and said:\n%s", err, said)
	}
}

func (b *Board) take(line []byte) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		b.t.Errorf("the board printed %q: %v", line, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.Event == "pin" {
		b.pins[e.Pin] = e.Level
	}
	if b.Keep == nil || b.Keep(e) {
		b.events = append(b.events, e)
	}
}

// Tell gives the board a control line, as "wifi down".
func (b *Board) Tell(format string, args ...any) {
	b.t.Helper()
	if _, err := fmt.Fprintf(b.stdin, format+"\n", args...); err != nil {
		b.t.Fatal(err)
	}
}

// Quit ends the process in good order.
func (b *Board) Quit() {
	b.t.Helper()
	b.ask()
	b.Tell("quit")
	select {
	case <-b.done:
	case <-time.After(quitTime):
		b.t.Errorf("the board did not quit in %v", quitTime)
	}
}

// Kill is a power cut: flash stays, everything else is gone. Start powers the
// board on again. Safe twice.
func (b *Board) Kill() {
	if b.cmd == nil {
		return
	}
	b.ask()
	_ = b.cmd.Process.Kill() // fails only when it is over already
	<-b.done
	b.cmd = nil
}

func (b *Board) ask() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = true
}

// Events returns what has been reported so far, of the events called name, or of
// all when it is "".
func (b *Board) Events(name string) (found []Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.events {
		if name == "" || e.Event == name {
			found = append(found, e)
		}
	}
	return found
}

// Pin returns the level that the sketch wrote to a pin last, 0 before that.
func (b *Board) Pin(n int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pins[n]
}

// Wait waits until n events called name have come for which ok holds (nil: any),
// and returns them; after d of real time it fails the test with what the board
// did last.
func (b *Board) Wait(d time.Duration, n int, name string, ok func(Event) bool) []Event {
	b.t.Helper()
	var found []Event
	for deadline := time.Now().Add(d); ; time.Sleep(2 * time.Millisecond) {
		found = found[:0]
		for _, e := range b.Events(name) {
			if ok == nil || ok(e) {
				found = append(found, e)
			}
		}
		if len(found) >= n {
			return found
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("waited %v for %d events %q, got %d; the last ones:\n%s", d, n, name, len(found), b.Tail(30))
		}
	}
}

// Tail returns the last n events but for pins and conversions, which hide all else,
// as lines, for a failure's message.
func (b *Board) Tail(n int) string {
	all := slices.DeleteFunc(b.Events(""), func(e Event) bool { return e.Event == "pin" || e.Event == "sensor" })
	var s strings.Builder
	for _, e := range all[max(0, len(all)-n):] {
		fmt.Fprintf(&s, "%+v\n", e)
	}
	return s.String()
}
