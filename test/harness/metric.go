//go:build linux

package harness

import (
	"io"
	"strconv"
	"strings"
	"testing"
)

// Metric reads a number from the /metrics of a server.
func Metric(t testing.TB, addr, name string) float64 {
	t.Helper()
	res, err := Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s is not among the metrics", name)
	return 0
}
