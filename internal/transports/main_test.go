package transports

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"vaiven/test/leaks"
)

// actAs makes this test program, started again, a part of a measurement.
const actAs = "VAIVEN_TRANSPORTS_TEST"

func TestMain(m *testing.M) {
	switch os.Getenv(actAs) {
	case "":
		leaks.VerifyMain(m)
	case "broker": // -c FILE
		play(brokerMain(os.Args[2]))
	case "follower":
		play(followerMain(os.Args[1]))
	case "broken":
		play(fmt.Errorf("cannot start for a reason"))
	case "silent":
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

func play(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func followerMain(text string) error {
	var task Task
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return err
	}
	sent := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); close(sent) }()
	return Follow(context.Background(), task, sent, os.Stdout)
}

// again is this test program in a part.
func again(t *testing.T, part string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), actAs+"="+part)
	return cmd
}
