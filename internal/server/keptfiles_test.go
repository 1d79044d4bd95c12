package server

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestABackupTakesFilesThatTheSidecarDoesNotKnow, as after it was lost; nobody else's.
func TestABackupTakesFilesThatTheSidecarDoesNotKnow(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "readings.csv")
	for _, name := range []string{"readings.csv", "readings-2026-01.csv", "readings-000002-2.csv", "readings-excel.csv", "readings-2026-01.txt", "other-2026-01.csv"} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(csv), name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if names, err := csvNames(csv); err != nil || names != nil {
		t.Errorf("without a sidecar: %v, %v", names, err)
	}
	side := `{"version":3,"log":"x","columns":["TEMP"],"zone":"UTC","created":"2026-01-01T00:00:00Z","finished":[{"name":"readings-2026-01.csv","first":1,"last":2,"bytes":9,"crc64":"1","modified":"2026-01-01T00:00:00Z"}]}`
	if err := os.WriteFile(csv+".vaiven.json", []byte(side), 0o644); err != nil {
		t.Fatal(err)
	}
	names, err := csvNames(csv)
	if want := []string{"readings.csv.vaiven.json", "readings.csv", "readings-2026-01.csv", "readings-000002-2.csv"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("%v, %v", names, err)
	}
}
