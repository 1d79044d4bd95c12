package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// imageSize is the size of a disk of one's own, in bytes. Memory is used for what is
// written to it.
const imageSize = 4 << 30

// Mount makes a disk of one's own in memory, with an ext4 as mkfs makes it on a card, and
// mounts it at dir: what is written to it is only what the server under test writes, and
// goes through the file system's journal as on a card. It needs root. The caller unmounts.
func Mount(ctx context.Context, dir string) (unmount func() error, err error) {
	file, err := os.CreateTemp("/dev/shm", "bench-*.ext4")
	if err != nil {
		return nil, fmt.Errorf("a disk in memory: %w", err)
	}
	defer os.Remove(file.Name()) // it lives on while it is mounted
	if err := errors.Join(file.Truncate(imageSize), file.Close()); err != nil {
		return nil, fmt.Errorf("a disk in memory: %w", err)
	}
	// What mkfs leaves to the first minutes of a mount would be counted.
	if err := run(ctx, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", file.Name()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := run(ctx, "mount", "-o", "loop", file.Name(), dir); err != nil {
		return nil, err
	}
	return func() error { return run(context.WithoutCancel(ctx), "umount", dir) }, nil
}

func run(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
