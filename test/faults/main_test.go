//go:build suites && linux

package faults

import (
	"os"
	"testing"

	"vaiven/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.MainWithoutRace(m)) }
