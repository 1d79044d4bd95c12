package button

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"vaiven/test/leaks"
)

// kernelVar makes the test binary a program instead, which counts presses of
// GPIO17 on a real kernel's lines: test/button runs it in an emulated Pi, since
// few computers that run tests have lines. It holds the debounce time, behind a
// minus for the first version of the kernel's interface.
const kernelVar = "VAIVEN_TEST_BUTTON"

// TestMain runs the tests, or that program.
func TestMain(m *testing.M) {
	if how := os.Getenv(kernelVar); how != "" {
		os.Exit(countPresses(how))
	}
	leaks.VerifyMain(m)
}

// countPresses prints a line for each press until it is interrupted.
func countPresses(how string) int {
	debounce, err := time.ParseDuration(how)
	if err != nil {
		return 2
	}
	l := kernelLines{old: debounce < 0}
	b, err := ParseBinding("gpio17=101:LED")
	if err != nil {
		return 2
	}
	p := open(Options{
		Buttons:  []Binding{b},
		Debounce: debounce.Abs(),
		Press:    func(_ context.Context, b Binding) { fmt.Println("PRESS", b.Line) },
		Notice:   func(text, hint string) { fmt.Println(text, "/", hint) },
	}, l)
	if c := p.contacts[0]; c.in != nil {
		fmt.Println("READY, debounced by the kernel:", c.in.Debounced())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if p.Run(ctx) != nil || p.Close() != nil {
		return 1
	}
	fmt.Println("CLOSED")
	return 0
}
