package web

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkSetState is what the API adds to a change: access, validation,
// JSON; without a network and without a log.
func BenchmarkSetState(b *testing.B) {
	w := newWorld(b)
	h := New(w.options())
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("PUT", "http://"+self+prefix+"/devices/101/state", strings.NewReader(`{"LED":1}`))
		r.RemoteAddr = here
		r.Header.Set("Content-Type", "application/json")
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if rec.Code != 200 {
			b.Fatal(rec.Code, rec.Body)
		}
		w.asks, w.twins["101"].Recent = nil, nil
	}
}

// BenchmarkNew is what the API costs a server's start.
func BenchmarkNew(b *testing.B) {
	o := newWorld(b).options()
	for b.Loop() {
		New(o)
	}
}
