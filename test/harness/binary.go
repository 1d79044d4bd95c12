//go:build linux

package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// Binary returns the path of vaiven, built once per test process under the race
// detector: a race that any suite meets ends that server with exit code 66.
// VAIVEN_BIN names one that is built already.
func Binary(t testing.TB) string {
	t.Helper()
	if p := os.Getenv("VAIVEN_BIN"); p != "" {
		return p
	}
	path, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var builtOnce = sync.OnceValues(func() (string, error) {
	path := filepath.Join(Root(), ".work", "vaiven-race")
	return path, build(path, nil, "-race")
})

// CrossBinary builds vaiven for another system, as `make dist` does.
func CrossBinary(t testing.TB, goos, goarch string) string {
	t.Helper()
	path := filepath.Join(Root(), ".work", "vaiven-"+goos+"-"+goarch)
	if err := build(path, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}, "-trimpath"); err != nil {
		t.Fatal(err)
	}
	return path
}

// build writes to a name of its own first: several test processes may build at
// once, and a program that runs cannot be overwritten.
func build(path string, env []string, flags ...string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	tmp := filepath.Join(dir, "vaiven")
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", tmp, "./cmd/vaiven")...)
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Root is the module's folder.
func Root() string {
	_, file, _, ok := runtime.Caller(0)
	if ok && filepath.IsAbs(file) {
		return filepath.Dir(filepath.Dir(filepath.Dir(file)))
	}
	root, err := filepath.Abs(filepath.Join("..", "..")) // built with -trimpath: tests run in their package's folder
	if err != nil {
		panic(err)
	}
	return root
}
