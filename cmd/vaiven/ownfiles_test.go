package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAnExportSparesTheServersFiles names every file of a data folder, of one whose log
// was trimmed say, and of a CSV elsewhere: none is touched, whoever is asked. Other files
// beside them are written.
func TestAnExportSparesTheServersFiles(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte("IDdato\n"))
	}))
	defer s.Close()
	top := t.TempDir()
	own := []string{
		"data/readings.csv", "data/readings-2026-10.csv", "data/readings-excel.csv", "data/readings.csv.vaiven.json", "data/readings.csv.vaiven.lock",
		"data/readings.edited-20261122-120000.csv", "data/checkpoint", "data/remote-write", "data/turn", "data/resumen.csv", "data/cli-token", "data/tls/ca.pem",
		"data/log/acked", "data/log/jetstream/meta.inf", "data/history/manifest", "data/aside-20261122-120000/log/acked",
		"stick/lab.csv", "stick/lab.csv.vaiven.json", "stick/lab-2026-10.csv", "real/all.csv", "disk[1]/a.csv", "disk[1]/a.csv.vaiven.json",
	}
	for _, name := range own {
		put(t, filepath.Join(top, name), "own")
	}
	if err := os.MkdirAll(filepath.Join(top, "linked"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"folder": "data", "linked/log": "../data/log", "linked/readings.csv": "../real/all.csv"} {
		if err := os.Symlink(to, filepath.Join(top, link)); err != nil {
			t.Fatal(err)
		}
	}
	export := func(name string, more ...string) (int, string) {
		var out, errs bytes.Buffer
		args := append([]string{"export", filepath.Join(top, name), "--format", "csv", "--lang", "en"}, more...)
		code := run(t.Context(), args, streams{os.Stdin, &out, &errs, func(string) string { return "" }})
		return code, errs.String()
	}
	remote, local := []string{"--server", s.URL}, []string{"--data", filepath.Join(top, "data")}
	refused := append([]string{"data/readings.csv.new", "data/Readings.CSV", "data/log/x.csv", "data/history/x.csv", "folder/readings.csv", "linked/readings.csv", "folder/log/x.csv", "data/../data/log/x.csv"}, own...)
	for _, name := range refused {
		for _, how := range [][]string{remote, local} {
			if name == "real/all.csv" { // only who knows the link's folder knows
				how = append(how, "--data", filepath.Join(top, "linked"))
			}
			if code, errs := export(name, how...); code != exitUsage || !strings.Contains(errs, "server's own files") || !strings.Contains(errs, "another folder") {
				t.Errorf("%s %v: exit %d, %s", name, how, code, errs)
			}
		}
	}
	for _, name := range own {
		if b, err := os.ReadFile(filepath.Join(top, name)); err != nil || string(b) != "own" {
			t.Errorf("%s is %q, %v", name, b, err)
		}
	}
	if asked != 0 {
		t.Errorf("the server was asked %d times", asked)
	}
	for _, name := range []string{"data/all.csv", "data/readings.xlsx", "data/log-of-today.csv", "readings.csv", "stick/labour.csv", "log.csv"} {
		for range 2 { // the second replaces the first
			if code, errs := export(name, remote...); code != 0 {
				t.Errorf("%s: exit %d, %s", name, code, errs)
			}
		}
	}
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
