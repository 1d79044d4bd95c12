package report

import (
	"os"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	s := Samples{}
	for _, v := range []float64{9, 1, 5} {
		s.Add("m", "p", v)
	}
	if got, _ := s.Of("m", "p"); got != (Summary{Median: 5, Min: 1, Max: 9}) {
		t.Errorf("odd: %+v", got)
	}
	s.Add("m", "p", 6)
	if got, _ := s.Of("m", "p"); got.Median != 5.5 {
		t.Errorf("even: %+v", got)
	}
	if _, ok := s.Of("m", "q"); ok {
		t.Error("a peer that was not measured has a summary")
	}
}

func TestNumber(t *testing.T) {
	for want, got := range map[string]string{
		"0": number(0.4, 0), "999": number(999, 0), "1,000": number(1000, 0),
		"1,234,567.50": number(1234567.5, 2), "-1,234": number(-1234, 0), "-12": number(-12, 0),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestTargets(t *testing.T) {
	r := &Results{Samples: Samples{}}
	r.Samples.Add(SaturatedCPU, "vaiven", 12)
	r.Samples.Add(SaturatedCPU, "goroutines", 10)
	r.Samples.Add(SaturatedCPU, "course", 50)
	r.Samples.Add(PacedP99, "vaiven", 11)
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		want bool
	}{
		{"1.20 times (at most 1.25 times) | reached", true},
		{"0.24 times (at most 0.20 times) | **missed**", true},
		{"11.00 (at most 10.00) | **missed**", true},
		{"no more than Mosquitto", false}, // not measured: not claimed
	} {
		if got := strings.Contains(squeeze(b.String()), c.line); got != c.want {
			t.Errorf("%q in the report: %v, want %v\n%s", c.line, got, c.want, b.String())
		}
	}
}

// A section may compare something else than servers.
func TestOwnColumns(t *testing.T) {
	r := &Results{Peers: []Peer{{Key: "vaiven"}, {Key: "course"}}, Samples: Samples{}}
	more := Samples{}
	for _, v := range []float64{1.2, 1.0, 1.3} {
		more.Add(StalledP99, "sse", v)
	}
	r.Samples.Add(StalledP99, "ws", 1.05)
	r.Samples.Merge(more)
	var b strings.Builder
	if err := r.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"less than 10 %: ws | 1.05 (at most 1.10) | reached", "less than 10 %: sse | 1.20 (at most 1.10) | **missed**", "| ws | sse | ndjson | poll |", "| 1.05 | 1.20 (1.00 to 1.30) | | |"} {
		if !strings.Contains(squeeze(b.String()), want) {
			t.Errorf("%q is not in the report:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "## Ratios") {
		t.Error("ratios between servers of what only one of them has")
	}
}

func squeeze(s string) string { return strings.Join(strings.Fields(s), " ") }

func TestDisturbed(t *testing.T) {
	r := &Results{Samples: Samples{}}
	r.Samples.Add(PacedOthers, "vaiven", 3)
	var quiet, loud strings.Builder
	_ = r.Markdown(&quiet)
	r.Samples.Add(PacedOthers, "vaiven", 40)
	_ = r.Markdown(&loud)
	if strings.Contains(quiet.String(), "not quiet") || !strings.Contains(loud.String(), "not quiet") {
		t.Errorf("quiet:\n%s\nloud:\n%s", quiet.String(), loud.String())
	}
}

func TestKeep(t *testing.T) {
	r := &Results{Date: "2026-01-02", Samples: Samples{}}
	path, err := r.Keep(t.TempDir() + "/results")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, strings.TrimSuffix(path, ".md") + ".json"} {
		if _, err := os.Stat(p); err != nil {
			t.Error(err)
		}
	}
}
