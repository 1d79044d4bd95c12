package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnExportThatIsGivenUpLeavesTheOldFile has a server send the beginning of a file
// and then nothing, until a person presses Ctrl-C; and one that breaks off.
func TestAnExportThatIsGivenUpLeavesTheOldFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "all.csv")
	if err := os.WriteFile(file, []byte("old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		breaks bool
		want   string
	}{"Ctrl-C": {false, "interrupted"}, "broken off": {true, "unexpected EOF"}} {
		ctx, cancel := context.WithCancel(t.Context())
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("IDdato,IDdevice,TIMEFLAG,TEMP,HUM\n1,101,2026"))
			_ = http.NewResponseController(w).Flush()
			if c.breaks {
				panic(http.ErrAbortHandler)
			}
			for half, err := os.Stat(file + ".new"); err != nil || half.Size() == 0; half, err = os.Stat(file + ".new") {
				if r.Context().Err() != nil {
					return
				}
			}
			cancel()
			<-r.Context().Done()
		}))
		var out, errs bytes.Buffer
		code := run(ctx, []string{"export", file, "--server", s.URL, "--lang", "en"}, streams{os.Stdin, &out, &errs, func(string) string { return "" }})
		cancel()
		s.Close()
		if code != exitError || !strings.Contains(errs.String(), c.want) || out.Len() > 0 {
			t.Errorf("%s: exit %d, %q, %q", name, code, out.String(), errs.String())
		}
		if b, err := os.ReadFile(file); err != nil || string(b) != "old\n" {
			t.Errorf("%s: the file is %q, %v", name, b, err)
		}
		if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
			t.Errorf("%s: left %v", name, left)
		}
	}
}
