package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// TestWhatAnswersAtServerDrawsNothing: --server may lead to anything.
func TestWhatAnswersAtServerDrawsNothing(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		_, _ = w.Write([]byte(`{"title":"a","status":409,"detail":"\u001b[2Jone\nerror: two","hint":"\u001b]0;x\u0007three\nfour","errors":[{"location":"\u009bx","message":"\u001b[31mfive"}]}`))
	}))
	defer s.Close()
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"devices", "--server", s.URL, "--lang", "en"}, streams{os.Stdin, &out, &errs, func(string) string { return "" }})
	if code != exitError || strings.ContainsAny(errs.String(), "\x1b\x07\u009b") || strings.Count(errs.String(), "\n") != 2 {
		t.Errorf("exit %d: %q", code, errs.String())
	}
	for _, word := range []string{"one; error: two", "three; four", "five"} {
		if !strings.Contains(errs.String(), word) {
			t.Errorf("no %q in %q", word, errs.String())
		}
	}
}
