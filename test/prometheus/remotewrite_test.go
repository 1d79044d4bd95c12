//go:build suites && linux

package prometheus

import (
	"bufio"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"vaiven/test/harness"
)

// metric returns one of a server's metrics, 0 when it cannot be asked.
func metric(s *harness.Server, name string) float64 {
	resp, err := harness.Get("http://" + s.Addr + "/metrics")
	if err != nil {
		return 0
	}
	defer func() { _ = resp.Body.Close() }()
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, _ := strconv.ParseFloat(text, 64) // a metric of ours
			return v
		}
	}
	return 0
}

// more waits until the server has so many readings more.
func more(t *testing.T, s *harness.Server, n float64) {
	t.Helper()
	before := metric(s, "vaiven_readings")
	harness.Until(t, harness.ReadyTimeout, "more readings", func() bool { return metric(s, "vaiven_readings") >= before+n })
}

// TestStoreThatWasAwayHasEverythingOnce lets Prometheus receive what simulated boards
// measure, takes it away, kills vaiven meanwhile, and asks both at last: they have the
// same samples, and answer Grafana's requests alike.
func TestStoreThatWasAwayHasEverythingOnce(t *testing.T) {
	p := newPeer(t, t.TempDir())
	p.start()
	data := t.TempDir()
	s := harness.NewServer(t, "serve", data, "--remote-write", p.URL+"/api/v1/write", "--simulate", "3", "--interval", "200ms")
	quiet := *s
	quiet.Args = s.Args[:len(s.Args)-4]
	s.StartReady()
	more(t, s, 20)
	harness.Until(t, harness.ReadyTimeout, "the first samples", func() bool { return metric(s, "vaiven_remote_write_samples_total") > 0 })
	p.stop()
	more(t, s, 20)
	harness.Until(t, harness.ReadyTimeout, "a request that fails", func() bool { return metric(s, "vaiven_remote_write_failures_total") > 0 })
	s.Kill()
	s.StartReady()
	more(t, s, 20)
	s.Stop()
	quiet.StartReady() // nothing is new from here on
	p.start()
	harness.Until(t, harness.ReadyTimeout, "the store to have everything", func() bool {
		return metric(&quiet, "vaiven_remote_write_ok") == 1 && metric(&quiet, "vaiven_remote_write_lag_records") == 0
	})
	if n := metric(&quiet, "vaiven_remote_write_dropped_samples_total"); n != 0 {
		t.Errorf("%v samples were refused", n)
	}
	end := time.Now().Unix() + 1
	askBoth(t, "http://"+quiet.Addr+"/prometheus", p.URL, end)
	quiet.Stop()
}

// askBoth compares all samples, and what Grafana asks of them.
func askBoth(t *testing.T, ours, theirs string, end int64) {
	at, from := fmt.Sprint(end), fmt.Sprint(end-600)
	span := map[string][]string{"start": {from}, "end": {at}}
	with := func(more ...string) map[string][]string {
		out := map[string][]string{}
		for k, v := range span {
			out[k] = v
		}
		for i := 0; i < len(more); i += 2 {
			out[more[i]] = append(out[more[i]], more[i+1])
		}
		return out
	}
	for _, q := range []request{
		{Path: "/api/v1/query", Params: map[string][]string{"query": {`{__name__=~"vaiven_.+"}[1h]`}, "time": {at}}},
		{Path: "/api/v1/query", Method: "POST", Params: map[string][]string{"query": {`count_over_time(vaiven_reading[1h])`}, "time": {at}}},
		{Path: "/api/v1/query_range", Method: "POST", Params: with("query", "vaiven_reading", "step", "1")},
		{Path: "/api/v1/query_range", Method: "POST", Params: with("query", "avg by (measurement) (vaiven_reading)", "step", "5s")},
		{Path: "/api/v1/labels", Method: "POST", Params: with("match[]", "vaiven_reading")},
		{Path: "/api/v1/label/device/values", Params: with("match[]", "vaiven_reading")},
		{Path: "/api/v1/label/__name__/values", Params: with("match[]", `{__name__=~"vaiven_.+"}`)},
		{Path: "/api/v1/series", Method: "POST", Params: with("match[]", "vaiven_reading", "match[]", "vaiven_state")},
	} {
		us, them := q.ask(t, ours), q.ask(t, theirs)
		if d := gocmp.Diff(them, us, gocmp.Comparer(sameNumber)); d != "" || us.Code != http.StatusOK {
			t.Errorf("%s %v\nPrometheus (-), vaiven (+):\n%s", q.Path, q.Params, d)
		}
	}
	if out := promtool(t, "query", "labels", ours, "device"); strings.Count(out, "\n") < 3 {
		t.Errorf("promtool finds %q", out)
	}
	count := request{Path: "/api/v1/query", Params: map[string][]string{"query": {"count(count_over_time(vaiven_reading[1h]))"}, "time": {at}}}.ask(t, ours)
	if text := fmt.Sprint(count.Body); !strings.Contains(text, " 6 ") { // three boards with two measurements
		t.Errorf("series: %s", text)
	}
}
