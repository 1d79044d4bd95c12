//go:build suites && linux

package screen

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"vaiven/test/harness"
)

// patience bounds each wait; it is no measure of speed.
const patience = 2 * time.Minute

// TestMain runs a vaiven without the race detector, whose report would go to a
// stream that is not read, and hang there.
func TestMain(m *testing.M) {
	// Programs inherit that a signal is ignored, and nohup ignores SIGHUP: a signal that
	// is caught here is not ignored there.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	os.Exit(harness.MainWithoutRace(m))
}

// TestEndsInOrder sends every signal that means an end to a class with every
// screen, one that is not read for longer than any buffer of the system lasts.
func TestEndsInOrder(t *testing.T) {
	for _, x := range screens() {
		signals := []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP}
		if x.ends {
			signals = []syscall.Signal{0} // its screen is gone: that is the signal
		}
		for _, sig := range signals {
			t.Run(x.name+"/"+sig.String(), func(t *testing.T) {
				t.Parallel()
				s, f := class(t, x)
				f.Start(t)
				if x.leave != nil {
					s.WaitReady()
					acknowledged(t, f, 100)
					x.leave(s)
				}
				if sig != 0 {
					s.WaitReady()
					acknowledged(t, f, 1000)
					if !s.Ready() {
						t.Error("not ready for want of a reader")
					}
					s.Signal(sig)
				}
				inOrder(t, s, f)
				if said := s.Stderr(); strings.Contains(said, "log is closed") {
					t.Errorf("an end in order says that something is wrong:\n%s", said)
				}
			})
		}
	}
}

// TestServesOn breaks screens under a server, which is nobody's class: it goes on
// without them, SIGPIPE included.
func TestServesOn(t *testing.T) {
	for _, x := range screens() {
		if x.leave != nil {
			continue // SIGHUP ends a server too
		}
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s := harness.NewServer(t, "serve", t.TempDir(), x.args...)
			if x.hold != nil {
				x.hold(t, s)
			}
			f := harness.NewFleet(t, s.Addr, 2)
			f.Start(t)
			s.StartReady()
			acknowledged(t, f, 500)
			s.Signal(syscall.SIGPIPE)
			acknowledged(t, f, 500)
			if !s.Ready() {
				t.Error("not ready for want of a reader")
			}
			s.Stop()
			f.Stop()
			f.CheckCSV(t, s.CSV())
		})
	}
}

// TestHangUpUnderNohup: nohup has SIGHUP ignored, and that is left so.
func TestHangUpUnderNohup(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	prepare(s, nohup)
	f := harness.NewFleet(t, s.Addr, 1)
	f.Start(t)
	s.StartReady()
	for range 3 {
		s.Signal(syscall.SIGHUP)
		acknowledged(t, f, 100)
	}
	s.Stop()
}

// nohup starts the server through nohup(1).
func nohup(cmd *exec.Cmd) {
	cmd.Args = append([]string{"nohup", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/usr/bin/nohup"
}

// TestASecondSignalEndsAtOnce asks twice a server whose end takes a while, since
// a board does not answer its goodbye, and whose screens take nothing.
func TestASecondSignalEndsAtOnce(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			s, f := class(t, screen{hold: blocked("stdout", "stderr")})
			f.Start(t)
			s.WaitReady()
			acknowledged(t, f, 100)
			s.Signal(syscall.SIGTERM)
			s.Signal(syscall.SIGHUP) // the window is closed behind it: that costs nothing
			var code int
			harness.Until(t, patience, "the end", func() bool {
				select {
				case <-s.Ended():
					code = s.Wait(patience)
					return true
				default:
					s.Signal(sig)
					return false
				}
			})
			if code != 0 && code != 128+int(sig) { // it may have been quicker than the second one
				t.Errorf("exit %d", code)
			}
			harness.Verify(t, s.Data)
		})
	}
}

