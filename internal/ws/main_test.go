package ws_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(childKey) != "" {
		os.Exit(child())
	}
	goleak.VerifyTestMain(m)
}

// childKey in the environment makes the test binary the server that the
// benchmarks measure from outside.
const childKey = "VAIVEN_WS_CHILD"
