package ws_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if code, ok := child(); ok {
		exit(code)
	}
	goleak.VerifyTestMain(m)
}
