package server

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestABackupTakesFilesThatTheSidecarDoesNotKnow, as after it was lost; nobody else's.
func TestABackupTakesFilesThatTheSidecarDoesNotKnow(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	csv := filepath.Join(dir, "readings.csv")
	for _, name := range []string{"readings.csv", "readings-2026-01.csv", "readings-000002-2.csv", "readings-excel.csv", "readings-2026-01.txt", "other-2026-01.csv"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(csv), name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if paths, err := csvPaths(csv); err != nil || paths != nil {
		t.Errorf("without a sidecar: %v, %v", paths, err)
	}
	side := `{"version":3,"log":"x","columns":["TEMP"],"zone":"UTC","created":"2026-01-01T00:00:00Z","finished":[{"name":"readings-2026-01.csv","first":1,"last":2,"bytes":9,"crc64":"1","modified":"2026-01-01T00:00:00Z"}]}`
	if err := os.WriteFile(csv+".vaiven.json", []byte(side), 0o644); err != nil {
		t.Fatal(err)
	}
	want := func(csv string) (paths []string) {
		paths = []string{csv + ".vaiven.json", csv}
		for _, name := range []string{"readings-2026-01.csv", "readings-000002-2.csv"} {
			paths = append(paths, filepath.Join(dir, name))
		}
		return paths
	}
	if paths, err := csvPaths(csv); err != nil || !slices.Equal(paths, want(csv)) {
		t.Errorf("%v, %v", paths, err)
	}
	// Another folder's name of it: what ended is beside the file itself.
	link := filepath.Join(t.TempDir(), "readings.csv")
	if err := os.Symlink(csv, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(csv+".vaiven.json", link+".vaiven.json"); err != nil {
		t.Fatal(err)
	}
	if paths, err := csvPaths(link); err != nil || !slices.Equal(paths, want(link)) {
		t.Errorf("through a link: %v, %v", paths, err)
	}
}
