package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheMemoryOfControlGroups(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("two/system.slice/memory.max", "400000000\n")
	write("two/system.slice/vaiven.service/memory.max", "max\n")
	write("two/small.slice/memory.max", "400000000\n")
	write("two/small.slice/vaiven.service/memory.max", "300000000\n")
	write("one/memory/docker/abc/memory.limit_in_bytes", "200000000\n")
	for _, c := range []struct {
		groups, mount string
		want          int64
	}{
		{"0::/system.slice/vaiven.service\n", "two", 400000000},
		{"0::/small.slice/vaiven.service\n", "two", 300000000},
		{"0::/\n", "two", 0},
		{"12:cpu:/docker/abc\n4:memory:/docker/abc\n", "one", 200000000},
		{"nonsense\n", "two", 0},
	} {
		if got := groupMemory(write("cgroup", c.groups), filepath.Join(dir, c.mount)); got != c.want {
			t.Errorf("%q: %d, want %d", c.groups, got, c.want)
		}
	}
	if groupMemory(filepath.Join(dir, "none"), dir) != 0 {
		t.Error("a limit out of no file")
	}
	if memory() <= 0 {
		t.Error("this machine has no memory")
	}
	for total, want := range map[int64]int64{0: 0, 1 << 30: 1 << 30 / 100 * 60, 1 << 20: leastMemory} {
		if got := memoryLimit(total); got != want {
			t.Errorf("of %d: %d, want %d", total, got, want)
		}
	}
}
