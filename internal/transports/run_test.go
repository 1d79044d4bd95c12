package transports

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// options measure a queue whose broker is this test program.
func options(t *testing.T) Options {
	t.Helper()
	t.Setenv(actAs, "broker")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Server:     func(string, string) *exec.Cmd { return again(t, "broken") },
		Follower:   func(task string) *exec.Cmd { return again(t, "follower", task) },
		Transports: []Transport{MQTT}, Readings: 50, Rate: 1000, Followers: 2, Mosquitto: self, Dir: t.TempDir(),
	}
}

// nothingLeft fails if a run left something in its folder.
func nothingLeft(t *testing.T, o Options) {
	t.Helper()
	if left, err := os.ReadDir(o.Dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// TestRun: processes are started, followed, measured and ended.
func TestRun(t *testing.T) {
	o := options(t)
	last := 0
	o.OnProgress = func(n int) { last = n }
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	row := r.Rows[0]
	if len(r.Rows) != 1 || row.Problem != "" || row.Received != 100 || row.Missed != 0 || row.Duplicates != 0 || row.Requests != 2 {
		t.Errorf("%+v", row)
	}
	if f := row.Figures; f == nil || f.Bytes < 100 || f.P50MS <= 0 || f.P99MS < f.P50MS || r.BrokerUs == nil || *r.BrokerUs <= 0 || r.VaivenUs != nil {
		t.Errorf("%+v, broker alone %v, vaiven alone %v", f, r.BrokerUs, r.VaivenUs)
	}
	if last != o.Steps() || last != 50 {
		t.Errorf("%d steps of %d", last, o.Steps())
	}
	nothingLeft(t, o)
}

// TestRunInterrupted: nothing goes on when the context is done.
func TestRunInterrupted(t *testing.T) {
	o := options(t)
	o.Rate = 20
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var started []*exec.Cmd
	o.Follower = func(task string) *exec.Cmd {
		cmd := again(t, "follower", task)
		if started = append(started, cmd); len(started) == 2 { // the one of MQTT itself
			cancel()
		}
		return cmd
	}
	o.Readings = 3
	r, err := Run(ctx, o)
	if r != nil || !errors.Is(err, context.Canceled) || len(started) != 2 {
		t.Errorf("%+v %v, %d followers", r, err, len(started))
	}
	for _, cmd := range started {
		if cmd.Process != nil && cmd.ProcessState == nil {
			t.Error("a follower goes on")
		}
	}
	nothingLeft(t, o)
}

// TestRunBroken: what cannot start is named, with what it said.
func TestRunBroken(t *testing.T) {
	o := options(t)
	o.Transports = []Transport{WebSocket, MQTT}
	if _, err := Run(t.Context(), o); !errors.Is(err, errEnded) || !strings.Contains(err.Error(), "cannot start for a reason") {
		t.Errorf("server: %v", err)
	}
	nothingLeft(t, o)

	o.Transports = []Transport{MQTT}
	o.Follower = func(string) *exec.Cmd { return again(t, "broken") }
	r, err := Run(t.Context(), o)
	if err != nil || len(r.Problems()) != 1 || !strings.Contains(r.Problems()[0], "cannot start for a reason") {
		t.Errorf("follower: %+v %v", r, err)
	}
	nothingLeft(t, o)

	o.Mosquitto = "no-such-program"
	if _, err := Run(t.Context(), o); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("no broker: %v", err)
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"--readings":  func(o *Options) { o.Readings = -1 },
		"--rate":      func(o *Options) { o.Rate = 1e9 },
		"--followers": func(o *Options) { o.Followers = 101 },
		"--poll":      func(o *Options) { o.Poll = time.Hour },
	} {
		o := options(t)
		change(&o)
		var bounds *BoundsError
		if _, err := Run(t.Context(), o); !errors.As(err, &bounds) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Run(t.Context(), Options{}); err == nil {
		t.Error("no commands: taken")
	}
}

func TestSchedule(t *testing.T) {
	at := schedule(1000, 100)
	for i := 1; i < len(at); i++ {
		if d := at[i] - at[i-1]; d < 5*time.Millisecond || d > 15*time.Millisecond {
			t.Fatalf("%v between %d and %d", d, i-1, i)
		}
	}
	if end := at[999]; end < 9*time.Second || end > 11*time.Second {
		t.Errorf("1,000 readings at 100 a second take %v", end)
	}
	if again := schedule(1000, 100); again[500] != at[500] {
		t.Error("two runs differ")
	}
}

func TestReadingsHaveNumbers(t *testing.T) {
	for _, n := range []int{1, 2, 999, 1000, 9999, maxReadings} {
		text := appendEvent(nil, n, mqttBoot, time.Now())
		if got, err := readEvent(text); got != n || err != nil {
			t.Errorf("%s: %d %v, want %d", text, got, err, n)
		}
	}
	for _, other := range []string{position, `{"id":"1.0","kind":"presence"}`} {
		if n, err := readEvent([]byte(other)); n != 0 || err != nil {
			t.Errorf("%s: %d %v", other, n, err)
		}
	}
	if _, err := readEvent([]byte("{")); err == nil {
		t.Error("half an event was taken")
	}
}
