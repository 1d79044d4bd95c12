package machine

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestSectorsWritten(t *testing.T) {
	const stats = "   8       0 sda 1 2 3 4 5 6 70 8 9 10 11\n   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n 254       0 vda 1 2 3 4 5 6 900 8 9 10 11\n"
	for number, want := range map[string]uint64{"8:0": 70, "8:1": 7, "254:0": 900} {
		if got, ok := sectorsWritten(stats, number); !ok || got != want {
			t.Errorf("%s: %d, %v; want %d", number, got, ok, want)
		}
	}
	if _, ok := sectorsWritten(stats, "8:2"); ok {
		t.Error("a device that is not there was found")
	}
}

// What is made durable in a folder is counted on its device.
func TestDeviceWritten(t *testing.T) {
	dir, err := os.MkdirTemp(".", "test-*") // the system's temporary folder may be memory
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	before, err := DeviceWritten(dir)
	if err != nil {
		t.Fatal(err)
	}
	const size = 1 << 20
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	syscall.Sync()
	after, err := DeviceWritten(dir)
	if err != nil {
		t.Fatal(err)
	}
	if after-before < size {
		t.Errorf("%d bytes were made durable, the device counts %d", size, after-before)
	}
}
