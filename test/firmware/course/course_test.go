//go:build suites && linux

package course

import (
	"strings"
	"testing"
	"time"

	"vaiven/test/firmware/boardtest"
	"vaiven/test/harness"
)

// patience is the real time that a practice may take at the most: the workshop's
// 50 readings take two seconds.
const patience = 4 * time.Minute

// sketches are the forms in which students write it.
var sketches = []string{"course/course", "course/course_arduinojson", "course/course_string"}

// practice is the lab or the workshop, in each one's words.
type practice struct {
	name, verb, python string
	flags              []string
	readings           int
}

var practices = []practice{
	{"lab", "lab", "lab", nil, 10},
	{"workshop", "workshop", "taller", []string{"-DTALLER"}, 50},
}

// each runs a test for every sketch in both practices, several at once: they
// wait more than they work.
func each(t *testing.T, test func(t *testing.T, sketch string, p practice)) {
	t.Parallel()
	for _, sketch := range sketches {
		for _, p := range practices {
			t.Run(sketch+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				test(t, sketch, p)
			})
		}
	}
}

// board is one whose time runs 50 times faster, begins 20 s before the rollover
// of millis(), and whose sensor fails now and then.
func board(t *testing.T, sketch string, p practice, addr string, env ...string) *boardtest.Board {
	t.Helper()
	program := boardtest.Build(t, sketch, p.flags...)
	env = append([]string{"BOARD_SPEED=50", "BOARD_IDLE=5000", "BOARD_MILLIS=4294947296", "BOARD_SENSOR_FAIL=0.1"}, env...)
	return boardtest.New(t, program, addr, env...)
}

func TestVaiven(t *testing.T) {
	each(t, func(t *testing.T, sketch string, p practice) {
		data := t.TempDir()
		s := harness.NewServer(t, p.verb, data, "--session-rate", "0") // its clock runs fast
		s.Env = append(s.Env, "TZ=UTC")
		s.StartReady()
		b := board(t, sketch, p, s.Addr)
		from := time.Now()
		b.Start()
		code := finish(t, s, b)
		to := time.Now()
		b.Wait(patience, p.readings, "serial", isReading)
		b.Quit()

		if code != 0 {
			t.Errorf("exit %d\n%s", code, s.Stderr())
		}
		// A reading sent while the end was on its way is printed, and is no row.
		lines := taken(t, s, printed(b))[:p.readings]
		compareCSV(t, s.CSV(), rows(t, lines, shortest), from, to)
		harness.Verify(t, data)
	})
}

// finish waits for the end of a practice, and returns the server's exit code. A sketch
// stops when it has sent as many as it was asked for; if some of them were lost on their
// way the server goes on waiting for it, says so, and whoever reads that pulls the board's
// plug and puts it in again.
func finish(t *testing.T, s *harness.Server, b *boardtest.Board) int {
	t.Helper()
	for {
		ended, short := false, "waiting for 101 ("
		before := strings.Count(s.Stderr(), short)
		harness.Until(t, patience, "the end of the practice", func() bool {
			select {
			case <-s.Ended():
				ended = true
			default:
			}
			return ended || strings.Count(s.Stderr(), short) > before
		})
		if ended {
			return s.Wait(patience)
		}
		t.Logf("the board is started again: %s", s.Stderr())
		b.Kill()
		b.Start()
	}
}

// TestSensorPulledOut ends the lab by time: the rows are those of the readings
// before, and the board says what is wrong.
func TestSensorPulledOut(t *testing.T) {
	t.Parallel()
	for _, sketch := range sketches {
		t.Run(sketch, func(t *testing.T) {
			t.Parallel()
			data := t.TempDir()
			s := harness.NewServer(t, "lab", data, "--for", "3s", "--session-rate", "0")
			s.Env = append(s.Env, "TZ=UTC")
			s.StartReady()
			b := board(t, sketch, practices[0], s.Addr)
			from := time.Now()
			b.Start()
			b.Wait(patience, 3, "serial", isReading)
			b.Tell("sensor unplugged")
			b.Wait(patience, 3, "serial", func(e boardtest.Event) bool {
				return e.Text == "El DHT11 no respondió; revisa los cables"
			})
			if code := s.Wait(patience); code != 0 {
				t.Errorf("exit %d\n%s", code, s.Stderr())
			}
			to := time.Now()
			b.Quit()
			compareCSV(t, s.CSV(), rows(t, taken(t, s, printed(b)), shortest), from, to)
		})
	}
}

func isReading(e boardtest.Event) bool { return message.MatchString(e.Text) }

func TestPython(t *testing.T) {
	each(t, func(t *testing.T, sketch string, p practice) {
		s := startServidor(t, p.python)
		b := board(t, sketch, p, s.addr)
		from := time.Now()
		b.Start()
		b.Wait(patience, p.readings, "serial", isReading)
		harness.Until(t, patience, "the last row", func() bool {
			rows, err := harness.ReadCSV(s.csv)
			return err == nil && len(rows) >= p.readings
		})
		b.Quit()
		compareCSV(t, s.csv, rows(t, printed(b)[:p.readings], asPython), from, time.Now())
	})
}
