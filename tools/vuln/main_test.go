package main

import (
	"slices"
	"strings"
	"testing"
)

// TestRead: what is only imported is no hole of ours, and each is told once.
func TestRead(t *testing.T) {
	const said = `{"config":{"protocol_version":"v1.0.0"}}
{"osv":{"id":"GO-2026-1","summary":" A hole\n"}}
{"finding":{"osv":"GO-2026-1","fixed_version":"v1.2.3","trace":[{"module":"example.org/m","version":"v1.0.0"}]}}
{"finding":{"osv":"GO-2026-1","fixed_version":"v1.2.3","trace":[{"module":"example.org/m","version":"v1.0.0","package":"example.org/m/p","function":"F"},{"module":"vaiven"}]}}
{"finding":{"osv":"GO-2026-1","fixed_version":"v1.2.3","trace":[{"module":"example.org/m","version":"v1.0.0","package":"example.org/m/p","function":"G"}]}}
{"finding":{"osv":"GO-2026-2","trace":[{"module":"stdlib","version":"v1.26.8"}]}}
`
	holes, summaries, err := read(strings.NewReader(said))
	if want := []hole{{"GO-2026-1", "example.org/m", "v1.0.0", "v1.2.3"}}; err != nil || !slices.Equal(holes, want) {
		t.Errorf("%+v, %v; want %+v", holes, err, want)
	}
	if summaries["GO-2026-1"] != "A hole" {
		t.Errorf("%q", summaries)
	}
	if _, _, err := read(strings.NewReader(`{"osv":`)); err == nil {
		t.Error("half an answer is taken for a whole one")
	}
}
