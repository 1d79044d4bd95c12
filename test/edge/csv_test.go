//go:build suites && linux

package edge

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaiven/test/harness"
)

// TestTwoServersOneCSV: the second is refused by name, and the first goes on.
func TestTwoServersOneCSV(t *testing.T) {
	csv := filepath.Join(t.TempDir(), "aula.csv")
	first := harness.NewServer(t, "serve", t.TempDir(), "--csv", csv)
	first.StartReady()
	second := harness.NewServer(t, "serve", t.TempDir(), "--csv", csv)
	second.Start()
	if code := second.Wait(patience); code != 1 {
		t.Errorf("exit %d", code)
	}
	for _, want := range []string{"another vaiven writes " + csv, first.Data, "--csv"} {
		if !strings.Contains(second.Stderr(), want) {
			t.Errorf("it says nothing of %q:\n%s", want, second.Stderr())
		}
	}
	c := mustOpen(t, first.Addr)
	c.send(t, `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":20,"HUM":61}`)
	c.say(t, `"ACK":1`)
	first.Stop()
	if rows, err := harness.ReadCSV(csv); err != nil || len(rows) != 1 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
}

// TestSpreadsheetFileIsCompleteAfterAKill: the second file has each row of the
// exact one, in figures and bytes as asked for, also when the program was killed
// the next start does not ask for it, and its sidecar is damaged.
func TestSpreadsheetFileIsCompleteAfterAKill(t *testing.T) {
	data := t.TempDir()
	s := harness.NewServer(t, "serve", data, "--csv-digits", "3", "--csv-dialect", "excel-es", "--csv-columns", "TEMP,HUM,CO2")
	s.StartReady()
	c := mustOpen(t, s.Addr)
	c.send(t, `{"IDDEVICE":101,"BOOT":"9f3c02aa","SEQ":1,"TEMP":24.5,"HUM":61,"CO2":412.5}`)
	c.say(t, `"ACK":1`)
	s.Kill()
	if err := os.WriteFile(filepath.Join(data, "readings-excel.csv.vaiven.json"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}

	s = harness.NewServer(t, "serve", data)
	s.StartReady()
	c = mustOpen(t, s.Addr)
	c.send(t, `{"IDDEVICE":7,"BOOT":"9f3c02ab","SEQ":1,"TEMP":-5,"HUM":8}`)
	c.say(t, `"ACK":1`)
	s.Stop()
	harness.Verify(t, data)
	exact := read(t, filepath.Join(data, "readings.csv"))
	sheet := read(t, filepath.Join(data, "readings-excel.csv"))
	if lines := strings.Split(exact, "\n"); len(lines) != 4 || !strings.HasSuffix(lines[1], ",025,061,412.5") || !strings.HasSuffix(lines[2], ",-005,008,") {
		t.Errorf("exact:\n%s", exact)
	}
	want := "\ufeff" + strings.NewReplacer(",", ";", ".", ",", "\n", "\r\n").Replace(exact)
	if sheet != want {
		t.Errorf("for the spreadsheet:\n%q\nwant\n%q", sheet, want)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
