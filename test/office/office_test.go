//go:build office && linux

package office

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"vaiven/test/harness"
)

// TestMain: how fast the program is does not matter here, nor races.
func TestMain(m *testing.M) { os.Exit(harness.MainWithoutRace(m)) }

// spanish makes a profile of LibreOffice speak as in Spain.
const spanish = `<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry">
<item oor:path="/org.openoffice.Setup/L10N"><prop oor:name="ooSetupSystemLocale" oor:op="fuse"><value>es-ES</value></prop></item>
</oor:items>
`

// TestLibreOfficeUnderstandsExports has it read a dialect's CSV as it does after a
// double click in Spanish, and a workbook, and write what it understood.
func TestLibreOfficeUnderstandsExports(t *testing.T) {
	dir := t.TempDir()
	s := harness.NewServer(t, "serve", filepath.Join(dir, "data"), "--csv-zone", "America/Bogota")
	s.StartReady()
	vaiven(t, "simulate", "--url", "ws://"+s.Addr, "--devices", "3", "--interval", "10ms", "--readings", "100")
	s.Stop()
	for _, name := range []string{"es.csv", "libro.xlsx"} {
		args := []string{"export", filepath.Join(dir, name), "--data", s.Data}
		if name == "es.csv" {
			args = append(args, "--dialect", "excel-es")
		}
		vaiven(t, args...)
	}
	profile := filepath.Join(dir, "profile")
	if err := os.MkdirAll(filepath.Join(profile, "user"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user", "registrymodifications.xcu"), []byte(spanish), 0o644); err != nil {
		t.Fatal(err)
	}
	// 59: fields end with ;  34: quotes are "  76: UTF-8  0: the locale's language
	convert := func(args ...string) {
		t.Helper()
		args = append([]string{"-env:UserInstallation=file://" + profile, "--headless", "--norestore"}, args...)
		if out, err := exec.CommandContext(t.Context(), "soffice", args...).CombinedOutput(); err != nil {
			t.Fatalf("soffice: %v\n%s", err, out)
		}
	}
	convert("--infilter=CSV:59,34,76,1,,0,false,true", "--convert-to", "xlsx", "--outdir", filepath.Join(dir, "read"), filepath.Join(dir, "es.csv"))
	convert("--infilter=CSV:44,34,76,1,,0,false,true", "--convert-to", "xlsx", "--outdir", filepath.Join(dir, "read"), s.CSV())
	convert("--convert-to", "csv:Text - txt - csv (StarCalc):59,34,76,1,,0,false,true", "--outdir", filepath.Join(dir, "read"), filepath.Join(dir, "libro.xlsx"))
	cmd := exec.CommandContext(t.Context(), "/usr/bin/python3", "check.py", s.CSV(), filepath.Join(dir, "read"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func vaiven(t *testing.T, args ...string) {
	t.Helper()
	if out, errs, code := harness.Vaiven(t, args...); code != 0 {
		t.Fatalf("vaiven %v: %d\n%s%s", args, code, out, errs)
	}
}
