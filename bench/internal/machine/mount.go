package machine

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

type mount struct{ point, kind, device, number, options string } // number: "MAJOR:MINOR"

// mountOf finds the mount that holds dir: the longest mount point that is a
// prefix of it, and of several on one point the last.
func mountOf(dir string) (mount, error) {
	path, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return mount{}, fmt.Errorf("file system of %s: %w", dir, err)
	}
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return mount{}, fmt.Errorf("file system of %s: %w", dir, err)
	}
	var best mount
	for line := range strings.Lines(string(b)) {
		m, ok := parseMount(line)
		if ok && holds(m.point, path) && len(m.point) >= len(best.point) {
			best = m
		}
	}
	if best.kind == "" {
		return best, fmt.Errorf("file system of %s: not in /proc/self/mountinfo", path)
	}
	return best, nil
}

// parseMount reads a line of proc(5), mountinfo: "36 35 98:0 /root /point
// options [fields...] - type device super-options".
func parseMount(line string) (mount, bool) {
	left, right, ok := strings.Cut(line, " - ")
	l, r := strings.Fields(left), strings.Fields(right)
	if !ok || len(l) < 6 || len(r) < 2 {
		return mount{}, false
	}
	point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(l[4])
	return mount{point: point, kind: r[0], device: r[1], number: l[2], options: l[5]}, true
}

func holds(point, path string) bool {
	return point == "/" || path == point || strings.HasPrefix(path, point+"/")
}
