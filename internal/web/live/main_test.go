package live

import (
	"os"
	"testing"

	"vaiven/test/leaks"
)

// childKey in the environment makes the test binary the followers that the
// benchmarks measure from outside.
const childKey = "VAIVEN_LIVE_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childKey); job != "" {
		os.Exit(child(job))
	}
	leaks.VerifyMain(m)
}
