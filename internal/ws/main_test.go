package ws_test

import (
	"os"
	"testing"

	"vaiven/test/leaks"
)

func TestMain(m *testing.M) {
	if os.Getenv(childKey) != "" {
		os.Exit(child())
	}
	leaks.VerifyMain(m)
}

// childKey in the environment makes the test binary the server that the
// benchmarks measure from outside.
const childKey = "VAIVEN_WS_CHILD"
