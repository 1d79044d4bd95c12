//go:build suites && linux

package gateways

import (
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"vaiven/test/harness"
)

var firstRecord = regexp.MustCompile(`(?m)^vaiven_log_first_record ([0-9.e+]+)$`)

// whole reports whether the log that a gateway sees still has its first record.
func whole(t *testing.T, s *harness.Server) bool {
	t.Helper()
	res, err := harness.Get("http://" + s.Addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	m := firstRecord.FindSubmatch(b)
	if err != nil || m == nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return string(m[1]) == "1"
}

// TestANodeComesLater: two gateways write to one log, and trim it. A third one with
// an empty folder begins with a snapshot and what is behind it. Its devices are those
// of the others, and so are its CSV's rows, from where it begins.
func TestANodeComesLater(t *testing.T) {
	nats := natsServer(t)
	trimming := []string{"--keep-log-size", "200kB", "--trim-grace", "1s", "--commit-every", "0", "--no-history"}
	gateway := func() *harness.Server {
		s := harness.NewServer(t, "serve", t.TempDir(), append([]string{"--nats", "nats://" + nats}, trimming...)...)
		s.Env = append(s.Env, "TZ=UTC", "VAIVEN_UNSAFE_SMALL_LOG=1")
		s.StartReady()
		return s
	}
	a, b := gateway(), gateway()
	f := harness.NewFleet(t, a.Addr, boards)
	for _, board := range f.Boards {
		board.Pace = 20 * time.Millisecond
	}
	f.Start(t)
	harness.Until(t, 4*time.Minute, "the log is trimmed", func() bool { return !whole(t, a) })
	c := gateway()
	for i, board := range f.Boards {
		board.Move([]string{a.Addr, b.Addr, c.Addr}[i%3])
	}
	progress(t, f)
	b.Kill() // it comes back without its checkpoint, to a log that goes on without it
	if err := os.Remove(b.Data + "/checkpoint"); err != nil {
		t.Fatal(err)
	}
	for i, board := range f.Boards {
		board.Move([]string{a.Addr, c.Addr}[i%2])
	}
	progress(t, f)
	b.StartReady()
	progress(t, f)
	f.Stop()
	var rows string
	harness.Until(t, 4*time.Minute, "all gateways hold the same rows", func() bool {
		x, errA := os.ReadFile(a.CSV())
		y, errB := os.ReadFile(b.CSV())
		z, errC := os.ReadFile(c.CSV())
		rows = string(z)
		_, own, _ := strings.Cut(rows, "\n")
		return errA == nil && errB == nil && errC == nil && string(x) == string(y) && own != "" && strings.HasSuffix(string(x), "\n"+own)
	})
	if strings.HasPrefix(strings.SplitN(rows, "\n", 3)[1], "1,") {
		t.Error("the third gateway has read the log from its beginning")
	}
	same(t, a, b, c)
	for _, s := range []*harness.Server{a, b, c} {
		s.Stop()
		out, errs, code := harness.Vaiven(t, "verify", "--data", s.Data, "--nats", "nats://"+nats, "--lang", "en")
		if code != 0 {
			t.Errorf("verify: %d\n%s%s", code, out, errs)
		}
	}
	f.CheckCSV(t, a.CSV())
}
