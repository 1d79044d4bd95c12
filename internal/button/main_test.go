//go:build !linux

package button

import (
	"testing"

	"vaiven/test/leaks"
)

func TestMain(m *testing.M) { leaks.VerifyMain(m) }
