//go:build suites && linux

package course

import (
	"os"
	"testing"

	"vaiven/test/firmware/boardtest"
)

func TestMain(m *testing.M) { os.Exit(boardtest.Main(m)) }
