package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is how many bytes this process may have at most: the machine's, or what a
// control group of its allows, as systemd and containers set one. 0: not known.
func memory() int64 {
	var total int64
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		total = int64(info.Totalram) * int64(info.Unit) // 32 bits on some machines
	}
	if group := groupMemory("/proc/self/cgroup", "/sys/fs/cgroup"); group > 0 && (total == 0 || group < total) {
		total = group
	}
	return total
}

// groupMemory is the least that the control groups allow of those that a process is in, as
// the file says (cgroups(7)), and of those around them; 0: nothing is said.
func groupMemory(file, mount string) (least int64) {
	groups, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, name := mount, "memory.max"
		switch {
		case parts[1] == "memory": // version 1
			root, name = filepath.Join(mount, "memory"), "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		for path := filepath.Clean("/" + parts[2]); ; path = filepath.Dir(path) {
			if n := readLimit(filepath.Join(root, path, name)); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if path == "/" {
				break
			}
		}
	}
	return least
}

// readLimit reads a number of bytes; "max", and a file that is not there, are 0.
func readLimit(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
