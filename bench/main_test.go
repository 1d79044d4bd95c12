package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test program what bench starts again: an echo server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "echo" {
		if err := run(context.Background(), os.Args[1:], os.Stdout, os.Stderr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// The whole run with the two peers that need nothing installed: the servers
// come up in processes of their own, every part has figures, results are kept,
// no data stays behind. The others are proved by bench -quick itself.
func TestCompare(t *testing.T) {
	runtime.LockOSThread() // see peer.Start
	defer runtime.UnlockOSThread()
	if err := os.MkdirAll(".work", 0o755); err != nil { // the system's temporary folder may be memory, which is refused
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(".work", "test-*")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	o, err := parse([]string{"-quick", "-only", "epoll,goroutines", "-dir", filepath.Join(dir, "data"), "-out", filepath.Join(dir, "out")}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	o.plan.boards, o.plan.idle = 50, 100
	o.plan.measure, o.plan.trickle = 100*time.Millisecond, 200*time.Millisecond
	var out strings.Builder
	if err := compare(t.Context(), o, &out, os.Stderr); err != nil {
		t.Fatal(err, out.String())
	}
	for _, want := range []string{"readings/s", "handshakes/s", "resident memory, MB", "fsync"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report does not speak of %q:\n%s", want, out.String())
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(dir, "out", "*")); len(kept) != 2 {
		t.Errorf("kept %v, want a .md and a .json", kept)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "data", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// A name is a server or a part; who has no part in it stays out, so that
// nothing has to be installed for nothing.
func TestParseChooses(t *testing.T) {
	for only, want := range map[string]string{
		"":                      "epoll goroutines mosquitto course vaiven: load idle trickle changes followers",
		"changes":               "vaiven: changes",
		"changes,followers":     "vaiven: changes followers",
		"epoll,idle,goroutines": "goroutines: idle",
		"goroutines":            "goroutines: load idle trickle",
		"vaiven":                "vaiven: load idle trickle changes followers",
	} {
		o, err := parse([]string{"-only", only}, new(strings.Builder))
		if err != nil {
			t.Errorf("%q: %v", only, err)
			continue
		}
		var words []string
		for _, p := range o.peers {
			words = append(words, p.Key)
		}
		words[len(words)-1] += ":"
		for _, l := range o.legs {
			words = append(words, l.key)
		}
		if got := strings.Join(words, " "); got != want {
			t.Errorf("%q: %s, want %s", only, got, want)
		}
		if kept := o.out != ""; kept != (only == "") {
			t.Errorf("%q: results are kept in %q", only, o.out)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, args := range [][]string{{"-only", "nobody"}, {"-only", "course,changes"}, {"-parts", "nothing"}, {"surplus"}, {"-unknown"}} {
		if _, err := parse(args, new(strings.Builder)); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
