package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// sector is the unit of /proc/diskstats, whatever the device's own is (Linux,
// Documentation/block/stat.rst).
const sector = 512

// DeviceWritten returns the bytes written so far, by anybody, to the block device
// that holds dir: data, the file system's journal and its metadata.
func DeviceWritten(dir string) (uint64, error) {
	m, err := mountOf(dir)
	if err != nil {
		return 0, err
	}
	b, err := os.ReadFile("/proc/diskstats")
	if err != nil {
		return 0, fmt.Errorf("writes of the device of %s: %w", dir, err)
	}
	n, ok := sectorsWritten(string(b), m.number)
	if !ok {
		return 0, fmt.Errorf("writes of the device of %s: %s (%s) is not in /proc/diskstats", dir, m.device, m.number)
	}
	return n * sector, nil
}

// sectorsWritten finds field 10 of the line of a device MAJOR:MINOR.
func sectorsWritten(stats, number string) (uint64, bool) {
	major, minor, _ := strings.Cut(number, ":")
	for line := range strings.Lines(stats) {
		f := strings.Fields(line)
		if len(f) < 10 || f[0] != major || f[1] != minor {
			continue
		}
		n, err := strconv.ParseUint(f[9], 10, 64)
		return n, err == nil
	}
	return 0, false
}
