//go:build suites && linux

package core

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"vaiven/test/harness"
)

// patience is for what takes seconds when nothing hangs.
const patience = 5 * time.Minute

// build runs a target of the core's Makefile and returns what it printed.
func build(t *testing.T, target string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "-s", "-j2", target)
	cmd.Dir = filepath.Join(harness.Root(), "firmware", "core")
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make -C firmware/core %s: %v\n%s", target, err, out)
	}
	return string(out)
}

// TestCore runs every target that checks something.
func TestCore(t *testing.T) {
	for _, target := range []string{"host", "plain", "threads", "rv32", "symbols", "fuzz"} {
		t.Run(target, func(t *testing.T) { t.Log(build(t, target)) })
	}
}

// TestReport prints what the core costs on a 32-bit board.
func TestReport(t *testing.T) { t.Log(build(t, "report")) }
