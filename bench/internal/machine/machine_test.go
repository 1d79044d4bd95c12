package machine

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParseMount(t *testing.T) {
	m, ok := parseMount("36 35 98:0 /root /mnt/a\\040b rw,noatime shared:1 - ext3 /dev/sda rw\n")
	if want := (mount{point: "/mnt/a b", kind: "ext3", device: "/dev/sda", number: "98:0", options: "rw,noatime"}); !ok || m != want {
		t.Errorf("%+v, %v", m, ok)
	}
	if _, ok := parseMount("nonsense"); ok {
		t.Error("nonsense was taken")
	}
}

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		point, path string
		want        bool
	}{{"/", "/a", true}, {"/a", "/a", true}, {"/a", "/a/b", true}, {"/a", "/ab", false}} {
		if got := holds(c.point, c.path); got != c.want {
			t.Errorf("holds(%q, %q) = %v", c.point, c.path, got)
		}
	}
}

func TestMountOfProc(t *testing.T) {
	if m, err := mountOf("/proc/self"); err != nil || m.kind != "proc" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestFolderSize(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"one", "a/two", "a/b/three"} {
		if err := os.WriteFile(filepath.Join(dir, p), make([]byte, 100), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := FolderSize(dir); err != nil || got != 300 {
		t.Errorf("%d, %v", got, err)
	}
}

func TestMemoryIsNoDisk(t *testing.T) {
	for kind, refused := range map[string]bool{"tmpfs": true, "ramfs": true, "ext4": false, "overlay": false} {
		if err := onDisk(mount{kind: kind}, "/data"); (err != nil) != refused {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
