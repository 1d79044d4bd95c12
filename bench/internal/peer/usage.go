package peer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Usage is what a server's process has used since it began.
type Usage struct {
	CPU     time.Duration // user and system, all threads
	Written uint64        // bytes it caused to be written to storage (proc(5), write_bytes)
}

// tick is the unit of CPU time in /proc/PID/stat: USER_HZ is 100 on every
// architecture of Linux that Go runs on.
const tick = 10 * time.Millisecond

// Usage reads /proc.
func (s *Server) Usage() (Usage, error) {
	var u Usage
	stat, err := s.proc("stat")
	if err != nil {
		return u, err
	}
	if u.CPU, err = cpuTime(stat); err != nil {
		return u, err
	}
	io, err := s.proc("io")
	if err != nil {
		return u, err
	}
	written, err := field(io, "write_bytes:")
	if err != nil {
		return u, err
	}
	cancelled, err := field(io, "cancelled_write_bytes:")
	u.Written = written - min(cancelled, written)
	return u, err
}

// Resident returns the bytes of memory that the process has resident.
// smaps_rollup is exact; the counters in status lag behind by pages per thread.
func (s *Server) Resident() (uint64, error) {
	maps, err := s.proc("smaps_rollup")
	if err != nil {
		return 0, err
	}
	kib, err := field(maps, "Rss:")
	return kib << 10, err
}

func (s *Server) proc(file string) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.cmd.Process.Pid, file))
	if err != nil {
		return "", fmt.Errorf("usage of the server: %w", err)
	}
	return string(b), nil
}

// cpuTime reads utime and stime, fields 14 and 15 of /proc/PID/stat, counted
// behind the command's closing parenthesis since the name may hold anything.
func cpuTime(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat has %d fields", len(fields))
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("/proc/PID/stat: utime %q, stime %q", fields[11], fields[12])
	}
	return time.Duration(user+system) * tick, nil
}

// field finds the number on the line that begins with name.
func field(text, name string) (uint64, error) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			return strconv.ParseUint(n, 10, 64)
		}
	}
	return 0, fmt.Errorf("no %s in what /proc says", name)
}
