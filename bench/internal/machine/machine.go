// Package machine says where a measurement was taken: processor, kernel, file
// system, and how long that file system takes to make 4 KiB durable.
//
// It owns no state, reads /proc, and writes only the file of the fsync probe.
package machine

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// Facts describe the machine.
type Facts struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	MemoryMB   uint64 `json:"memory_mb"`
	Kernel     string `json:"kernel"`
	System     string `json:"system"`
	Go         string `json:"go"`
	FileSystem string `json:"file_system"` // type, and device it is on
	Fsync      Fsync  `json:"fsync"`
}

// Inspect gathers the facts; dir is where the servers store their data. A
// file system in memory is an error: fsync costs nothing there.
func Inspect(dir string) (Facts, error) {
	f := Facts{
		CPU:    valueOf("/proc/cpuinfo", "model name"),
		Cores:  runtime.NumCPU(),
		Kernel: kernel(),
		System: strings.Trim(valueOf("/etc/os-release", "PRETTY_NAME"), `"`),
		Go:     runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
	}
	kib, _ := strconv.ParseUint(strings.TrimSuffix(valueOf("/proc/meminfo", "MemTotal"), " kB"), 10, 64)
	f.MemoryMB = kib * 1024 / 1_000_000
	m, err := mountOf(dir)
	if err != nil {
		return f, err
	}
	if err := onDisk(m, dir); err != nil {
		return f, err
	}
	f.FileSystem = fmt.Sprintf("%s on %s (%s)", m.kind, m.device, m.options)
	f.Fsync, err = probe(dir)
	return f, err
}

func onDisk(m mount, dir string) error {
	if m.kind == "tmpfs" || m.kind == "ramfs" {
		return fmt.Errorf("%s lies on %s, which is memory: fsync costs nothing there, so nothing would be learnt; choose a folder on a disk with -dir", dir, m.kind)
	}
	return nil
}

func kernel() string {
	var u syscall.Utsname
	if err := syscall.Uname(&u); err != nil {
		return "unknown"
	}
	return text(u.Sysname[:]) + " " + text(u.Release[:])
}

// text reads a C string, whose element type differs between architectures.
func text[T int8 | uint8](s []T) string {
	var b []byte
	for _, c := range s {
		b = append(b, byte(c))
	}
	b, _, _ = bytes.Cut(b, []byte{0})
	return string(b)
}

// valueOf finds "key : value" or "key=value" in a file; "unknown" without it.
func valueOf(path, key string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			return strings.TrimLeft(strings.TrimSpace(rest), ":= \t")
		}
	}
	return "unknown"
}

// Busy returns the CPU time that all processors together spent on anything,
// and how much they had, in ticks since the machine started.
func Busy() (busy, all uint64) {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	for i, s := range strings.Fields(line) {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || i > 8 { // "cpu", and guest time, which user holds already
			continue
		}
		all += n
		if i != 4 && i != 5 { // idle, iowait
			busy += n
		}
	}
	return busy, all
}
