//go:build suites && linux

package screen

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"vaiven/test/harness"
)

// screen is what a person does to the streams of a server.
type screen struct {
	name string
	args []string
	// hold gives the server its streams, before it starts.
	hold func(t *testing.T, s *harness.Server)
	// leave is what the person does while it runs, nil: nothing.
	leave func(s *harness.Server)
	// ends: leaving alone ends a class.
	ends bool
}

// screens are the streams times {read, blocked, gone}.
func screens() []screen {
	both := []string{"stdout", "stderr"}
	return []screen{
		{name: "read"},
		{name: "stdout blocked", hold: blocked("stdout")},
		{name: "stderr blocked", hold: blocked("stderr")},
		{name: "both blocked", hold: blocked(both...)},
		{name: "events blocked", hold: blocked("stdout"), args: []string{"--json"}},
		{name: "stdout closed", hold: closed("stdout")},
		{name: "stderr closed", hold: closed("stderr")},
		{name: "events closed", hold: closed("stdout"), args: []string{"--json"}},
		{name: "both closed", hold: closed(both...), ends: true},
		{name: "one blocked, one closed", hold: func(t *testing.T, s *harness.Server) {
			blocked("stdout")(t, s)
			closed("stderr")(t, s)
		}},
		{name: "terminal blocked", hold: terminal},
		{name: "full screen blocked", hold: terminal, args: []string{"--ui", "tui"}},
		{name: "terminal hung up", hold: openTerminal, leave: hangUp, ends: true},
		{name: "full screen hung up", hold: openTerminal, leave: hangUp, args: []string{"--ui", "tui"}, ends: true},
	}
}

// prepare adds a step to how the server is started.
func prepare(s *harness.Server, step func(*exec.Cmd)) {
	before := s.Prepare
	s.Prepare = func(cmd *exec.Cmd) {
		if before != nil {
			before(cmd)
		}
		step(cmd)
	}
}

func give(s *harness.Server, stream string, f *os.File) {
	prepare(s, func(cmd *exec.Cmd) {
		if stream == "stdout" {
			cmd.Stdout = f
		} else {
			cmd.Stderr = f
		}
	})
}

// blocked makes streams pipes that are full and never read.
func blocked(streams ...string) func(*testing.T, *harness.Server) {
	return func(t *testing.T, s *harness.Server) {
		r, w := pipe(t)
		t.Cleanup(func() { _ = r.Close() })
		if err := harness.Fill(w); err != nil {
			t.Fatal(err)
		}
		for _, stream := range streams {
			give(s, stream, w)
		}
	}
}

// closed makes streams pipes whose reader has left.
func closed(streams ...string) func(*testing.T, *harness.Server) {
	return func(t *testing.T, s *harness.Server) {
		for _, stream := range streams {
			r, w := pipe(t)
			_ = r.Close()
			give(s, stream, w)
		}
	}
}

func pipe(t *testing.T) (r, w *os.File) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return r, w
}

// terminal runs the server in one that takes nothing.
func terminal(t *testing.T, s *harness.Server) {
	s.Terminal = harness.NewStoppedTerminal(t)
	s.Env = append(s.Env, "TERM=xterm")
	if err := s.Terminal.Fill(); err != nil {
		t.Fatal(err)
	}
}

func openTerminal(t *testing.T, s *harness.Server) {
	s.Terminal = harness.NewTerminal(t)
	s.Env = append(s.Env, "TERM=xterm")
}

func hangUp(s *harness.Server) { s.Terminal.HangUp() }

// class is a lab in a room with two boards that send all the time.
func class(t *testing.T, x screen) (*harness.Server, *harness.Fleet) {
	dir := filepath.Join(t.TempDir(), "data")
	s := harness.NewServer(t, "lab", dir, append([]string{"--readings", "1000000", "--for", "0"}, x.args...)...)
	if x.hold != nil {
		x.hold(t, s)
	}
	f := harness.NewFleet(t, s.Addr, 2)
	s.Start()
	return s, f
}

// inOrder checks what an end in order leaves behind.
func inOrder(t *testing.T, s *harness.Server, f *harness.Fleet) {
	t.Helper()
	if code := s.Wait(harness.StopTimeout); code != 0 {
		t.Errorf("exit %d\n%s", code, s.Stderr())
	}
	f.Stop()
	for _, b := range f.Boards {
		if b.Acked() > 0 && b.Goodbyes() == 0 { // a class may end before the second one has come
			t.Errorf("no BYE for %s", b.Device)
		}
	}
	if f.Ledger.Acked() == 0 {
		t.Error("no board came at all")
	}
	if _, err := os.Stat(filepath.Join(s.Data, "resumen.csv")); err != nil {
		t.Error(err)
	}
	f.CheckCSV(t, s.CSV())
	harness.Verify(t, s.Data)
}
