//go:build suites && linux

package boardtest

import (
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vaiven/test/harness"
)

var (
	buildMu sync.Mutex
	built   = map[string]func() (string, error){}
)

// Build compiles the sketch in folder (from the module's root) with more
// compiler flags, once per test process, and returns the program's path.
func Build(t testing.TB, folder string, flags ...string) string {
	t.Helper()
	key := strings.Join(append([]string{folder}, flags...), " ")
	buildMu.Lock()
	once := built[key]
	if once == nil {
		once = sync.OnceValues(func() (string, error) { return build(folder, key, flags) })
		built[key] = once
	}
	buildMu.Unlock()
	path, err := once()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build(folder, key string, flags []string) (string, error) {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(key)) // never fails
	out := filepath.Join(harness.Root(), ".work", "boards", fmt.Sprintf("%s-%08x-%d", filepath.Base(folder), sum.Sum32(), os.Getpid()))
	args := append([]string{folder, out}, flags...)
	cmd := exec.Command(filepath.Join("firmware", "host", "build"), args...)
	cmd.Dir = harness.Root()
	said, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("firmware/host/build %s: %w\n%s", key, err, said)
	}
	return out, nil
}

// atOnce is how many parallel tests run at a time, whatever the number of
// processors: a board waits for its own slow time, not for a processor.
const atOnce = "6"

// Main runs a suite's tests, and removes the programs that they built.
func Main(m *testing.M) (code int) {
	begin()
	defer removePrograms()
	return m.Run()
}

// MainWithoutRace is Main with a vaiven as it is released.
func MainWithoutRace(m *testing.M) (code int) {
	begin()
	defer removePrograms()
	return harness.MainWithoutRace(m)
}

func begin() {
	if err := flag.Set("test.parallel", atOnce); err != nil {
		panic(err) // testing has always had that flag
	}
}

func removePrograms() {
	buildMu.Lock()
	defer buildMu.Unlock()
	for _, once := range built {
		if path, err := once(); err == nil {
			_ = os.Remove(path)
		}
	}
}