// TestKeysOfABlockedFullScreen: nothing but keys reaches a program in a terminal
// in raw mode, and q ends it although its last frame is not taken.
func TestKeysOfABlockedFullScreen(t *testing.T) {
	x := harness.NewStoppedTerminal(t)
	s, f := class(t, screen{args: []string{"--ui", "tui"}, hold: func(_ *testing.T, s *harness.Server) {
		s.Terminal = x
		s.Env = append(s.Env, "TERM=xterm")
	}})
	f.Start(t)
	s.WaitReady()
	acknowledged(t, f, 100)
	if err := x.Fill(); err != nil {
		t.Fatal(err)
	}
	if err := x.Type("q"); err != nil {
		t.Fatal(err)
	}
	inOrder(t, s, f)
}

// TestEndsWhileTheLogOpens interrupts starts when they have just locked the
// folder, with a log to be read from its beginning: no word, exit code 0, and
// nothing harmed.
func TestEndsWhileTheLogOpens(t *testing.T) {
	s, f := class(t, screen{})
	f.Start(t)
	s.WaitReady()
	acknowledged(t, f, 5000)
	s.Kill() // the next start has no clean end to trust
	f.Stop()
	for range 5 {
		_ = os.Remove(filepath.Join(s.Data, "checkpoint"))
		s.Start()
		harness.Until(t, patience, "the folder's lock", func() bool {
			pid, err := os.ReadFile(filepath.Join(s.Data, "log", "LOCK"))
			return err == nil && strings.TrimSpace(string(pid)) == strconv.Itoa(s.PID())
		})
		s.Signal(syscall.SIGINT)
		if code := s.Wait(harness.StopTimeout); code != 0 {
			t.Errorf("exit %d", code)
		}
		if said := s.Stderr(); strings.Contains(said, "error") || strings.Contains(said, "level=") {
			t.Errorf("it was only told to end:\n%s", said)
		}
	}
	s.StartReady()
	s.Stop()
	f.CheckCSV(t, s.CSV())
	harness.Verify(t, s.Data)
}

// TestTheOtherScreenIsTold: who still reads is told that the other stream broke.
func TestTheOtherScreenIsTold(t *testing.T) {
	s, f := class(t, screen{hold: closed("stdout")})
	f.Start(t)
	s.WaitReady()
	harness.Until(t, patience, "the notice", func() bool { return strings.Contains(s.Stderr(), "stdout cannot be written any more (broken pipe)") })
	s.Signal(syscall.SIGINT)
	inOrder(t, s, f)
}

// TestOtherCommandsEndQuietly gives the commands that are no server a pipe that
// nobody reads: they end as all programs do, and say nothing about it.
func TestOtherCommandsEndQuietly(t *testing.T) {
	s := harness.NewServer(t, "serve", t.TempDir())
	f := harness.NewFleet(t, s.Addr, 1)
	f.Start(t)
	s.StartReady()
	acknowledged(t, f, 10)
	at := "http://" + s.Addr
	for _, args := range [][]string{
		{"watch", "--server", at},
		{"watch", "--server", at, "--json"},
		{"devices", "--server", at},
		{"devices", "--server", at, "--json"},
		{"simulate", "--url", "ws://" + s.Addr, "--first", "900", "--readings", "2", "--interval", "0s"},
		{"simulate", "--url", "ws://" + s.Addr, "--first", "901", "--readings", "2", "--interval", "0s", "--json"},
		{"bench", "--help"},
		{"version"},
	} {
		cmd := exec.Command(harness.Binary(t), append(args, "--lang", "en")...)
		r, w := pipe(t)
		_ = r.Close()
		var errs harness.Output
		cmd.Stdout, cmd.Stderr = w, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait() // by SIGPIPE: what counts is that it is over
		if !late.Stop() || errs.String() != "" {
			t.Errorf("%v: %v, %q", args, cmd.ProcessState, errs.String())
		}
	}
}

func acknowledged(t *testing.T, f *harness.Fleet, more uint64) {
	t.Helper()
	want := f.Ledger.Acked() + more
	harness.Until(t, patience, "boards are acknowledged", func() bool { return f.Ledger.Acked() >= want })
}
