package main

import (
	"bytes"
	"io"
	"log"
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

// TestTheWrongScheme is said to be that, whichever of the two it is.
func TestTheWrongScheme(t *testing.T) {
	secure, plain := httptest.NewUnstartedServer(http.NotFoundHandler()), httptest.NewServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	defer plain.Close()
	for _, c := range [][3]string{
		{"http" + strings.TrimPrefix(secure.URL, "https"), "en", "speaks TLS only"},
		{"http" + strings.TrimPrefix(secure.URL, "https"), "es", "solo habla TLS"},
		{"https" + strings.TrimPrefix(plain.URL, "http"), "en", "speaks no TLS"},
		{"https" + strings.TrimPrefix(plain.URL, "http"), "es", "no habla TLS"},
	} {
		var errs bytes.Buffer
		code := run(t.Context(), []string{"devices", "--server", c[0], "--lang", c[1]}, streams{os.Stdin, io.Discard, &errs, func(string) string { return "" }})
		if code != exitError || !strings.Contains(errs.String(), c[2]) {
			t.Errorf("%s: exit %d: %s", c[0], code, errs.String())
		}
	}
}
