//go:build suites && linux

package core

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaiven"
	"vaiven/test/harness"
	"vaiven/wire"
)

// board is a core as a process (firmware/core/test/talk.cpp). A board that hangs
// is killed, which ends the test with what was read until then.
type board struct {
	t    *testing.T
	in   io.WriteCloser
	out  *bufio.Scanner
	boot vaiven.Boot
	dec  wire.Decoder
}

// startBoard ends the board with its test.
func startBoard(t *testing.T, device string) *board {
	t.Helper()
	build(t, "talk")
	cmd := exec.Command(filepath.Join(harness.Root(), ".work", "firmware-core", "host", "talk"), device)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		_ = in.Close() // ends the board
		if err := cmd.Wait(); err != nil {
			t.Errorf("board: %v\n%s", err, said.String())
		}
		guard.Stop()
	})
	b := &board{t: t, in: in, out: bufio.NewScanner(out)}
	for _, line := range b.answer() {
		if boot, ok := strings.CutPrefix(line, "boot "); ok {
			b.boot = vaiven.Boot(boot)
		}
	}
	return b
}

// do gives the board a command and returns what it did.
func (b *board) do(format string, args ...any) []string {
	b.t.Helper()
	if _, err := fmt.Fprintf(b.in, format+"\n", args...); err != nil {
		b.t.Fatal(err)
	}
	return b.answer()
}

func (b *board) answer() []string {
	b.t.Helper()
	var lines []string
	for b.out.Scan() {
		if b.out.Text() == "" {
			return lines
		}
		lines = append(lines, b.out.Text())
	}
	b.t.Fatalf("the board ended behind %q: %v", lines, b.out.Err())
	return nil
}

// sends gives the board a command and decodes what it sent as the server does.
// Nothing that it sends may be refused, or need a hint.
func (b *board) sends(format string, args ...any) []wire.Item {
	b.t.Helper()
	var items []wire.Item
	for _, line := range b.do(format, args...) {
		message, ok := strings.CutPrefix(line, "send ")
		if !ok {
			continue
		}
		b.dec.Decode(false, []byte(message), func(it *wire.Item) {
			if it.Kind == wire.Invalid {
				b.t.Errorf("%s: %s", message, wire.Explain(it.Err, vaiven.English))
			}
			if len(it.Hints) > 0 {
				b.t.Errorf("%s: hints %v", message, it.Hints)
			}
			items = append(items, *it)
		})
	}
	return items
}

// hears gives the board a message of the server's codec.
func (b *board) hears(message []byte) []string {
	b.t.Helper()
	return b.do("hear %s", message)
}
