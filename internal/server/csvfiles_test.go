package server

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaiven/internal/csvfile"
	"vaiven/internal/web/api"
)

// TestAllCSVFilesAreHandedOut by the API: those of both dialects, ended or not, and the
// summary of a run; each as it lies in the folder.
func TestAllCSVFilesAreHandedOut(t *testing.T) {
	o := options(t.TempDir())
	o.CSVRotate, o.CSVDialect = "rows=40", csvfile.ExcelES
	s := launch(t, o)
	s.record("101", 1, 100)
	for name, text := range map[string]string{SummaryName: "device,name\n101,Ana\n", "notes.csv": "mine\n", "readings-000009.csv": "mine\n"} {
		if err := os.WriteFile(filepath.Join(o.Data, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := s.ask()
	list, err := c.CSVFiles(testContext(t), "")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list.Files {
		names = append(names, f.Name)
		var b bytes.Buffer
		n, err := c.CSV(testContext(t), f.Name, 0, &b)
		lies, read := os.ReadFile(filepath.Join(o.Data, f.Name))
		if err := errors.Join(err, read); err != nil || n != f.Bytes || b.String() != string(lies) {
			t.Errorf("%s: %d bytes of %d, %v", f.Name, n, f.Bytes, err)
		}
		if strings.HasSuffix(f.Name, "000001.csv") && (f.Rows != 40 || f.Growing || f.From.IsZero() || f.To.Before(f.From)) {
			t.Errorf("%+v", f)
		}
	}
	want := "readings.csv readings-excel.csv resumen.csv readings-000002.csv readings-000001.csv readings-excel-000002.csv readings-excel-000001.csv"
	if got := strings.Join(names, " "); got != want || list.Next != "" {
		t.Errorf("%s\nwant %s", got, want)
	}
	files, more, err := csvFiles{s.Server}.List("readings.csv", 3)
	if err != nil || !more || len(files) != 3 || files[2].Name != "readings-000002.csv" {
		t.Errorf("a page: %v, %t, %v", files, more, err)
	}
	for _, name := range []string{"notes.csv", "readings-000009.csv", "checkpoint", "readings.csv.vaiven.json"} {
		var refused *api.Problem
		if _, err := c.CSV(testContext(t), name, 0, &bytes.Buffer{}); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	aside := o.Data + "-away" // as a stick that was pulled out
	if err := os.Rename(o.Data, aside); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (csvFiles{s.Server}).List("", 10); err == nil {
		t.Error("files of a folder that is away")
	}
	if err := os.Rename(aside, o.Data); err != nil {
		t.Fatal(err)
	}
}
