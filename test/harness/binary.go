//go:build linux

package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// binaryVar names a program that is built already.
const binaryVar = "VAIVEN_BIN"

// Binary returns the path of vaiven, built once per test process under the race
// detector: a race that any suite meets ends that server with exit code 66.
// VAIVEN_BIN names one that is built already.
func Binary(t testing.TB) string {
	t.Helper()
	if p := os.Getenv(binaryVar); p != "" {
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
	return path, build(path, []string{"CGO_ENABLED=1", "GOFLAGS=" + untrimmed()}, "-race")
})

// untrimmed is GOFLAGS without -trimpath, so that the build shares its cache
// with the race tests of the packages.
func untrimmed() string {
	flags := strings.Fields(os.Getenv("GOFLAGS"))
	return strings.Join(slices.DeleteFunc(flags, func(f string) bool { return f == "-trimpath" }), " ")
}

// MainWithoutRace runs a suite's tests with a vaiven as it is released: for
// suites that start it hundreds of times, which the race detector makes slow.
func MainWithoutRace(m *testing.M) (code int) {
	if os.Getenv(binaryVar) != "" {
		return m.Run()
	}
	path := filepath.Join(Root(), ".work", "vaiven-plain")
	err := build(path, []string{"CGO_ENABLED=0"}, "-trimpath")
	if err == nil {
		err = os.Setenv(binaryVar, path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// CrossBinary builds vaiven for another system, as `make dist` does, with more flags
// if there are any.
func CrossBinary(t testing.TB, goos, goarch string, flags ...string) string {
	t.Helper()
	path := filepath.Join(Root(), ".work", "vaiven-"+goos+"-"+goarch)
	if err := build(path, []string{"GOOS=" + goos, "GOARCH=" + goarch, "CGO_ENABLED=0"}, append(flags, "-trimpath", "-ldflags=-s -w")...); err != nil {
		t.Fatal(err)
	}
	return path
}

// build makes a program, one test process at a time: whoever comes later finds it
// up to date, which costs go a second and no linking.
func build(path string, env []string, flags ...string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	lock, err := os.Create(path + ".lock")
	if err != nil {
		return err
	}
	defer lock.Close() // which unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	cmd := exec.Command("go", append(append([]string{"build"}, flags...), "-o", path, "./cmd/vaiven")...)
	cmd.Dir = Root()
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// Root is the module's folder. Tests run in their package's folder, somewhere
// below it.
func Root() string {
	dir, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			err = errors.New("no go.mod here or above")
		}
		dir = filepath.Dir(dir)
	}
	panic(err) // nothing could run
}
